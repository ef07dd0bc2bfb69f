"""Resampling with the filter [1, 3, 3, 1] (Karras et al. 2020,
arXiv:1912.04958, appendix B, and its code).

The filter is the outer product of [1, 3, 3, 1] with itself, over its sum 64,
applied to each channel. Pixels outside of an image are zero, so images darken
at their border, as in the sources.

Each function is one depthwise convolution, whose derivatives of all orders
are others. Of the forms tried on CPUs that is the fastest, forward and
backward: sums of shifted images take 30 times as long, and a neighbouring
3×3 convolution with the filter multiplied into its kernel, then 6×6, takes 2
to 5 times as long as both.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

TAPS = (1, 3, 3, 1)


def blur(x, before, after, gain=1.0):
    """The filter at every place of the padded image.

    Args:
        x: (B, H, W, C).
        before, after: pixels of zeros in front of rows and columns, and after
            them.
        gain: what a constant image is multiplied by.

    Returns:
        (B, H + before + after − 3, W + before + after − 3, C).
    """
    edge = (before, after)
    x = ops.pad(x, ((0, 0), edge, edge, (0, 0)))
    return ops.depthwise_conv(x, _filter(x, gain), padding="valid")


@tf.custom_gradient
def downsample(x):
    """Half the side: `blur` with one pixel of zeros around, at every other
    place.

    Args:
        x: (B, H, W, C), H and W even.

    Returns:
        (B, H/2, W/2, C).

    Raises:
        ValueError: a side is odd.
    """
    if any(side is not None and side % 2 for side in x.shape[1:3]):
        raise ValueError(
            "`downsample` halves even sides; pad the image first. Received: "
            f"shape {tuple(x.shape)}"
        )
    # TensorFlow's own gradient takes 8 times as long in bfloat16 on CPUs.
    y = ops.depthwise_conv(x, _filter(x, 1.0), strides=2, padding="same")
    return y, lambda gradient: upsample(gradient) / 4


def upsample(x):
    """Twice the side: a zero after each pixel of rows and columns, then `blur`
    with 2 pixels of zeros before, 1 after and gain 4.

    Args:
        x: (B, H, W, C).

    Returns:
        (B, 2H, 2W, C).
    """
    if x.dtype == "bfloat16":  # see `downsample`
        return blur(_with_zeros(x), 2, 1, gain=4.0)
    batch, height, width, channels = ops.shape(x)
    return tf.nn.depthwise_conv2d_backprop_input(
        (batch, 2 * height, 2 * width, channels),
        _filter(x, 4.0),
        x,
        strides=(1, 2, 2, 1),
        padding="SAME",
    )


def _filter(x, gain):
    """The filter for each channel of x: (4, 4, C, 1)."""
    taps = np.outer(TAPS, TAPS) * (gain / sum(TAPS) ** 2)
    taps = np.tile(taps[:, :, None, None], (1, 1, x.shape[-1], 1))
    return ops.convert_to_tensor(taps, x.dtype)


def _with_zeros(x):
    """A zero after each pixel of rows and columns."""
    batch, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (batch, height, 1, width, 1, channels))
    edges = [(0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)]
    return ops.reshape(
        ops.pad(x, edges), (batch, 2 * height, 2 * width, channels)
    )


def _register(cls):
    return keras.saving.register_keras_serializable("regan_tf")(cls)


@_register
class Blur2D(keras.layers.Layer):
    """`blur` as a layer.

    Args:
        before, after, gain: as of `blur`.
    """

    def __init__(self, before, after, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.before = before
        self.after = after
        self.gain = gain

    def call(self, inputs):
        return blur(inputs, self.before, self.after, self.gain)

    def get_config(self):
        options = {
            "before": self.before,
            "after": self.after,
            "gain": self.gain,
        }
        return {**super().get_config(), **options}


@_register
class FirDownsampling2D(keras.layers.Layer):
    """`downsample` as a layer."""

    def call(self, inputs):
        return downsample(inputs)


@_register
class FirUpsampling2D(keras.layers.Layer):
    """`upsample` as a layer."""

    def call(self, inputs):
        return upsample(inputs)
