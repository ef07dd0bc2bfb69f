"""Convolution with a kernel of its own for each image (Karras et al. 2020,
arXiv:1912.04958, section 2.2).

A style s scales the input channels of the kernel, and demodulation then each
output channel to norm 1. Both are done to images instead: inputs times s,
one convolution with the kernel that all images share, outputs times
1/√(Σ (w·s)² + 1e-8), the sum over inputs and pixels of the kernel. That is the
same within rounding, and the sums are a matrix product of s² with the kernel's
squares summed over its pixels.
"""

import math

import keras
from keras import ops

from regan_tf.nets.equalized import Equalized
from regan_tf.nets.fir import blur
from regan_tf.regan.layers import KernelMask

EPSILON = 1e-8


class Modulated(keras.layers.Layer):
    """A "same" convolution without bias, modulated and demodulated.

    [x (B, H, W, C), styles (B, C)] to (B, H, W, filters), or with
    `resample="up"` to (B, 2H, 2W, filters): the kernel is then that of a
    transposed convolution of stride 2, 2H + 1 pixels to a side, and the filter
    [1, 3, 3, 1] of gain 4 follows. Kernel (side, side, C, filters), in the
    order of PyTorch's for both.

    Norms are computed in float32, of the kernel and of styles rounded to the
    layer's precision.

    Args:
        filters: channels of the result.
        side: of the kernel in pixels.
        demodulate: whether outputs are normalised.
        resample: None or "up", for a side of 3.
        kernel_initializer: as of Keras' layers.

    Raises:
        ValueError: another `resample`, or "up" with another side.
    """

    def __init__(
        self,
        filters,
        side,
        *,
        demodulate=True,
        resample=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        if resample is not None and (resample, side) != ("up", 3):
            raise ValueError(
                '`resample` must be None, or "up" with side=3. Received: '
                f"resample={resample!r}, side={side}"
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.side = side
        self.demodulate = demodulate
        self.resample = resample
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        (*_, channels), _ = input_shape
        self._kernel = self.add_weight(
            name="kernel",
            shape=(self.side, self.side, channels, self.filters),
            initializer=self.kernel_initializer,
        )

    @property
    def kernel(self):
        """Kernel that all images share."""
        return self._kernel

    def call(self, inputs):
        x, styles = inputs
        with keras.src.backend.AutocastScope(self.variable_dtype):
            kernel = ops.convert_to_tensor(self.kernel)  # not rounded yet
        if self.side == 1:
            y = self._mix_channels(x, styles, kernel)
        else:
            y = self._convolve(x * styles[:, None, None, :], kernel)
        if not self.demodulate:
            return y
        return y * self._factors(styles, kernel)[:, None, None, :]

    def _mix_channels(self, x, styles, kernel):
        """A matrix for each image: x is read once, and not copied."""
        styles = ops.cast(styles, kernel.dtype)
        matrices = styles[:, :, None] * kernel[0, 0]
        batch, height, width, channels = ops.shape(x)
        rows = ops.reshape(x, (batch, height * width, channels))
        y = ops.matmul(rows, ops.cast(matrices, x.dtype))
        return ops.reshape(y, (batch, height, width, self.filters))

    def _convolve(self, x, kernel):
        kernel = ops.cast(kernel, x.dtype)
        if self.resample is None:
            return ops.conv(x, kernel, padding="same")
        spread = ops.transpose(kernel, (0, 1, 3, 2))
        y = ops.conv_transpose(x, spread, strides=2, padding="valid")
        return blur(y, 1, 1, gain=4.0)

    def _factors(self, styles, kernel):
        """1/norm for each image and output channel: (B, filters)."""
        squares = ops.sum(ops.square(kernel), axis=(0, 1))
        styles = ops.cast(styles, kernel.dtype)
        norms = ops.matmul(ops.square(styles), squares)
        return ops.cast(ops.rsqrt(norms + EPSILON), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        (batch, height, width, _), _ = input_shape
        if self.resample:
            height, width = (n and 2 * n for n in (height, width))
        return (batch, height, width, self.filters)

    def macs_per_image(self, input_shape, output_shape):
        """Multiply-accumulates for one image: the kernel at each pixel of the
        input. Those of the filter and of the norms do not count.

        Args:
            input_shape, output_shape: (B, H, W, C) of images.
        """
        return math.prod(self._kernel.shape) * math.prod(input_shape[1:3])

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {
            **super().get_config(),
            "filters": self.filters,
            "side": self.side,
            "demodulate": self.demodulate,
            "resample": self.resample,
            "kernel_initializer": initializer,
        }


@keras.saving.register_keras_serializable("regan_tf")
class ModulatedConv2D(Equalized, Modulated):
    """`Modulated` with an equalised learning rate (of gain √2 by default)."""


@keras.saving.register_keras_serializable("regan_tf")
class MaskedModulatedConv2D(Equalized, KernelMask, Modulated):
    """`ModulatedConv2D` with a mask on its kernel, as on its norms'."""

    stock = ModulatedConv2D
