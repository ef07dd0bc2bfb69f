"""What several papers' networks are built of."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from regan_tf.nets.resample import (
    DownConv2D,
    MaskedDownConv2D,
    MaskedSpectralDownConv2D,
    MaskedUpConv2D,
    SpectralDownConv2D,
    UpConv2D,
)
from regan_tf.nets.spectral_norm import (
    MaskedSpectralConv2D,
    MaskedSpectralDense,
    SpectralConv2D,
    SpectralDense,
)
from regan_tf.regan.layers import MaskedConv2D, MaskedDense


@dataclass(frozen=True)
class Layers:
    """Layer classes that a network is built with.

    One file describes a network; these make it plain, masked or spectrally
    normalised.

    Attributes:
        conv, dense: convolution and dense layer.
        up_conv, down_conv: 3×3 convolution fused with the upsampling before
            or the pooling after it, or None: as two operations.
        fused: whether to save work at resamplings; else every operation is
            as published.
    """

    conv: Any
    dense: Any
    up_conv: Any
    down_conv: Any
    fused: bool

    @classmethod
    def plain(cls, masked, fused=True):
        """Layers without normalisation of their weights."""
        if masked:
            layers = MaskedConv2D, MaskedDense
            both = MaskedUpConv2D, MaskedDownConv2D
        else:
            layers, both = (kl.Conv2D, kl.Dense), (UpConv2D, DownConv2D)
        return cls(*layers, *(both if fused else (None, None)), fused)

    @classmethod
    def spectral(cls, masked, fused=True):
        """Spectrally normalised layers; upsampling is never fused."""
        if masked:
            layers = MaskedSpectralConv2D, MaskedSpectralDense
            down = MaskedSpectralDownConv2D
        else:
            layers, down = (SpectralConv2D, SpectralDense), SpectralDownConv2D
        return cls(*layers, None, down if fused else None, fused)


def xavier(gain=1.0):
    """Xavier-uniform initialiser: U(−a, a), a = gain·√(6 / (fan in + out)).

    Args:
        gain: factor of the limit; √2 before a ReLU.
    """
    return keras.initializers.VarianceScaling(
        scale=gain**2, mode="fan_avg", distribution="uniform"
    )


def batch_norm(x, name):
    """Batch normalisation with PyTorch's defaults (momentum 0.1, ε 1e-5).

    Statistics are taken over the batch of all devices, so that several
    devices compute what one computes.
    """
    return kl.BatchNormalization(
        momentum=0.9, epsilon=1e-5, synchronized=True, name=name
    )(x)


def upsample(x, name):
    """Nearest upsampling: (B, H, W, C) to (B, 2H, 2W, C)."""
    return kl.UpSampling2D(2, interpolation="nearest", name=name)(x)


def downsample(x, name):
    """Mean over 2×2 pixels: (B, H, W, C) to (B, H/2, W/2, C)."""
    return kl.AveragePooling2D(2, name=name)(x)


def convolve(layers, x, filters, name, *, side=3, gain=1.0, resample=None):
    """A "same" convolution, Xavier-uniform, with 2× resampling if asked.

    Args:
        layers: the `Layers` of the network.
        x: (B, H, W, C).
        filters: channels of the result.
        name: of the layer.
        side: of the kernel: 1 or 3.
        gain: of its initialisation.
        resample: None, "up" (nearest, before the convolution) or "down"
            (mean, after it). Where it is exactly equal or fused, fewer
            multiplications do the same; see `regan_tf.nets.resample`.
    """
    both = {"up": layers.up_conv, "down": layers.down_conv}.get(resample)
    conv = both if both is not None and side == 3 else layers.conv
    apply = conv(
        filters,
        side,
        padding="same",
        kernel_initializer=xavier(gain),
        name=name,
    )
    if resample is None or conv is both:
        return apply(x)
    if resample == "up":
        steps = [_named(upsample, f"{name}_up"), apply]
    else:
        steps = [apply, _named(downsample, f"{name}_pool")]
    # A 1×1 convolution commutes with both resamplings: on the small side.
    if layers.fused and side == 1:
        steps.reverse()
    return steps[1](steps[0](x))


def _named(function, name):
    return lambda x: function(x, name)


def relu(x, name, dtype=None):
    """Rectifier max(x, 0), in the network's precision or in `dtype`."""
    return kl.ReLU(name=name, dtype=dtype)(x)
