"""One run, from its configuration to its generators: where parts are joined."""

import json
import os
import tempfile

import numpy as np

from regan_tf.config import ExperimentConfig
from regan_tf.data import load_image_set, subset_count, subset_indices
from regan_tf.describe import (
    describe_config,
    describe_network,
    describe_timetable,
)
from regan_tf.errors import UserError
from regan_tf.regan.schedule import AlternatingSchedule, check_timetable
from regan_tf.train.run_dir import RunDir, write_atomically

# Training images of sets that need not be loaded to be counted.
KNOWN_COUNTS = {"cifar10": 50_000, "digits": 1_438}


def run(config: ExperimentConfig, *, dry_run=False, overwrite=False, flags=""):
    """Trains, scores and exports what `config` says; resumes what is there.

    Args:
        config: the configuration as the flags gave it.
        dry_run: print what would be done, and stop.
        overwrite: move an old run directory aside.
        flags: the run as a flag file, to be kept with it.

    Raises:
        UserError: the configuration fits neither data nor run directory.
        Diverged: training produced values that are not finite.
    """
    if dry_run:
        return _dry_run(config)
    images = load_images(config)
    config = config.at(len(images.train))
    if config.method.prune != "none":
        check_timetable(make_schedule(config), config.training.steps)
    strategy = start_tensorflow(config)
    run_dir = RunDir(_own_root(config))
    resume = run_dir.open(config, flags, overwrite)
    print(run_dir.layout())
    return Run(config, images, strategy, run_dir).execute(resume)


def make_schedule(config):
    """The pruning schedule of a configuration, or None for dense training."""
    method = config.method
    if method.prune == "none":
        return None
    if method.sparsity_schedule:
        from regan_tf.regan.tfmot_bridge import schedule_from_text

        return schedule_from_text(method.sparsity_schedule)
    return AlternatingSchedule(
        method.sparsity,
        method.warmup,
        method.update_interval,
        method.grow_lr_factor,
    )


def _dry_run(config):
    """Prints configuration, networks and timetable; needs no images where
    their number is known or does not matter."""
    known = KNOWN_COUNTS.get(config.data.dataset)
    if known is None or (config.data.path and os.path.exists(config.data.path)):
        known = len(_load_full(config, "train"))
    count = subset_count(known, config.data.fraction, config.data.num_images)
    config = config.at(count)
    schedule = make_schedule(config)
    if schedule is not None:
        check_timetable(schedule, config.training.steps)
    from regan_tf.train.gan import build

    print("configuration:")
    print(describe_config(config))
    for network in build(config):
        print(describe_network(network))
    print(f"timetable on {count:,} images:")
    print(describe_timetable(config, schedule))


def _load_full(config, split):
    return load_image_set(
        config.data.dataset,
        path=config.data.path,
        resolution=config.data.resolution,
        split=split,
        skip_bad_images=config.data.skip_bad_images,
    )


class _Images:
    """The image sets of a run: `full`, `train` (its subset), `test`."""

    def __init__(self, config):
        data = config.data
        self.full = _load_full(config, "train")
        self.test = _load_full(config, "test")
        count = subset_count(len(self.full), data.fraction, data.num_images)
        self.indices = subset_indices(self.full.labels, len(self.full), count)
        whole = count == len(self.full)
        self.train = self.full if whole else self.full.take(self.indices)


def load_images(config):
    """Loads the image sets of a run and says what they are."""
    images = _Images(config)
    full, train = images.full, images.train
    print(
        f"{full.name}: training on {len(train):,} of {len(full):,} images, "
        f"{config.data.resolution}×{config.data.resolution}"
    )
    for line in full.skipped[:20]:
        print(f"  skipped {line}")
    return images


def start_tensorflow(config):
    """The strategy of a run.

    Raises:
        UserError: batches do not divide by the devices in use.
    """
    import tensorflow as tf

    from regan_tf.train.strategy import choose_strategy

    strategy = choose_strategy(config.training.devices)
    replicas = strategy.num_replicas_in_sync
    for name in ("batch_size", "generator_batch_size"):
        if getattr(config.training, name) % replicas:
            raise UserError(
                f"--{name} must be a multiple of the {replicas} devices in "
                f"use. Received: {getattr(config.training, name)}"
            )
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy


def _own_root(config):
    """Where this process writes: workers other than the chief, elsewhere."""
    from regan_tf.train.strategy import worker_index

    if worker_index() == 0:
        return config.output.run_dir
    return tempfile.mkdtemp(prefix="regan_tf-worker-")


