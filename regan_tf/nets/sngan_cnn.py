"""SNGAN's plain CNN (Miyato et al. 2018, arXiv:1802.05957, Table 3).

Widths and initialisation, N(0, 0.02) with zero biases, as in
pytorch-gan-collections. That repository has it for 32 pixels only; here the
seed is 1/8 of the side at any.
"""

import keras
from keras import layers as kl

from regan_tf.nets.blocks import Layers, batch_norm, relu


def generator(
    *, resolution, latent_dim=100, width=64, masked=False, fused=True
):
    """Table 3(a): dense, three transposed convolutions, convolution, tanh.

    Args:
        resolution: a multiple of 8.
        latent_dim: length of the latent vector z ~ N(0, I).
        width: channels before the last convolution; the seed has 8·width.
        masked: whether kernels carry masks.
        fused: without effect, as nothing is resampled.

    Returns:
        `keras.Model`: latents (B, latent_dim) to float32 images
        (B, resolution, resolution, 3) in [-1, 1].
    """
    del fused
    layers, side = Layers.plain(masked), resolution // 8
    z = keras.Input((latent_dim,), name="latents")
    x = layers.dense(
        side * side * 8 * width, kernel_initializer=_normal(), name="dense"
    )(z)
    x = kl.Reshape((side, side, 8 * width), name="seed")(x)
    for i, filters in enumerate((4 * width, 2 * width, width), 1):
        x = batch_norm(x, f"norm{i}")
        x = relu(x, f"relu{i}")
        x = _apply(layers.conv_transpose, x, filters, f"up{i}", 4, 2)
    x = batch_norm(x, "norm")
    x = relu(x, "relu")
    x = _apply(layers.conv, x, 3, "to_rgb")
    x = kl.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(z, x, name="generator")


def discriminator(*, resolution, width=64, masked=False, fused=True):
    """Table 3(b): seven spectrally normalised convolutions, dense.

    Args:
        resolution: a multiple of 8.
        width: channels of the first layer, doubled at each halving.
        masked: whether kernels carry masks.
        fused: without effect, as nothing is resampled.

    Returns:
        `keras.Model`: images (B, resolution, resolution, 3) in [-1, 1] to
        float32 logits (B, 1).
    """
    del fused
    layers = Layers.spectral(masked)
    images = keras.Input((resolution, resolution, 3), name="images")

    def conv(x, filters, name, side=3, strides=1):
        x = _apply(layers.conv, x, filters, name, side, strides)
        return kl.LeakyReLU(0.1, name=f"{name}_relu")(x)

    x = conv(images, width, "conv0")
    for i, filters in enumerate((2 * width, 4 * width, 8 * width), 1):
        x = conv(x, filters, f"down{i}", 4, 2)
        x = conv(x, filters, f"conv{i}")
    x = kl.Flatten(name="flat")(x)
    x = layers.dense(
        1, kernel_initializer=_normal(), dtype="float32", name="dense"
    )(x)
    x = kl.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(images, x, name="discriminator")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


def _apply(conv, x, filters, name, side=3, strides=1):
    """A "same" convolution, transposed or not, of class `conv`."""
    return conv(
        filters,
        side,
        strides=strides,
        padding="same",
        kernel_initializer=_normal(),
        name=name,
    )(x)
