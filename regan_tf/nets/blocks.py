"""What several papers' networks are built of."""

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from regan_tf.nets.batch_norm import FusedBatchNormalization
from regan_tf.nets.resample import (
    DownConv2D,
    MaskedDownConv2D,
    MaskedSpectralDownConv2D,
    MaskedSpectralUpConv2D,
    MaskedUpConv2D,
    NearestUpsampling2D,
    SpectralDownConv2D,
    SpectralUpConv2D,
    UpConv2D,
)
from regan_tf.nets.spectral_norm import (
    MaskedSpectralConv2D,
    MaskedSpectralConv2DTranspose,
    MaskedSpectralDense,
    SpectralConv2D,
    SpectralConv2DTranspose,
    SpectralDense,
)
from regan_tf.regan.layers import (
    MaskedConv2D,
    MaskedConv2DTranspose,
    MaskedDense,
)


@dataclass(frozen=True)
class Layers:
    """Layer classes that a network is built with.

    One file describes a network; these make it plain, masked or spectrally
    normalised.

    Attributes:
        conv, dense: convolution and dense layer.
        conv_transpose: transposed convolution.
        up_conv, down_conv: 3×3 convolution fused with the upsampling before
            or the pooling after it, or None: as two operations.
        fused: whether to save work at resamplings; else every operation is
            as published.
        uniform_bias: whether the biases of `convolve` start as PyTorch's do
            by default (see `uniform_bias`), else at zero.
    """

    conv: Any
    dense: Any
    conv_transpose: Any
    up_conv: Any
    down_conv: Any
    fused: bool
    uniform_bias: bool

    @classmethod
    def plain(cls, masked, fused=True, uniform_bias=False):
        """Layers without normalisation of their weights."""
        if masked:
            layers = MaskedConv2D, MaskedDense, MaskedConv2DTranspose
            both = MaskedUpConv2D, MaskedDownConv2D
        else:
            layers = kl.Conv2D, kl.Dense, kl.Conv2DTranspose
            both = UpConv2D, DownConv2D
        both = both if fused else (None, None)
        return cls(*layers, *both, fused, uniform_bias)

    @classmethod
    def spectral(cls, masked, fused=True, uniform_bias=False):
        """Spectrally normalised layers."""
        if masked:
            layers = MaskedSpectralConv2D, MaskedSpectralDense
            layers += (MaskedSpectralConv2DTranspose,)
            both = MaskedSpectralUpConv2D, MaskedSpectralDownConv2D
        else:
            layers = SpectralConv2D, SpectralDense, SpectralConv2DTranspose
            both = SpectralUpConv2D, SpectralDownConv2D
        both = both if fused else (None, None)
        return cls(*layers, *both, fused, uniform_bias)


def xavier(gain=1.0):
    """Xavier-uniform initialiser: U(−a, a), a = gain·√(6 / (fan in + out)).

    Args:
        gain: factor of the limit; √2 before a ReLU.
    """
    return keras.initializers.VarianceScaling(
        scale=gain**2, mode="fan_avg", distribution="uniform"
    )


def uniform_kernel(mode="fan_in"):
    """PyTorch's default initialiser of kernels: U(−a, a), a = 1/√fan.

    For a transposed convolution too: PyTorch's fan in is there (channels
    out)·k·k, and so is that of Keras, whose kernel is (k, k, out, in).

    Args:
        mode: "fan_in" or "fan_out".
    """
    return keras.initializers.VarianceScaling(
        scale=1 / 3, mode=mode, distribution="uniform"
    )


def uniform_bias(fan_in):
    """PyTorch's default initialiser of biases: U(−a, a), a = 1/√fan in.

    Args:
        fan_in: inputs that an output of the layer sums over. Keras'
            initialisers do not know it, given only the bias' shape.
    """
    limit = 1 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit)


def batch_norm(x, name, gamma="ones"):
    """Batch normalisation with PyTorch's defaults (momentum 0.1, ε 1e-5).

    Statistics are taken over the batch of all devices, so that several
    devices compute what one computes.

    Args:
        x: (..., C), normalised over all axes but the last.
        name: of the layer.
        gamma: initialiser of the scale.
    """
    return FusedBatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=gamma,
        synchronized=True,
        name=name,
    )(x)


def upsample(x, name, factor=2, interpolation="nearest"):
    """(B, H, W, C) to (B, factor·H, factor·W, C).

    Args:
        x: values at pixels' centres.
        name: of the layer.
        factor: a positive integer.
        interpolation: "nearest" or "bilinear", both between the centres of
            pixels (in PyTorch: align_corners False).
    """
    if interpolation == "nearest":
        return NearestUpsampling2D(factor, name=name)(x)
    return kl.UpSampling2D(factor, interpolation=interpolation, name=name)(x)


def downsample(x, name):
    """Mean over 2×2 pixels: (B, H, W, C) to (B, H/2, W/2, C)."""
    return kl.AveragePooling2D(2, name=name)(x)


def convolve(
    layers, x, filters, name, *, side=3, gain=1.0, resample=None, factor=2
):
    """A "same" convolution, Xavier-uniform, with resampling if asked.

    Args:
        layers: the `Layers` of the network.
        x: (B, H, W, C).
        filters: channels of the result.
        name: of the layer.
        side: of the kernel: 1 or 3.
        gain: of its initialisation.
        resample: None, "up" or "bilinear" (nearest or bilinear, before the
            convolution) or "down" (mean, after it). Where it is exactly
            equal or fused, fewer multiplications do the same; see
            `regan_tf.nets.resample`.
        factor: of the upsampling; "down" is by 2.
    """
    both = None
    if side == 3 and factor == 2:
        both = {"up": layers.up_conv, "down": layers.down_conv}.get(resample)
    bias = uniform_bias(side**2 * x.shape[-1]) if layers.uniform_bias else None
    apply = (both or layers.conv)(
        filters,
        side,
        padding="same",
        kernel_initializer=xavier(gain),
        bias_initializer=bias or "zeros",
        name=name,
    )
    if resample is None or both:
        return apply(x)
    if resample == "down":
        steps = [apply, lambda x: downsample(x, f"{name}_pool")]
    else:
        mode = "nearest" if resample == "up" else resample
        steps = [lambda x: upsample(x, f"{name}_up", factor, mode), apply]
    # A 1×1 convolution commutes with all of them, as the weights of each
    # mean and interpolation sum to 1: on the small side.
    if layers.fused and side == 1:
        steps.reverse()
    return steps[1](steps[0](x))


def relu(x, name, dtype=None):
    """Rectifier max(x, 0), in the network's precision or in `dtype`."""
    return kl.ReLU(name=name, dtype=dtype)(x)
