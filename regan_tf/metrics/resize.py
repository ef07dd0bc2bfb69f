"""Images to a feature network's input size: one function for all networks.

The mode is part of a score: the same images give other features through
another mode (Parmar et al. 2022, arXiv:2104.11222).
"""

from typing import TYPE_CHECKING

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.protocol import RESIZE_MODES

if TYPE_CHECKING:
    import tensorflow as tf


def check_mode(mode: str) -> None:
    """Raises `UserError` unless `mode` is one of `RESIZE_MODES`."""
    if mode not in RESIZE_MODES:
        raise UserError(
            f"A resize mode must be one of {', '.join(RESIZE_MODES)}. "
            f"Received: {mode!r}"
        )


def resize(images: np.ndarray, size: int, mode: str) -> "tf.Tensor":
    """Resizes square images; images of that size keep their pixels.

    Args:
        images: uint8 (N, R, R, 3), R at least 1.
        size: S, pixels.
        mode: one of
            "tf1-bilinear": TensorFlow 1's `resize_bilinear`, pixel i of the
            output is taken at i * R / S, so the picture moves up and left.
            The first FID graph (Heusel et al. 2017), torch-fidelity, StyleGAN.
            "tf2-bilinear": half-pixel centres, no antialiasing:
            `tf.image.resize`, PyTorch's `interpolate`, pytorch-fid.
            "clean": bicubic, antialiased, clipped, not rounded: what clean-fid
            does by PIL, to 0.01 of 255.

    Returns:
        float32 (N, S, S, 3) in [0, 255].

    Raises:
        UserError: unknown `mode`.
    """
    import tensorflow as tf

    check_mode(mode)
    if tuple(images.shape[1:3]) == (size, size):
        return tf.cast(images, tf.float32)
    if mode == "tf1-bilinear":
        # TF2's functions have half-pixel centres only.
        return tf.raw_ops.ResizeBilinear(
            images=images,
            size=(size, size),
            align_corners=False,
            half_pixel_centers=False,
        )
    if mode == "tf2-bilinear":
        return tf.image.resize(images, (size, size), method="bilinear")
    resized = tf.image.resize(
        images, (size, size), method="bicubic", antialias=True
    )
    return tf.clip_by_value(resized, 0.0, 255.0)  # bicubic overshoots at edges
