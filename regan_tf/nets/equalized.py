"""Equalised learning rate (Karras et al. 2018, arXiv:1710.10196, §4.1).

The stored kernel W is N(0, 1), whatever the layer; the layer computes with
W·g/√(fan in), He's constant applied at run time. All kernels then have the
same range, so an optimiser that normalises its steps moves all of them
equally fast. Magnitude pruning sees the stored kernel.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from regan_tf.nets.resample import Downsampled, Upsampled
from regan_tf.regan.layers import MaskedConv2D, MaskedDense

GAIN = math.sqrt(2)  # of a layer before a rectifier, as in He's constant


class Equalized:
    """Mixin: the layer computes with its kernel times gain/√(fan in).

    Place it before a Keras layer with a `kernel`, masked or not. The stored
    kernel starts as N(0, 1), the bias as zero; the bias is added unscaled.
    With a multiplier m the stored kernel starts as N(0, 1/m²), and the layer
    computes with m times kernel and bias: the same at birth, but an optimiser
    that normalises its steps moves it m times as fast (Karras et al. 2019,
    arXiv:1812.04948, appendix C).

    The scale is applied in float32, before the kernel is cast to the layer's
    precision: that rounds each entry once. A constant rounded to bfloat16
    would be off by up to 0.2%, equally for all entries, and the product would
    be rounded again.

    Args:
        gain: g above, positive.
        fan_in: inputs that an output counts; None for as many as the kernel
            has, side × side × channels in.
        lr_multiplier: m above, positive.

    Raises:
        ValueError: `gain`, `fan_in` or `lr_multiplier` is not positive.
    """

    # See KernelMask: the stock layers would store the scaled kernel.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    def __init__(
        self, *args, gain=GAIN, fan_in=None, lr_multiplier=1.0, **kwargs
    ):
        given = (gain, lr_multiplier, 1 if fan_in is None else fan_in)
        if not all(value > 0 for value in given):
            raise ValueError(
                "`gain` and `lr_multiplier` must be positive, `fan_in` too, or "
                f"None for the kernel's own. Received: gain={gain}, "
                f"lr_multiplier={lr_multiplier}, fan_in={fan_in}"
            )
        kwargs.setdefault(
            "kernel_initializer",
            keras.initializers.RandomNormal(0.0, 1 / lr_multiplier),
        )
        super().__init__(*args, **kwargs)
        self.gain = gain
        self.fan_in = fan_in
        self.lr_multiplier = lr_multiplier

    @property
    def scale(self):
        """m·gain/√(fan in), a float, of a built layer."""
        fan_in = self.fan_in or math.prod(self._kernel.shape[:-1])
        return self.lr_multiplier * self.gain / math.sqrt(fan_in)

    @property
    def kernel(self):
        """Scaled (masked) kernel, a tensor: what the layer computes with."""
        with keras.src.backend.AutocastScope(None):  # float32, see above
            kernel = super().kernel * self.scale
        return ops.cast(kernel, self._kernel.dtype)

    @property
    def bias(self):
        """m times the stored bias: what the layer adds; None without one."""
        if self._bias is None or self.lr_multiplier == 1:
            return self._bias
        return self._bias * self.lr_multiplier

    @bias.setter
    def bias(self, value):  # by the stock layer's build
        self._bias = value

    def get_config(self):
        return {
            **super().get_config(),
            "gain": self.gain,
            "fan_in": self.fan_in,
            "lr_multiplier": self.lr_multiplier,
        }


def _register(cls):
    return keras.saving.register_keras_serializable("regan_tf")(cls)


@_register
class EqualizedDense(Equalized, keras.layers.Dense):
    """`keras.layers.Dense` with an equalised learning rate."""


@_register
class EqualizedConv2D(Equalized, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with an equalised learning rate."""


@_register
class EqualizedUpConv2D(Upsampled, EqualizedConv2D):
    """Nearest upsampling and 3×3 `EqualizedConv2D` in one."""


@_register
class EqualizedDownConv2D(Downsampled, EqualizedConv2D):
    """3×3 `EqualizedConv2D` and mean over 2×2 pixels in one."""


@_register
class MaskedEqualizedDense(Equalized, MaskedDense):
    """`EqualizedDense` with a mask on its kernel."""

    stock = EqualizedDense


@_register
class MaskedEqualizedConv2D(Equalized, MaskedConv2D):
    """`EqualizedConv2D` with a mask on its kernel."""

    stock = EqualizedConv2D


@_register
class MaskedEqualizedUpConv2D(Upsampled, MaskedEqualizedConv2D):
    """`EqualizedUpConv2D` with a mask on its kernel."""

    stock = EqualizedUpConv2D


@_register
class MaskedEqualizedDownConv2D(Downsampled, MaskedEqualizedConv2D):
    """`EqualizedDownConv2D` with a mask on its kernel."""

    stock = EqualizedDownConv2D


@_register
class Bias(keras.layers.Layer):
    """Adds one trainable value a channel, zero at first: (..., C) to (..., C).

    For where the layer before has more outputs than channels.
    """

    def build(self, input_shape):
        self.bias = self.add_weight(
            name="bias", shape=(input_shape[-1],), initializer="zeros"
        )

    def call(self, inputs):
        return inputs + self.bias


class EqualizedLayers(NamedTuple):
    """Layer classes that a network with an equalised learning rate is of.

    Attributes:
        conv, dense: convolution and dense layer.
        up_conv, down_conv: 3×3 convolution fused with the upsampling before
            or the mean after it, or None: as two operations.
    """

    conv: Any
    dense: Any
    up_conv: Any
    down_conv: Any

    @classmethod
    def of(cls, masked, fused=True):
        """The classes whose kernels carry masks, or not; fused, or not."""
        if masked:
            plain = MaskedEqualizedConv2D, MaskedEqualizedDense
            both = MaskedEqualizedUpConv2D, MaskedEqualizedDownConv2D
        else:
            plain = EqualizedConv2D, EqualizedDense
            both = EqualizedUpConv2D, EqualizedDownConv2D
        return cls(*plain, *(both if fused else (None, None)))
