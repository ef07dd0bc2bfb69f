"""What several papers' networks are built of."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

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
    """

    conv: Any
    dense: Any

    @classmethod
    def plain(cls, masked):
        """Layers without normalisation of their weights."""
        if masked:
            return cls(MaskedConv2D, MaskedDense)
        return cls(kl.Conv2D, kl.Dense)

    @classmethod
    def spectral(cls, masked):
        """Spectrally normalised layers."""
        if masked:
            return cls(MaskedSpectralConv2D, MaskedSpectralDense)
        return cls(SpectralConv2D, SpectralDense)


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


def relu(x, name):
    """Rectifier max(x, 0)."""
    return kl.ReLU(name=name)(x)
