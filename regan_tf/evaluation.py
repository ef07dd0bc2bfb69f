"""The evaluator that a configuration asks for."""

import os
import re

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.protocol import named_protocol
from regan_tf.metrics.reference import draw
from regan_tf.train.strategy import worker_index

_MAX_HELD_OUT = 10_000  # images; no measure looks at more


def make_evaluator(config, images, devices=(None,)):
    """The evaluator of a run.

    Args:
        config: an `ExperimentConfig`, or anything with its `data` and
            `output`.
        images: its image sets, an `Images`.
        devices: TensorFlow devices to score on, by name.

    Returns:
        A `regan_tf.metrics.Evaluator`, or None for a run without scores.

    Raises:
        UserError: the feature network cannot be had.
    """
    from regan_tf.metrics import Evaluator

    output = config.output
    if output.features == "none" or worker_index() > 0:
        return None
    protocol = named_protocol(
        output.protocol,
        has_test=images.test is not None,
        num_fake=output.eval_images,
    )
    reference = _reference(protocol, images)  # a classifier takes long
    networks = _networks(config, images, protocol.resize, devices)
    if networks is None:
        return None
    return Evaluator(
        networks,
        protocol,
        reference,
        training=images.train,
        held_out=_held_out(images),
        cache_dir=cache_dir(),
    )


def _reference(protocol, images):
    """The real images that a protocol compares with."""
    if protocol.reference == "test":
        return images.test.of_classes(images.classes)
    if protocol.reference == "train":
        return images.full.of_classes(images.classes)
    if protocol.reference == "training subset":
        return images.train
    found = _not_trained_on(images)
    if found is None:
        raise UserError(
            f"--protocol={protocol.name} compares with images of the training "
            "split that are not trained on; leave some, by --data_fraction or "
            f"--num_images. Received: all {len(images.train):,}"
        )
    return found


def _held_out(images):
    """Real images that the GAN is not trained on, or None."""
    found = _not_trained_on(images)
    test = images.test
    if found is not None or test is None:
        return found
    if images.classes and test.labels is None:
        return None
    rows = test.rows_of(images.classes)
    return test.of_classes(images.classes) if len(rows) else None


def _not_trained_on(images):
    """Images of the training split that are not trained on, or None."""
    rows = images.full.rows_of(images.classes)
    rest = np.setdiff1d(rows, images.indices)
    if not len(rest):
        return None
    return images.full.take(rest[draw(len(rest), _MAX_HELD_OUT)])


def _networks(config, images, resize, devices):
    """Copies of the feature network, one a device; None: no scores."""
    from regan_tf.metrics import load_feature_network, load_inception

    output = config.output
    choice = output.features
    if choice == "auto" and output.inception_path:
        choice = "inception"
    if choice != "inception" and output.inception_path:
        raise UserError(
            "--inception_path is for TF-GAN's Inception. Received: "
            f"--features={choice}; leave one of them out"
        )
    if choice != "inception" and output.inception_sha256:
        raise UserError(
            "--inception_sha256 is for TF-GAN's Inception. Received: "
            f"--features={choice}; pass --inception_path or "
            "--features=inception, or leave it out"
        )
    if choice == "inception":
        return _on_each(
            devices,
            lambda: load_inception(
                output.inception_path,
                resize=resize,
                sha256=output.inception_sha256,
            ),
        )
    if choice not in ("auto", "classifier"):
        return _on_each(
            devices, lambda: load_feature_network(choice, resize=resize)
        )
    reason = _why_no_classifier(images.full)
    if reason is None:
        trained = _classifier(config, images.full, images.test)
        return [trained, *_on_each(devices[1:], trained.copy)]
    if choice == "classifier":
        raise UserError(
            f"--features=classifier cannot be: {reason}; pass "
            "--inception_path, or --features=none"
        )
    print(f"no scores: {reason}; pass --inception_path for FID and IS")
    return None


def _on_each(devices, make):
    import tensorflow as tf

    made = []
    for device in devices:
        with tf.device(device):
            made.append(make())
    return made


def _why_no_classifier(images):
    if len(images.class_names) < 2:
        return "the images are in no class folders to train a classifier on"
    if not isinstance(images.images, np.ndarray):
        return "the images do not fit in memory to train a classifier on"
    return None


def _classifier(config, full, test):
    from regan_tf.metrics import train_classifier

    known = test is not None and test.labels is not None
    return train_classifier(
        re.sub(r"[^A-Za-z0-9_-]", "_", full.name),
        full.images[:],
        full.labels,
        test.images[:] if known else None,
        test.labels if known else None,
        num_classes=len(full.class_names),
        fingerprint=full.fingerprint,
        cache_dir=cache_dir(),
        # Of the data, not of a recipe: all runs share one network. Digits are
        # the one set here whose mirror images are of other classes.
        flip=config.data.dataset != "digits",
    )


def cache_dir():
    """Folder of feature networks and references, shared by runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "regan_tf")
