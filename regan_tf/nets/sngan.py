"""SNGAN's ResNet (Miyato et al. 2018, arXiv:1802.05957, Table 4).

At 32 pixels as in the paper and in pytorch-gan-collections, whose
initialisation this follows: Xavier-uniform, gain √2 in the residual path and
1 elsewhere, zero biases. The paper has no ResNet for 48 and 64 pixels on
CIFAR-like widths; here 48 starts from a 6×6 seed, and 64 has one more block
in each network.
"""

import math

import keras
from keras import layers as kl
from keras import ops

from regan_tf.nets.blocks import (
    Layers,
    batch_norm,
    convolve,
    downsample,
    relu,
    uniform_kernel,
    xavier,
)

RESIDUAL_GAIN = math.sqrt(2)


def _num_ups(resolution):
    """(seed side, number of up blocks): 32 → (4, 3), 48 → (6, 3)."""
    return {32: (4, 3), 48: (6, 3), 64: (4, 4)}[resolution]


def generator(
    *, resolution, latent_dim=128, width=256, masked=False, fused=True
):
    """Table 4(a): dense, up blocks of equal width, convolution, tanh.

    Args:
        resolution: 32, 48 or 64.
        latent_dim: length of the latent vector z ~ N(0, I).
        width: channels of every block.
        masked: whether kernels carry masks.
        fused: whether resampling is fused with convolutions.

    Returns:
        `keras.Model`: latents (B, latent_dim) to float32 images
        (B, resolution, resolution, 3) in [-1, 1].
    """
    layers = Layers.plain(masked, fused)
    side, blocks = _num_ups(resolution)
    z = keras.Input((latent_dim,), name="latents")
    x = layers.dense(
        side * side * width, kernel_initializer=xavier(), name="dense"
    )(z)
    x = kl.Reshape((side, side, width), name="seed")(x)
    for i in range(1, blocks + 1):
        x = up_block(x, width, layers, f"up{i}")
    x = batch_norm(x, "norm")
    x = relu(x, "relu")
    x = convolve(layers, x, 3, "to_rgb")
    x = kl.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(z, x, name="generator")


def up_block(x, width, layers, name):
    """Residual block that doubles the side: BN, ReLU, up, conv; BN, ReLU,
    conv; plus up, 1×1 conv. No activation after the sum."""
    h = batch_norm(x, f"{name}_norm1")
    h = relu(h, f"{name}_relu1")
    h = convolve(
        layers, h, width, f"{name}_conv1", gain=RESIDUAL_GAIN, resample="up"
    )
    h = batch_norm(h, f"{name}_norm2")
    h = relu(h, f"{name}_relu2")
    h = convolve(layers, h, width, f"{name}_conv2", gain=RESIDUAL_GAIN)
    shortcut = convolve(
        layers, x, width, f"{name}_shortcut", side=1, resample="up"
    )
    return kl.Add(name=f"{name}_sum")([h, shortcut])


def discriminator(
    *,
    resolution,
    width=128,
    masked=False,
    fused=True,
    residual_gain=RESIDUAL_GAIN,
    torch_defaults=False,
):
    """Table 4(b): spectrally normalised blocks, sum over pixels, dense.

    Args:
        resolution: 32, 48 or 64.
        width: channels of every block.
        masked: whether kernels carry masks.
        fused: whether resampling is fused with convolutions.
        residual_gain: gain of the 3×3 convolutions' initialisation.
        torch_defaults: whether biases and the dense layer start as PyTorch's
            do by default, U(±1/√fan in).

    Returns:
        `keras.Model`: images (B, resolution, resolution, 3) in [-1, 1] to
        float32 logits (B, 1).
    """
    layers = Layers.spectral(masked, fused, uniform_bias=torch_defaults)
    gain = residual_gain
    images = keras.Input((resolution, resolution, 3), name="images")
    x = first_block(images, width, layers, "down1", gain)
    for i in range(2, 4 if resolution == 64 else 3):
        x = down_block(x, width, layers, f"down{i}", gain)
    for i in (1, 2):
        x = down_block(x, width, layers, f"flat{i}", gain, down=False)
    # In float32 whatever the precision: a sum of many pixels would lose its
    # small terms in bfloat16, and overflow in float16.
    x = relu(x, "relu", dtype="float32")
    x = ops.sum(x, axis=(1, 2))  # sum, not mean: as in the paper
    x = layers.dense(
        1,
        use_bias=False,
        kernel_initializer=uniform_kernel() if torch_defaults else xavier(),
        dtype="float32",
        name="dense",
    )(x)
    x = kl.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(images, x, name="discriminator")


def first_block(x, width, layers, name, gain):
    """conv, ReLU, conv, mean-pool; plus mean-pool, 1×1 conv of the image."""
    h = convolve(layers, x, width, f"{name}_conv1", gain=gain)
    h = relu(h, f"{name}_relu")
    h = convolve(layers, h, width, f"{name}_conv2", gain=gain, resample="down")
    shortcut = downsample(x, f"{name}_shortcut_pool")
    shortcut = convolve(layers, shortcut, width, f"{name}_shortcut", side=1)
    return kl.Add(name=f"{name}_sum")([h, shortcut])


def down_block(x, width, layers, name, gain, down=True):
    """ReLU, conv, ReLU, conv, mean-pool; plus 1×1 conv, mean-pool.

    Without `down` there is no pooling, and the shortcut is the identity.
    """
    resample = "down" if down else None
    h = relu(x, f"{name}_relu1")
    h = convolve(layers, h, width, f"{name}_conv1", gain=gain)
    h = relu(h, f"{name}_relu2")
    h = convolve(
        layers, h, width, f"{name}_conv2", gain=gain, resample=resample
    )
    if down:
        x = convolve(
            layers, x, width, f"{name}_shortcut", side=1, resample="down"
        )
    return kl.Add(name=f"{name}_sum")([h, x])
