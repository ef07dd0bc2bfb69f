"""One run: checks first, cheap ones before dear ones, then the experiment.

TensorFlow is imported once configuration, data and run directory are known to
fit, so that a mistake is answered at once.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from regan_tf.config import DataConfig, ExperimentConfig
from regan_tf.data import (
    ImageSet,
    load_image_set,
    subset_count,
    subset_indices,
)
from regan_tf.data.known_layouts import few_shot_set
from regan_tf.data.known_sets import FEW_SHOT_COUNTS
from regan_tf.errors import UserError
from regan_tf.precision import resolved
from regan_tf.regan.methods import make_schedule
from regan_tf.regan.timetable import check_timetable
from regan_tf.tickets.plan import rounds_of, wants_ticket
from regan_tf.train.run_dir import RunDir
from regan_tf.train.strategy import choose_strategy, worker_index
from regan_tf.weight_files import contents, with_measured_sparsity

# Training images of sets that need not be loaded to be counted.
KNOWN_COUNTS = {
    "cifar10": 50_000,
    "digits": 1_438,
    "tiny_imagenet": 100_000,
    "oxford_flowers": 8_189,
    "ffhq": 70_000,
}


def run(config: ExperimentConfig, *, overwrite=False, flags_text=""):
    """Trains, scores and exports what `config` says; resumes what is there.

    Args:
        config: the configuration as the flags gave it.
        overwrite: move an old run directory aside.
        flags_text: the run as a flag file, to be kept with it.

    Returns:
        Name of the signal that stopped it, or None: it is finished.

    Raises:
        UserError: the configuration fits neither data nor run directory.
        Diverged: training produced values that are not finite.
    """
    images = load_images(config)
    _announce(images, config.data.resolution)
    config = resolved(config.at(len(images.train)))
    if wants_ticket(config):
        from regan_tf.tickets.run import run_ticket

        return run_ticket(config, images, overwrite, flags_text)
    return prepare(config, images, overwrite).execute(flags_text)


def facts_of(config, images):
    """What makes a run what it is, as `RunDir.holds` takes it.

    Content of images, masks and weights is part of it; their path is not.
    """
    print_of_data = {"data.fingerprint": images.train.fingerprint}
    return config.as_dict() | print_of_data | contents(config.method)


def prepare(config, images, overwrite=False):
    """A run of which all is known to fit, before anything is written.

    Args:
        config: `ExperimentConfig` whose durations are steps.
        images: its `Images`.
        overwrite: as of `run`.

    Returns:
        A `PreparedRun`.

    Raises:
        UserError: the configuration fits neither data nor run directory.
    """
    config = with_measured_sparsity(config)
    facts = facts_of(config, images)
    # Every worker resumes from the chief's directory; only the chief writes.
    resume = not overwrite and RunDir(config.output.run_dir).holds(facts)
    run_dir = RunDir(_own_root(config))
    # Before anything else uses TensorFlow, as foreign schedules do.
    strategy = start_tensorflow(config)
    _check_method(config)

    from regan_tf.experiment import Experiment

    experiment = Experiment(config, images, strategy, run_dir)
    return PreparedRun(experiment, facts, resume, overwrite)


@dataclass(frozen=True)
class PreparedRun:
    """What `prepare` found to fit.

    Attributes:
        experiment: the `Experiment`.
        facts: of `facts_of`.
        resume: whether an earlier run is there to go on from.
        overwrite: as of `run`.
    """

    experiment: Any
    facts: dict[str, Any]
    resume: bool
    overwrite: bool

    def execute(self, flags_text):
        """Trains, scores and exports.

        Args:
            flags_text: as of `run`.

        Returns:
            Name of the signal that stopped it, or None: it is finished.
        """
        run_dir = self.experiment.run_dir
        run_dir.create(self.facts, flags_text, self.overwrite)
        print(run_dir.layout())
        try:
            signal = self.experiment.execute(self.resume)
        finally:
            run_dir.unlock()
        if worker_index() == 0:
            print(run_dir.layout())
        else:
            shutil.rmtree(run_dir.root)
        return signal


def checked_ahead(config: ExperimentConfig) -> ExperimentConfig:
    """The configuration with durations in steps, and its phases checked.

    Loads no images: as it came where only their number could tell.

    Raises:
        UserError: fewer images are there than are asked for, or training ends
            before its first sparse phase.
    """
    data = config.data
    count = published_count(data)
    if count is None or data.classes:
        count = data.num_images
    else:
        count = subset_count(count, data.fraction, data.num_images)
    if count is None and config.counts_epochs:
        return config
    config = config.at(count or 1)  # steps and kimg do not depend on it
    _check_method(config)
    return config


def dry_run(config: ExperimentConfig):
    """Prints configuration, networks and timetable of a run, and stops.

    Needs no images where their number is known; `--data_path` is read if it
    is there.

    Raises:
        UserError: the configuration does not fit its data.
    """
    config = planned(config)
    if wants_ticket(config):
        from regan_tf.tickets.describe import describe_ticket

        return print(describe_ticket(config))
    from regan_tf.describe import describe

    print(describe(config))


def planned(config: ExperimentConfig) -> ExperimentConfig:
    """`config` with durations in steps, as a run of it would have them.

    Raises:
        UserError: the configuration does not fit its data.
    """
    data = config.data
    count = published_count(data)
    if count is None or data.classes or os.path.exists(data.path or ""):
        count = len(_load_full(config, "train").rows_of(data.classes))
    config = config.at(subset_count(count, data.fraction, data.num_images))
    config = with_measured_sparsity(config)
    _check_method(config)
    return resolved(config)


def published_count(data: DataConfig) -> int | None:
    """Training images of a published set, of all classes, without looking;
    None where only the files can tell."""
    if data.dataset == "few_shot":
        return FEW_SHOT_COUNTS.get(few_shot_set(data.path))
    return KNOWN_COUNTS.get(data.dataset)


def _check_method(config):
    if wants_ticket(config):
        # A dense training, and others under fixed masks.
        next(rounds_of(config))
        return
    schedule = make_schedule(config)
    if schedule is not None:
        start = config.stages.last.fade_end
        check_timetable(schedule, config.training.steps, start)


@dataclass(frozen=True)
class Images:
    """The image sets of a run.

    Attributes:
        full: the whole training split, of all classes.
        test: the test split, or None where there is none or no scores.
        train: the subset of `full` that the GAN is trained on.
        indices: its indices in `full`.
        classes: names of those that it was chosen from; () for all.
    """

    full: ImageSet
    test: ImageSet | None
    train: ImageSet
    indices: np.ndarray
    classes: tuple[str, ...] = ()


def load_images(config: ExperimentConfig) -> Images:
    """Loads the image sets of a run.

    Raises:
        UserError: they cannot be had, or the subset is larger than the set.
    """
    full = _load_full(config, "train")
    scored = config.output.features != "none"
    test = _load_full(config, "test") if scored else None
    data = config.data
    rows = full.rows_of(data.classes)
    count = subset_count(len(rows), data.fraction, data.num_images)
    labels = None if full.labels is None else full.labels[rows]
    indices = rows[subset_indices(labels, len(rows), count)]
    train = full if count == len(full) else full.take(indices)
    return Images(full, test, train, indices, data.classes)


def _announce(images, resolution):
    full, count = images.full, len(images.train)
    print(
        f"{full.name}: training on {count:,} of {len(full):,} images, "
        f"{resolution}×{resolution}"
    )
    for line in full.skipped[:20]:
        print(f"  skipped {line}")
    if len(full.skipped) > 20:
        print(f"  … and {len(full.skipped) - 20} more, see subset.json")


def _load_full(config, split):
    return load_image_set(
        config.data.dataset,
        path=config.data.path,
        resolution=config.data.resolution,
        split=split,
        skip_bad_images=config.data.skip_bad_images,
    )


def start_tensorflow(config: ExperimentConfig):
    """The strategy of a run.

    Raises:
        UserError: batches do not divide by the devices in use, or compiled
            updates are asked for on several.
    """
    import tensorflow as tf

    strategy = choose_strategy(config.training.devices)
    replicas = strategy.num_replicas_in_sync
    if config.training.jit and replicas > 1:
        raise UserError(
            "--jit compiles for one device, and devices must talk inside an "
            f"update. Received: {replicas} devices in use; pass --nojit or "
            "--devices=1"
        )
    config.check_divides(replicas, f"the {replicas} devices in use")
    gpus = bool(tf.config.list_physical_devices("GPU"))
    devices = "GPU(s)" if gpus else "CPU device(s); TensorFlow finds no GPU"
    print(f"training on {replicas} {devices}")
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy


def _own_root(config):
    """Where this process writes: workers other than the chief, elsewhere."""
    if worker_index() == 0:
        return config.output.run_dir
    return tempfile.mkdtemp(prefix="regan_tf-worker-")