class Run:
    """A run's parts, joined.

    Args:
        config: `ExperimentConfig` whose durations are steps.
        images: its image sets.
        strategy: a `tf.distribute.Strategy`.
        run_dir: its open `RunDir`.
    """

    def __init__(self, config, images, strategy, run_dir):
        import keras

        from regan_tf.train.gan import GAN
        from regan_tf.train.statistics import Statistics

        self.config = config
        self.images = images
        self.strategy = strategy
        self.run_dir = run_dir
        keras.utils.set_random_seed(config.training.seed)
        with strategy.scope():
            self.gan = GAN(config)
            self.statistics = Statistics()
        self.regan = self._make_regan()

    @property
    def pair(self):
        """The `GeneratorPair`, or None for dense training."""
        return self.regan.pair if self.regan else None

    def _make_regan(self):
        from regan_tf.regan.callback import ReGAN
        from regan_tf.regan.pair import GeneratorPair
        from regan_tf.regan.pruner import Pruner

        method, gan = self.config.method, self.gan
        if method.prune == "none":
            return None
        options = {
            "exclude": method.mask_exclude,
            "regrow": method.regrow,
            "seed": self.config.training.seed,
        }
        pruners = []
        if method.prunes("generator"):
            averages = [gan.average.average] if gan.average else []
            pruners.append(
                Pruner(
                    gan.generator,
                    gan.generator_optimizer,
                    averages=averages,
                    **options,
                )
            )
        if method.prunes("discriminator"):
            pruners.append(
                Pruner(
                    gan.discriminator, gan.discriminator_optimizer, **options
                )
            )
        pair = GeneratorPair(gan.delivered)
        return ReGAN(make_schedule(self.config), pruners, pair)

    def execute(self, resume):
        """Trains from where the run is to its end, then exports.

        Args:
            resume: whether an earlier run is there to go on from.
        """
        from regan_tf.train.callbacks import StopOnSignal

        stop = StopOnSignal()
        stop.arm()
        try:
            self.join(resume)
            done = self.train(stop)
            if stop.received:
                print(
                    f"stopped by {stop.received} after step {done:,}, saved; "
                    "the same command goes on from there"
                )
            else:
                self.finish(done)
        finally:
            stop.disarm()
        print(self.run_dir.layout())

    def join(self, resume):
        """Makes what needs a state to restore, and restores it."""
        from regan_tf.train.checkpoint import Checkpointer
        from regan_tf.train.records import Recorder

        output = self.config.output
        self.state = {}
        self.checkpointer = Checkpointer(
            os.path.join(output.run_dir, "checkpoints"),
            self.state,
            output.keep_checkpoints,
            write_directory=self.run_dir.checkpoints,
        )
        self.scorer = self._make_scorer()
        self.log = self._make_log()
        self._collect_state()
        self.start = self._restore(resume)
        self.recorder = Recorder(self.run_dir, self.start)
        self.scorer.recorder = self.recorder
        if not self.start:
            self._write_start()
        if self.regan:
            self.regan.completed = self.start

    def _collect_state(self):
        parts = {
            "gan": self.gan.state,
            "statistics": self.statistics.state,
            "scorer": self.scorer.state,
            "log": self.log.state,
        }
        if self.regan:
            parts["pair"] = self.pair.state
            for pruner in self.regan.pruners:
                parts[f"pruner_{pruner.model.name}"] = pruner.state
        for part, named in parts.items():
            for name, variable in named.items():
                self.state[f"{part}/{name}"] = variable
        self.checkpointer.track()

    def _restore(self, resume):
        step = self.checkpointer.restore() if resume else None
        if step is not None:
            print(f"going on after step {step:,}")
        elif resume:
            print("the earlier run has no checkpoint; starting from step 0")
        return step or 0

    def _write_start(self):
        config = self.config.as_dict()
        self.recorder.hparams(config)
        subset = {
            "dataset": self.images.full.name,
            "fingerprint": self.images.full.fingerprint,
            "of": len(self.images.full),
            "indices": np.asarray(self.images.indices).tolist(),
            "skipped": list(self.images.full.skipped),
        }
        write_atomically(self.run_dir.subset, json.dumps(subset) + "\n")

    def _make_scorer(self):
        from regan_tf.scoring import PairScorer

        evaluator, score_name = self._make_evaluator()
        return PairScorer(
            self.gan.delivered,
            pair=self.pair,
            is_sparse=lambda: self.regan.sparse,
            latent_dim=self.config.network.latent_dim,
            run_dir=self.run_dir,
            recorder=None,
            evaluator=evaluator,
            score_name=score_name,
            save_best=self.checkpointer.save_best,
        )

    def _make_evaluator(self):
        from regan_tf.metrics import Evaluator, score_names

        network = self._feature_network()
        if network is None:
            return None, ""
        reference = self.images.test or self.images.full
        evaluator = Evaluator(
            network,
            reference.images[:],
            reference_name=f"{reference.name} {reference.split}",
            num_samples=self.config.output.eval_images,
        )
        return evaluator, score_names(network)[0]

    def _feature_network(self):
        from regan_tf.metrics import load_inception, train_classifier
        from regan_tf.train.strategy import worker_index

        output, full, test = (
            self.config.output,
            self.images.full,
            self.images.test,
        )
        choice = output.features
        if choice == "auto":
            choice = "inception" if output.inception_path else "classifier"
            if choice == "classifier" and full.labels is None:
                print(
                    "no scores: the images have no class folders to train a "
                    "classifier on; pass --inception_path for FID and IS"
                )
                return None
        if choice == "none" or worker_index() > 0:
            return None
        if choice == "inception":
            return load_inception(output.inception_path)
        return train_classifier(
            full.name,
            full.images[:],
            full.labels,
            test.images[:] if test else None,
            test.labels if test else None,
            num_classes=len(full.class_names),
            fingerprint=full.fingerprint,
            cache_dir=cache_dir(),
            flip=self.config.data.flip,
        )

    def _make_log(self):
        from regan_tf.train.callbacks import Log

        sources = [self._learning_rates]
        if self.regan:
            sources.append(self.regan.report)
        return Log(
            self.config.output.log_every,
            self.config.training.steps,
            statistics=self.statistics,
            sources=sources,
            write=self._write,
            images_per_step=self.config.training.images_per_step,
            last_good=self.checkpointer.last_good,
        )

    def _write(self, step, figures):
        # The recorder is made once the step to go on from is known.
        self.recorder.figures(step, figures)

    def _learning_rates(self, step):
        return {
            "learning_rate/generator": _rate(self.gan.generator_optimizer),
            "learning_rate/discriminator": _rate(
                self.gan.discriminator_optimizer
            ),
        }

    def train(self, stop):
        """Trains to the end, or until `stop`, a `StopOnSignal`, says so.

        Returns:
            Completed steps.
        """
        from regan_tf.train.callbacks import Progress
        from regan_tf.train.loop import Trainer
        from regan_tf.train.step import GANStep

        config, gan, last = self.config, self.gan, self.config.training.steps
        replicas = self.strategy.num_replicas_in_sync
        self.trainer = Trainer(
            self.strategy,
            GANStep(gan, config, replicas),
            self.statistics,
            self._make_batches,
            config.training.critic_steps,
            gan.average,
        )
        progress = Progress(self.start, last, self._phase)
        callbacks = [*self.callbacks(), progress, stop]
        try:
            done = self.trainer.train(gan, self.start, last, callbacks)
        finally:
            progress.close()
        if stop.received and done < last:
            self.log.check(done)
            self.checkpointer.save(done)
        return done

    def callbacks(self):
        """What surrounds the loop: log, Re-GAN, scores, checkpoints.

        Log comes first, so that its clock covers the changing of masks, and
        checkpoints last, so that they hold the scores of their step.
        """
        from regan_tf.train.callbacks import Call

        output, last = self.config.output, self.config.training.steps
        check = self.log.check
        calls = [
            Call(output.eval_every, last, self._score, check),
            Call(output.checkpoint_every, last, self.checkpointer.save, check),
        ]
        return [self.log, *([self.regan] if self.regan else []), *calls]

    def _phase(self, step):
        return self.regan.phase(step) if self.regan else "dense"

    def _make_batches(self, shown):
        from regan_tf.data import image_batches

        training = self.config.training

        def make(context):
            replicas = context.num_replicas_in_sync
            local = replicas // context.num_input_pipelines
            return image_batches(
                self.images.train.images,
                batch_size=training.batch_size,
                seed=training.seed,
                start=shown * training.batch_size,
                num_replicas=replicas,
                first_replica=context.input_pipeline_id * local,
                local_replicas=local,
            )

        return self.strategy.distribute_datasets_from_function(make)

    def _score(self, step):
        for kind, scores in self.scorer.score(step).items():
            print(f"step {step:,}: {kind} {_short(scores)}")

    def finish(self, done):
        """Exports the pair and says where it is."""
        if self.regan:
            self.regan.finish_pair()
            self.checkpointer.save(done)
        self.scorer.export_pair(done)
        for kind in self.scorer.kinds:
            path = os.path.join(self.run_dir.saved_model, kind)
            print(f"{kind} generator: {path}")
            if self.scorer.evaluator is not None:
                print(
                    f"  best {self.scorer.score_name} "
                    f"{float(self.scorer.best[kind].numpy()):.4g} of step "
                    f"{int(self.scorer.best_step[kind].numpy()):,}: "
                    f"{self.run_dir.saved_model}/best_{kind}"
                )


def cache_dir():
    """Folder of trained feature networks, shared by runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "regan_tf")


def _rate(optimizer):
    rate = optimizer.learning_rate
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)


def _short(scores):
    wanted = {
        name: value
        for name, value in scores.items()
        if name.split("_")[0] in ("fd", "is", "fid", "modes")
    }
    return ", ".join(f"{n} {v:.4g}" for n, v in wanted.items())
