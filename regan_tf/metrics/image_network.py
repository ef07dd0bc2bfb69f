"""A TensorFlow function of images as feature network."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images
from regan_tf.metrics.features import Features, in_batches
from regan_tf.metrics.resize import check_mode, resize
from regan_tf.metrics.saved_model import one_line

# Names of features and logits in a dict; the last are those that TensorFlow
# gives to the outputs of a signature that have no names of their own.
_KEYS = (("features", "logits"), ("pool_3", "logits"), ("output_0", "output_1"))
# Pixels of the image that tries out a network of open input size: halved
# five times, or cut into patches of 14 or 16, it comes out even.
_TRIAL_SIZE = 224


class ImageNetwork:
    """A function of images as `FeatureNetwork`.

    It computes on the device that was current when it was made, and may be
    called from several threads at once where `model` may.

    Args:
        model: maps images (N, S, S, 3), float32 in [-1, 1] (0 to -1, 255 to
            1) or uint8, to features (N, D) or (N, h, w, D), which are
            averaged over h and w; or to a pair (features, logits); or to a
            dict with "features" or "pool_3", and perhaps "logits".
        name, sha256: as in `FeatureNetwork`.
        size: S; None: images go in at their own resolution.
        resize: mode that brings images to `size`, see `resize`.
        dtype: what `model` takes, "float32" or "uint8"; for the latter
            resized pixels are rounded, half to even.
        batch_size: images per call of `model`; only memory depends on it.

    Call arguments:
        images: uint8 (N, R, R, 3), N at least 1.

    Returns of a call:
        `Features`, with logits None where `model` gives none.

    Raises on a call:
        UserError: wrong images, or of a size that `model` does not bear.
    """

    num_classes: int | None = None  # its classes are not the data set's

    def __init__(
        self,
        model: Callable[[Any], Any],
        *,
        name: str,
        sha256: str,
        size: int | None,
        resize: str,
        dtype: str = "float32",
        batch_size: int = 50,
    ):
        import tensorflow as tf

        check_mode(resize)
        self.name = name
        self.sha256 = sha256
        self.resize = "none" if size is None else resize
        self._model = model
        self._size = size
        self._dtype = dtype
        self._batch_size = batch_size
        # A loaded function runs where it is called from, even if its
        # variables are elsewhere.
        self._device = tf.zeros(()).device

    def __call__(self, images: np.ndarray) -> Features:
        check_images(images)
        return in_batches(self._run, images, self._batch_size)

    def try_out(self) -> tuple[int, int | None]:
        """Returns the width of features and logits, from grey images.

        Raises:
            ValueError: outputs that are no features.
            Exception: whatever the network raises.
        """
        size = self._size or _TRIAL_SIZE
        grey = np.full((2, size, size, 3), 127, np.uint8)
        one, two = (_widths(self._run(grey[:n])) for n in (1, 2))
        if one != two:
            raise ValueError(f"widths {one} for one image, {two} for two")
        return one

    def _run(self, images: np.ndarray) -> Features:
        import tensorflow as tf

        with tf.device(self._device):
            pixels = images
            if self._size is not None:
                pixels = resize(images, self._size, self.resize)
            if self._dtype == "uint8":
                pixels = tf.cast(tf.round(pixels), tf.uint8)
            else:
                pixels = tf.cast(pixels, tf.float32) / 127.5 - 1.0
            features, logits = _take_apart(self._outputs(pixels))
            return Features(
                _rows(features, "features", len(images)),
                None
                if logits is None
                else _rows(logits, "logits", len(images)),
            )

    def _outputs(self, pixels: Any) -> Any:
        import tensorflow as tf

        try:
            return self._model(pixels)
        except tf.errors.InvalidArgumentError as error:
            if self._size is not None:
                raise
            raise UserError(
                f"{self.name} must take images of any size, as its input "
                f"says. Received: {one_line(error)}, for images of "
                f"{pixels.shape[1]} pixels. Give its input a fixed size."
            ) from error


def _widths(features: Features) -> tuple[int, int | None]:
    return tuple(None if part is None else part.shape[1] for part in features)


def _take_apart(outputs: Any) -> tuple[Any, Any]:
    """Returns features and logits, or None, from a network's outputs."""
    if isinstance(outputs, Mapping):
        for features, logits in _KEYS:
            if features in outputs:
                return outputs[features], outputs.get(logits)
        raise ValueError(f"a dict of {', '.join(sorted(map(repr, outputs)))}")
    if not isinstance(outputs, tuple | list):
        return outputs, None
    if len(outputs) not in (1, 2):
        raise ValueError(f"{len(outputs)} outputs")
    return outputs[0], outputs[1] if len(outputs) == 2 else None


def _rows(values: Any, what: str, count: int) -> np.ndarray:
    """Returns one output as float32 (`count`, D)."""
    import tensorflow as tf

    values = tf.convert_to_tensor(values)
    if not values.dtype.is_floating:
        raise ValueError(f"{what} of type {values.dtype.name}")
    rows = tf.cast(values, tf.float32)
    if rows.shape.rank == 4:
        rows = tf.reduce_mean(rows, axis=(1, 2))
    if rows.shape.rank != 2 or len(rows) != count or rows.shape[1] == 0:
        images = "1 image" if count == 1 else f"{count} images"
        raise ValueError(f"{what} of shape {values.shape} for {images}")
    return rows.numpy()
