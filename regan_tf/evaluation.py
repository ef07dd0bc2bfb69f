"""The evaluator that a configuration asks for."""

import os
import re

import numpy as np

from regan_tf.errors import UserError
from regan_tf.train.strategy import worker_index


def make_evaluator(config, images):
    """The evaluator of a run, and the name of its distance.

    Args:
        config: an `ExperimentConfig`.
        images: its image sets: `full` and `test` (or None), unaffected by
            `--data_fraction`, so that fractions share one feature network
            and one reference.

    Returns:
        (`regan_tf.metrics.Evaluator`, "fid" or "fd_<dataset>_cnn"), or
        (None, "") for a run without scores.

    Raises:
        UserError: the feature network cannot be had.
    """
    from regan_tf.metrics import Evaluator, score_names

    network = _feature_network(config, images)
    if network is None:
        return None, ""
    reference = images.test or images.full
    evaluator = Evaluator(
        network,
        reference.images,
        reference_name=f"{reference.name} {reference.split}",
        num_samples=config.output.eval_images,
    )
    return evaluator, score_names(network)[0]


def _feature_network(config, images):
    from regan_tf.metrics import load_inception

    choice = config.output.features
    if choice == "none" or worker_index() > 0:
        return None
    if choice == "auto" and config.output.inception_path:
        choice = "inception"
    if choice == "inception":
        return load_inception(config.output.inception_path)
    reason = _why_no_classifier(images.full)
    if reason is None:
        return _classifier(config, images.full, images.test)
    if choice == "classifier":
        raise UserError(
            f"--features=classifier cannot be: {reason}; pass "
            "--inception_path, or --features=none"
        )
    print(f"no scores: {reason}; pass --inception_path for FID and IS")
    return None


def _why_no_classifier(images):
    if len(images.class_names) < 2:
        return "the images are in no class folders to train a classifier on"
    if not isinstance(images.images, np.ndarray):
        return "the images do not fit in memory to train a classifier on"
    return None


def _classifier(config, full, test):
    from regan_tf.metrics import train_classifier

    return train_classifier(
        re.sub(r"[^A-Za-z0-9_-]", "_", full.name),
        full.images[:],
        full.labels,
        test.images[:] if test else None,
        test.labels if test else None,
        num_classes=len(full.class_names),
        fingerprint=full.fingerprint,
        cache_dir=cache_dir(),
        flip=config.data.flip,
    )


def cache_dir():
    """Folder of trained feature networks, shared by runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "regan_tf")
