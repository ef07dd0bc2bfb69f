"""Convolutions with 2× resampling as one operation each.

Nearest upsampling and then a 3×3 convolution is a 4×4 transposed convolution
of stride 2; a 3×3 convolution and then a mean over 2×2 pixels is a 4×4
convolution of stride 2. The weights stay 3×3, so masks, spectral norms and
checkpoints are the same; only 4/9 of the multiplications are left. Results
differ by rounding.
"""

from math import prod

import keras
import tensorflow as tf
from keras import ops

from regan_tf.nets.spectral_norm import MaskedSpectralConv2D, SpectralConv2D
from regan_tf.regan.layers import MaskedConv2D


def sum_of_shifts(kernel):
    """A 3×3 kernel added to its copies shifted by (0, 1), (1, 0) and (1, 1).

    Args:
        kernel: (3, 3, channels in, channels out).

    Returns:
        (4, 4, channels in, channels out): what four neighbouring pixels of
        equal value, or of equal weight, see of the kernel.
    """
    rows = ops.pad(kernel, ((0, 1), (0, 0), (0, 0), (0, 0))) + ops.pad(
        kernel, ((1, 0), (0, 0), (0, 0), (0, 0))
    )
    return ops.pad(rows, ((0, 0), (0, 1), (0, 0), (0, 0))) + ops.pad(
        rows, ((0, 0), (1, 0), (0, 0), (0, 0))
    )


class Resampling:
    """Mixin: a 3×3 "same" convolution of even-sided inputs, resampled by 2.

    Place it before a Keras 2D convolution, masked or spectrally normalised or
    not.

    Raises:
        ValueError: another kernel size, stride, padding or dilation.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        plain = (
            self.kernel_size == (3, 3)
            and self.strides == (1, 1)
            and self.padding == "same"
            and self.dilation_rate == (1, 1)
            and self.groups == 1
            and self.data_format == "channels_last"
        )
        if not plain:
            raise ValueError(
                f"{type(self).__name__} takes kernel_size=3, strides=1, "
                'padding="same", no dilation, one group and channels last. '
                f"Received: kernel_size={self.kernel_size}, "
                f"strides={self.strides}, padding={self.padding!r}, "
                f"dilation_rate={self.dilation_rate}, groups={self.groups}, "
                f"data_format={self.data_format!r}"
            )

    def macs_per_image(self, input_shape, output_shape):
        """Multiply-accumulates done for one image: a 4×4 kernel at each pixel
        of the smaller side. (As two operations: 3×3 at each of the larger.)

        Args:
            input_shape, output_shape: (B, H, W, C).
        """
        pixels = min(prod(input_shape[1:3]), prod(output_shape[1:3]))
        return 16 * pixels * input_shape[-1] * self.filters


class Upsampled(Resampling):
    """Mixin: nearest upsampling, then the convolution.

    (B, H, W, C) to (B, 2H, 2W, filters).
    """

    def convolution_op(self, inputs, kernel):
        # A transposed convolution spreads each pixel over the outputs that
        # see it, so its kernel is the flipped one with axes exchanged.
        spread = ops.flip(sum_of_shifts(kernel), (0, 1))
        spread = ops.transpose(spread, (0, 1, 3, 2))
        return ops.conv_transpose(inputs, spread, strides=2, padding="same")

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, _times2(height), _times2(width), self.filters)


class Downsampled(Resampling):
    """Mixin: the convolution, then the mean over 2×2 pixels.

    (B, H, W, C) to (B, H/2, W/2, filters); H and W even.
    """

    def convolution_op(self, inputs, kernel):
        return ops.conv(
            inputs, sum_of_shifts(kernel) / 4, strides=2, padding="same"
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, _half(height), _half(width), self.filters)


def _times2(side):
    return None if side is None else 2 * side


def _half(side):
    return None if side is None else side // 2


def _register(cls):
    return keras.saving.register_keras_serializable("regan_tf")(cls)


@_register
class NearestUpsampling2D(keras.layers.UpSampling2D):
    """Nearest upsampling as the gradient of the mean that undoes it.

    (B, H, W, C) to (B, f·H, f·W, C): what `keras.layers.UpSampling2D` gives,
    exactly where f is a power of 2. That one repeats rows and columns, and
    sums up its gradients, which is slower.

    Args:
        size: the factor f, an integer.
    """

    stock = keras.layers.UpSampling2D

    def call(self, inputs):
        batch, height, width, channels = ops.shape(inputs)
        rows, columns = self.size
        window = [1, rows, columns, 1]
        # On the small side; but in float16, which might overflow there.
        before, after = rows * columns, 1
        if self.compute_dtype == "float16":
            before, after = after, before
        share = tf.raw_ops.AvgPoolGrad(
            orig_input_shape=[batch, rows * height, columns * width, channels],
            grad=inputs * before,
            ksize=window,
            strides=window,
            padding="VALID",
        )
        return share if after == 1 else share * after


@_register
class UpConv2D(Upsampled, keras.layers.Conv2D):
    """Nearest upsampling and 3×3 convolution in one."""


@_register
class MaskedUpConv2D(Upsampled, MaskedConv2D):
    """`UpConv2D` with a mask on its kernel."""

    stock = UpConv2D


@_register
class SpectralUpConv2D(Upsampled, SpectralConv2D):
    """Spectrally normalised `UpConv2D`; the norm is of the 3×3 kernel."""


@_register
class MaskedSpectralUpConv2D(Upsampled, MaskedSpectralConv2D):
    """`SpectralUpConv2D` with a mask on its kernel."""

    stock = SpectralUpConv2D


@_register
class DownConv2D(Downsampled, keras.layers.Conv2D):
    """3×3 convolution and mean over 2×2 pixels in one."""


@_register
class MaskedDownConv2D(Downsampled, MaskedConv2D):
    """`DownConv2D` with a mask on its kernel."""

    stock = DownConv2D


@_register
class SpectralDownConv2D(Downsampled, SpectralConv2D):
    """Spectrally normalised `DownConv2D`; the norm is of the 3×3 kernel."""


@_register
class MaskedSpectralDownConv2D(Downsampled, MaskedSpectralConv2D):
    """`SpectralDownConv2D` with a mask on its kernel."""

    stock = SpectralDownConv2D
