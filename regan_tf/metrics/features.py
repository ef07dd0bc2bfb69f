"""Images to features: the networks whose outputs the measures compare."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images
from regan_tf.metrics.saved_model import (
    as_callable,
    load_from_directory,
    load_from_hub,
    one_line,
    sha256_of,
)

INCEPTION_SIZE = 299  # pixels
INCEPTION_FEATURES = 2048  # width of "pool_3"
INCEPTION_CLASSES = 1008  # width of "logits"


class Features(NamedTuple):
    """What a feature network says about N images.

    Attributes:
        features: (N, D) float32, for distances between sets of images.
        logits: (N, K) float32, unnormalised log probabilities of K classes.
    """

    features: np.ndarray
    logits: np.ndarray


class FeatureNetwork(Protocol):
    """A callable from uint8 images (N, R, R, 3), any N, to `Features`.

    Attributes:
        name: "inception", "<data set>_cnn" or a name of your own.
        sha256: hash of the weights; scores of unlike hashes do not compare.
    """

    name: str
    sha256: str

    def __call__(self, images: np.ndarray) -> Features: ...


def score_names(network: FeatureNetwork) -> tuple[str, str]:
    """Returns the names of the Fréchet distance and the Inception score.

    ("fid", "is") for TF-GAN's Inception, as loaded by `load_inception`; any
    other network measures something else, so its name is part of the score:
    ("fd_<name>", "is_<name>").
    """
    if isinstance(network, Inception):
        return "fid", "is"
    return f"fd_{network.name}", f"is_{network.name}"


def in_batches(
    function: Callable[[np.ndarray], Features],
    images: np.ndarray,
    batch_size: int,
) -> Features:
    """Applies `function` to pieces of `images` and joins the results."""
    parts = [
        function(images[start : start + batch_size])
        for start in range(0, len(images), batch_size)
    ]
    return Features(
        *(
            np.concatenate(p).astype(np.float32)
            for p in zip(*parts, strict=True)
        )
    )


class Inception:
    """TF-GAN's Inception network (tensorflow/tfgan/eval/inception/1).

    Images of any resolution are scaled to [-1, 1] (0 to -1, 255 to 1) and
    resized to 299×299 by `tf.image.resize`, bilinear, half-pixel centres, no
    antialiasing: the mode called "tf2-bilinear". It is what TF-GAN's own
    examples do; the first FID code's TF1 resize gives other figures.

    Args:
        model: maps float32 images (N, 299, 299, 3) to a mapping with "pool_3"
            (N, 2048) and "logits" (N, 1008). Use `load_inception`.
        sha256: hash of the weights.
        batch_size: images per call of `model`; only memory depends on it.

    Call arguments:
        images: uint8 (N, R, R, 3), N at least 1.

    Returns of a call:
        `Features` with (N, 2048) features and (N, 1008) logits.
    """

    name = "inception"

    def __init__(
        self,
        model: Callable[[Any], Mapping[str, Any]],
        sha256: str,
        batch_size: int = 50,
    ):
        self.sha256 = sha256
        self._model = model
        self._batch_size = batch_size

    def __call__(self, images: np.ndarray) -> Features:
        check_images(images)
        return in_batches(self._run, images, self._batch_size)

    def _run(self, images: np.ndarray) -> Features:
        import tensorflow as tf

        size = (INCEPTION_SIZE, INCEPTION_SIZE)
        pixels = tf.cast(images, tf.float32) / 127.5 - 1.0
        outputs = self._model(tf.image.resize(pixels, size, method="bilinear"))
        rows = (len(images), -1)  # some exports keep 1×1 spatial axes
        return Features(
            np.reshape(outputs["pool_3"], rows),
            np.reshape(outputs["logits"], rows),
        )


def load_inception(path: str | None = None) -> Inception:
    """Loads TF-GAN's Inception network.

    Args:
        path: directory of its SavedModel: callable, or with a
            "serving_default" signature, returning a dict with "pool_3"
            (N, 2048) and "logits" (N, 1008). A local copy is taken at its
            word to be TF-GAN's; `sha256` records which weights it held. None
            takes the network from TensorFlow Hub or from Hub's cache
            (environment variable `TFHUB_CACHE_DIR`).

    Raises:
        UserError: nothing loadable there, wrong outputs, or Hub cannot be
            reached (told within seconds).
    """
    if not path:  # an empty flag means none
        model, path = load_from_hub()
        source = "TensorFlow Hub"
    else:
        path = os.path.expanduser(path)
        model, source = load_from_directory(path), repr(path)
    network = Inception(as_callable(model, source), sha256_of(path))
    _check_outputs(network, source)
    return network


def _check_outputs(network: Inception, source: str) -> None:
    """Runs one grey image and compares the outputs with TF-GAN's network."""
    grey = np.full((1, INCEPTION_SIZE, INCEPTION_SIZE, 3), 127, np.uint8)
    try:
        found = tuple(part.shape[1] for part in network(grey))
    except Exception as error:
        found = one_line(error)
    if found != (INCEPTION_FEATURES, INCEPTION_CLASSES):
        raise UserError(
            f"The SavedModel from {source} must map images (N, 299, 299, 3) "
            f'to a dict of "pool_3" (N, 2048) and "logits" (N, 1008). '
            f"Received: {found}. Pass --inception_path=<directory> with "
            "tensorflow/tfgan/eval/inception/1."
        )
