"""The parts of one run, joined: networks, method, data, loop, records."""

import functools
import json
import os

import keras
import numpy as np
import tensorflow as tf

from regan_tf.costs import RunCost
from regan_tf.data import image_batches
from regan_tf.data.exit_gate import reads
from regan_tf.evaluation import make_evaluator
from regan_tf.pruning import make_regan, start_at
from regan_tf.scoring import PairScorer
from regan_tf.train.callbacks import (
    BeforeStep,
    Call,
    Log,
    Progress,
    StopOnSignal,
)
from regan_tf.train.checkpoint import Checkpointer
from regan_tf.train.gan import GAN
from regan_tf.train.gradients import StepGradients
from regan_tf.train.loop import Trainer
from regan_tf.train.records import Recorder
from regan_tf.train.run_dir import write_atomically, writing
from regan_tf.train.statistics import Statistics
from regan_tf.train.step import GANStep, figure_names
from regan_tf.train.strategy import any_worker, local_devices, num_workers
from regan_tf.weight_files import named_weights, save_arrays


class Experiment:
    """A run's parts, joined.

    Args:
        config: `ExperimentConfig` whose durations are steps.
        images: its image sets.
        strategy: a `tf.distribute.Strategy`.
        run_dir: its open `RunDir`.
    """

    def __init__(self, config, images, strategy, run_dir):
        self.config = config
        self.images = images
        self.strategy = strategy
        self.run_dir = run_dir
        keras.utils.set_random_seed(config.training.seed)
        with strategy.scope():
            self.gan = GAN(config)
            if config.method.initial_weights:
                start_at(self.gan, config.method.initial_weights)
            self.statistics = Statistics(figure_names(config))
        self.stages = config.stages
        self._make_step = functools.partial(
            GANStep, self.gan, config, strategy.num_replicas_in_sync
        )
        self.gradients = StepGradients(
            strategy, self.stages, self._make_step, self._make_batches
        )
        self.regan = make_regan(config, self.gan, self.gradients)
        self.devices = local_devices(strategy)
        self.evaluator = make_evaluator(config, images, self.devices)
        self.cost = RunCost(config)
        self._masks = None
        if config.method.masks:  # the file may change, or go
            self.cost.networks  # noqa: B018
            with open(config.method.masks, "rb") as file:
                self._masks = file.read()

    @property
    def pair(self):
        """The `GeneratorPair`, or None for dense training."""
        return self.regan.pair if self.regan else None

    def execute(self, resume):
        """Trains from where the run is to its end, then exports.

        Args:
            resume: whether an earlier run is there to go on from.

        Returns:
            Name of the signal that stopped it, or None: it is finished.
            A signal that comes after training does not stop it any more, but
            is named.
        """
        stop = StopOnSignal(any_worker(self.strategy))
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
        return stop.received

    def join(self, resume):
        """Makes what needs a state to restore, and restores it."""
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
        self.scorer.check_protocol()
        if self.evaluator is not None:
            self.recorder.table("protocol", self.evaluator.record)
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
        last = self.config.training.steps
        if step == last:
            print(f"trained to step {step:,} already")
        elif step is not None:
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
        with writing(self.run_dir.root):
            write_atomically(self.run_dir.subset, json.dumps(subset) + "\n")
            if self._masks:
                write_atomically(self.run_dir.masks, self._masks)

    def _make_scorer(self):
        return PairScorer(
            self.gan.delivered,
            pair=self.pair,
            is_sparse=lambda: self.regan.sparse,
            latent_dim=self.config.network.latent_dim,
            run_dir=self.run_dir,
            recorder=None,
            evaluator=self.evaluator,
            facts=self._facts,
            save_best=self.checkpointer.save_best,
            devices=self.devices,
            first_step=self.stages.last.fade_end,
        )

    def _facts(self, step):
        """What a score line says of the run until `step`.

        Its training time is that until the score, which a kept half may
        precede by a phase.
        """
        images = self.images
        return {
            **self.cost.until(step),
            "train_seconds": round(self.log.seconds, 3),
            "data_fraction": len(images.train) / len(images.full),
            "num_training": len(images.train),
        }

    def _make_log(self):
        sources = [self._learning_rates, lambda step: self.gan.figures]
        if self.regan:
            sources.append(self.regan.report)
        return Log(
            self.config.output.log_every,
            self.config.training.steps,
            statistics=self.statistics,
            sources=sources,
            write=self._write,
            images_at=self.stages.images_at,
            last_good=self.checkpointer.last_good,
        )

    def _write(self, step, figures):
        # The recorder is made once the step to go on from is known.
        self.recorder.figures(step, figures)

    def _learning_rates(self, step):
        return {
            "learning_rate/generator": self.gan.generator_rate.at(step - 1),
            "learning_rate/discriminator": self.gan.discriminator_rate.at(
                step - 1
            ),
        }

    def train(self, stop):
        """Trains to the end, or until `stop`, a `StopOnSignal`, says so.

        Returns:
            Completed steps.
        """
        config, gan, last = self.config, self.gan, self.config.training.steps
        if self.evaluator is not None and num_workers() == 1:
            self.evaluator.interrupted = lambda: stop.received is not None
            self._score_missed()
        self.trainer = Trainer(
            self.strategy,
            self.stages,
            self._make_step,
            self.statistics,
            self._make_batches,
            config.training.critic_steps,
            # Workers must agree where calls end, and clocks differ.
            steps_per_call=None if num_workers() == 1 else 10,
        )
        progress = Progress(self.start, last, self._phase)
        callbacks = [*self.callbacks(), progress, stop]
        try:
            done = self.trainer.train(gan, self.start, last, callbacks)
        except tf.errors.OpError:
            if reads.failure is not None:  # what TensorFlow says is not short
                raise reads.failure from None
            raise
        finally:
            progress.close()
            if self.evaluator is not None:  # a signal stops no scores any more
                self.evaluator.interrupted = bool
        if stop.received and done < last:
            self.log.check(done)
            self.checkpointer.save(done)
        return done

    def _score_missed(self):
        """Makes the score that a signal ended before the run was saved."""
        output, last = self.config.output, self.config.training.steps
        due = Call(output.eval_every, last, self._score).due(self.start)
        if self.start and due and self._score(self.start):
            self.checkpointer.save(self.start)

    def callbacks(self):
        """What surrounds the loop: log, Re-GAN, scores, checkpoints.

        Log comes first, so that its clock covers the changing of masks, and
        checkpoints last, so that they hold the scores of their step.
        """
        output, last = self.config.output, self.config.training.steps
        check = self.log.check
        calls = [
            Call(output.eval_every, last, self._score, check),
            Call(output.checkpoint_every, last, self.checkpointer.save, check),
        ]
        if self.config.method.method == "ticket":
            rewind = self.config.method.rewind
            calls.insert(0, BeforeStep(rewind, self._save_rewind))
        return [self.log, *([self.regan] if self.regan else []), *calls]

    def _save_rewind(self, step):
        """Keeps what the later rounds of a ticket start from."""
        models = self.gan.generator, self.gan.discriminator
        weights = [named_weights(model) for model in models]
        save_arrays(
            self.run_dir.rewind,
            {n: v.numpy() for named in weights for n, v in named.items()},
        )

    def _phase(self, step):
        return self.regan.phase(step) if self.regan else "dense"

    def _make_batches(self, shown, stage):

        def make(context):
            replicas = context.num_replicas_in_sync
            local = replicas // context.num_input_pipelines
            return image_batches(
                self.images.train.images,
                batch_size=stage.batch_size,
                seed=self.config.training.seed,
                start=shown,
                num_replicas=replicas,
                first_replica=context.input_pipeline_id * local,
                local_replicas=local,
                stamped=True,
            )

        return self.strategy.distribute_datasets_from_function(make)

    def _score(self, step):
        last = step == self.config.training.steps
        if step < self.stages.last.fade_end:
            self.scorer.draw_early(step, self.gan.sampled)
            start = self.stages.last.fade_end
            if self.evaluator is not None:
                print(
                    f"step {step:,}: at {self.gan.view.resolution} pixels; "
                    f"scores start with step {start:,}, when all layers have "
                    "faded in"
                )
            return {}
        scored = self.scorer.score(step, thorough=last)
        for kind, scores in scored.items():
            print(f"step {step:,}: {kind} {short(scores)}")
        return scored

    def finish(self, done):
        """Exports the pair and says where it is."""
        if self.regan:
            self.regan.finish_pair()
            self.checkpointer.save(done)
        exported = self.scorer.export_pair(done)
        if self.evaluator is not None:
            self.checkpointer.save(done)  # with the bests that it found
        self.recorder.summary(self._summary(done, exported))
        for kind, scores in exported.items():
            path = os.path.join(self.run_dir.saved_model, kind)
            print(f"{kind} generator: {path}")
            if scores:
                print(f"  {short(scores)}")
            best = int(self.scorer.best_step[kind].numpy())
            if best >= 0:
                print(
                    f"  best {self.evaluator.distance_name} "
                    f"{float(self.scorer.best[kind].numpy()):.4g} of step "
                    f"{best:,}: {self.run_dir.saved_model}/best_{kind}"
                )

    def _summary(self, done, exported):
        best = {
            kind: {
                "distance": float(self.scorer.best[kind].numpy()),
                **self.recorder.scores_of(kind, step),
            }
            for kind, variable in self.scorer.best_step.items()
            if (step := int(variable.numpy())) >= 0
        }
        return {
            "steps": done,
            "train_seconds": round(self.log.seconds, 3),
            "cost": self.cost.at(done).as_dict(),
            "parameters": self.cost.parameters,
            "layers": self.cost.layers,
            "final": exported,
            "best": best,
        }


def short(scores):
    """The figures of a score line that a line on the terminal has room for."""
    wanted = {
        name: value
        for name, value in scores.items()
        if name.split("_")[0] in ("fd", "is", "fid", "kid", "kd", "modes")
    }
    return ", ".join(f"{n} {v:.4g}" for n, v in wanted.items())
