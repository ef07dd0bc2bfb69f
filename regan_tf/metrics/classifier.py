"""A classifier trained on the data set's own labels, as feature network.

It needs no download, so scores exist offline. They are a Fréchet distance and
an Inception score in *its* features, never FID or IS: `score_names` puts the
network's name into theirs.
"""

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics import classifier_cache
from regan_tf.metrics.checks import check_images
from regan_tf.metrics.classifier_checks import (
    check_labels,
    check_name,
    check_same_size,
)
from regan_tf.metrics.classifier_fit import (
    FitSettings,
    fit,
    scale,
    split_stratified,
)
from regan_tf.metrics.classifier_network import ARCHITECTURE, build_network
from regan_tf.metrics.features import Features, in_batches

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_HELD_OUT = 0.2  # of the images, where the data set has no test part
_BATCH_SIZE = 250


class Classifier:
    """A trained classifier as feature network; see `train_classifier`.

    Attributes:
        name: "<data set>_cnn".
        sha256: hash of the weights.
        num_classes: K.
        resolution: R, pixels.
        accuracy: part of the held-out images classified right, in [0, 1].
        resize: "none": it takes images at their own resolution only.
        mirrored: whether features and logits are means over an image and its
            mirror image, for classes that know no left and right.

    Call arguments:
        images: uint8 (N, R, R, 3) at the resolution it was trained on.

    Returns of a call:
        `Features` with (N, 192) features (the penultimate layer) and (N, K)
        logits.
    """

    resize = "none"

    def __init__(
        self,
        name: str,
        model: "keras.Model",
        accuracy: float = float("nan"),
        *,
        mirrored: bool = False,
    ):
        import tensorflow as tf

        self._model = model
        self.name = name
        self.accuracy = accuracy
        self.mirrored = mirrored
        self.num_classes = model.output_shape[1][1]
        self.resolution = model.input_shape[1]
        self.sha256 = classifier_cache.weights_sha256(
            [*model.get_weights(), np.array(mirrored)]
        )
        spec = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
        self._forward = tf.function(
            self._views, input_signature=[spec], autograph=False
        )
        # A function runs where it is called, not where its variables are.
        self._device = tf.zeros(()).device

    def __call__(self, images: np.ndarray) -> Features:
        check_images(images)
        if images.shape[1] != self.resolution:
            raise UserError(
                f"{self.name} was trained at resolution {self.resolution}. "
                f"Received: images of {images.shape[1]} pixels. "
                "Train a classifier at that resolution."
            )
        return in_batches(self._run, images, _BATCH_SIZE)

    def _views(self, images: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
        features, logits = self._model(scale(images), training=False)
        if not self.mirrored:
            return features, logits
        mirror = self._model(scale(images[:, :, ::-1]), training=False)
        return (features + mirror[0]) / 2, (logits + mirror[1]) / 2

    def copy(self) -> "Classifier":
        """The same on the device in use now (`tf.device`)."""
        import keras

        model = keras.models.clone_model(self._model)
        model.set_weights(self._model.get_weights())
        return Classifier(
            self.name, model, self.accuracy, mirrored=self.mirrored
        )

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns the most likely class ids, int64 (N,) in [0, K)."""
        return np.argmax(self(images).logits, axis=1)

    def _run(self, images: np.ndarray) -> Features:
        import tensorflow as tf

        with tf.device(self._device):
            features, logits = self._forward(images)
        return Features(features.numpy(), logits.numpy())


def train_classifier(
    name: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    test_images: np.ndarray | None,
    test_labels: np.ndarray | None,
    *,
    num_classes: int,
    fingerprint: str,
    cache_dir: str,
    seed: int = 0,
    flip: bool = False,
    progress: Callable[[str], None] = print,
) -> Classifier:
    """Trains a classifier, or takes it from the cache.

    Draws from no global random state and is float32 under any global dtype
    policy. Call it outside `strategy.scope()`. The cache entry is
    `<cache_dir>/<name>_cnn-<key>`; the key covers all arguments but
    `cache_dir` and `progress`, the images through `fingerprint`.

    Args:
        name: of the data set: letters, digits, "_" and "-".
        images: uint8 (N, R, R, 3), R at least 8.
        labels: (N,) class ids in [0, `num_classes`).
        test_images: uint8 (M, R, R, 3), only to measure the accuracy; None
            holds out 20 % of `images`, by class and seeded.
        test_labels: (M,) or None.
        num_classes: K, at least 2.
        fingerprint: identifies the images and labels, e.g. a hash.
        cache_dir: made if missing.
        seed: of weights, order, augmentation and held-out part.
        flip: augment by mirroring left to right, and average over both views
            afterwards (`Classifier.mirrored`). Not for digits or letters.
        progress: gets one line per epoch and per event.

    Returns:
        The classifier, with its `accuracy` on the held-out images.

    Raises:
        UserError: no labels (the message names --inception_path), arrays of
            wrong shape, type or range, or `cache_dir` not writable.
    """
    check_name(name)
    check_labels(name, images, labels, num_classes, "images")
    if test_images is not None:
        check_labels(name, test_images, test_labels, num_classes, "test_images")
        check_same_size(images, test_images)
    labels = np.asarray(labels)
    settings = FitSettings.for_size(len(images), flip)
    key = classifier_cache.cache_key(
        {
            "architecture": ARCHITECTURE,
            "fingerprint": fingerprint,
            "num_classes": num_classes,
            "num_images": len(images),
            "test_images": "held out"
            if test_images is None
            else len(test_images),
            "resolution": images.shape[1],
            "seed": seed,
            "settings": asdict(settings),
        }
    )
    classifier_cache.prepare(cache_dir)
    directory = os.path.join(cache_dir, f"{name}_cnn-{key}")
    model = build_network(images.shape[1], num_classes, seed)
    cached = _from_cache(f"{name}_cnn", model, directory, flip, progress)
    if cached is not None:
        return cached
    if test_images is None:
        kept, held = split_stratified(labels, _HELD_OUT, seed)
        test_images, test_labels = images[held], labels[held]
        images, labels = images[kept], labels[kept]
    progress(f"{name}_cnn: training on {len(images)} images")
    fit(model, images, labels, settings=settings, seed=seed, progress=progress)
    # Runs that started together must share one network: the first that ends.
    cached = _from_cache(f"{name}_cnn", model, directory, flip, progress)
    if cached is not None:
        return cached
    classifier = Classifier(f"{name}_cnn", model, mirrored=flip)
    right = classifier.predict(test_images) == np.asarray(test_labels)
    classifier.accuracy = float(np.mean(right))
    progress(f"{name}_cnn: held-out accuracy {classifier.accuracy:.4f}")
    meta = {"accuracy": classifier.accuracy, "num_classes": num_classes}
    classifier_cache.save(directory, model.get_weights(), meta)
    return classifier


def _from_cache(
    name: str,
    model: "keras.Model",
    directory: str,
    mirrored: bool,
    progress: Callable[[str], None],
) -> Classifier | None:
    """Returns the cached classifier; None if there is none or it is damaged."""
    try:
        weights, meta = classifier_cache.load(directory)
        model.set_weights(weights)
        accuracy = float(meta["accuracy"])
        return Classifier(name, model, accuracy, mirrored=mirrored)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        progress(
            f"{name}: cached {directory} is damaged ({error}), training anew"
        )
        return None
