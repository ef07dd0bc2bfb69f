"""DCGAN (Radford et al. 2016, arXiv:1511.06434).

As in pytorch-gan-collections, which departs from the paper: PyTorch's default
initialisation instead of N(0, 0.02), 5×5 kernels, and batch normalisation
after the activation, in the discriminator. That repository has seeds of 2×2
and 4×4 pixels only; here the seed is 1/16 of the side, so 48 starts from 3×3.
"""

import keras
from keras import layers as kl

from regan_tf.nets.blocks import (
    Layers,
    batch_norm,
    relu,
    uniform_bias,
    uniform_kernel,
)


def generator(
    *, resolution, latent_dim=100, width=128, masked=False, fused=True
):
    """Seed of resolution/16 pixels, four transposed convolutions, tanh.

    Args:
        resolution: a multiple of 16.
        latent_dim: length of the latent vector z ~ N(0, I).
        width: channels of the last hidden layer; the seed has 8·width.
        masked: whether kernels carry masks.
        fused: without effect, as nothing is resampled.

    Returns:
        `keras.Model`: latents (B, latent_dim) to float32 images
        (B, resolution, resolution, 3) in [-1, 1].
    """
    del fused
    layers, side = Layers.plain(masked), resolution // 16
    z = keras.Input((latent_dim,), name="latents")
    # The source's transposed convolution of one pixel is this dense map, of
    # as many weights; the fan in of the one is the fan out of the other.
    x = layers.dense(
        side * side * 8 * width,
        use_bias=False,
        kernel_initializer=uniform_kernel("fan_out"),
        name="dense",
    )(z)
    x = kl.Reshape((side, side, 8 * width), name="seed")(x)
    for i, filters in enumerate((4 * width, 2 * width, width), 1):
        x = batch_norm(x, f"norm{i}")
        x = relu(x, f"relu{i}")
        x = _double(layers, x, filters, f"up{i}")
    x = batch_norm(x, "norm")
    x = relu(x, "relu")
    x = _double(layers, x, 3, "to_rgb")
    x = kl.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(z, x, name="generator")


def discriminator(*, resolution, width=64, masked=False, fused=True):
    """Four strided convolutions, dense; batch normalisation after all
    activations but the first.

    Args:
        resolution: a multiple of 16.
        width: channels of the first layer, doubled in each further one.
        masked: whether kernels carry masks.
        fused: without effect, as nothing is resampled.

    Returns:
        `keras.Model`: images (B, resolution, resolution, 3) in [-1, 1] to
        float32 logits (B, 1).
    """
    del fused
    layers = Layers.plain(masked)
    images = keras.Input((resolution, resolution, 3), name="images")
    x = images
    for i in range(1, 5):
        x = _halve(layers, x, 2 ** (i - 1) * width, f"down{i}")
        x = kl.LeakyReLU(0.2, name=f"relu{i}")(x)
        if i > 1:
            x = batch_norm(x, f"norm{i}")
    x = kl.Flatten(name="flat")(x)
    x = layers.dense(
        1,
        kernel_initializer=uniform_kernel(),
        bias_initializer=uniform_bias(x.shape[-1]),
        dtype="float32",
        name="dense",
    )(x)
    x = kl.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(images, x, name="discriminator")


def _double(layers, x, filters, name):
    """4×4 transposed convolution of stride 2: twice the side."""
    return layers.conv_transpose(
        filters,
        4,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=uniform_kernel(),
        name=name,
    )(x)


def _halve(layers, x, filters, name):
    """5×5 convolution of stride 2: half the side."""
    # Keras' "same" would pad one pixel before and two behind.
    x = kl.ZeroPadding2D(2, name=f"{name}_pad")(x)
    return layers.conv(
        filters,
        5,
        strides=2,
        use_bias=False,
        kernel_initializer=uniform_kernel(),
        name=name,
    )(x)
