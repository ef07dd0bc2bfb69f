"""AutoGAN's generators Top A, B and C (Gong et al. 2019, arXiv:1908.03835).

Found by a search on CIFAR-10. The wiring is that of the authors' code: cells
add to their own features projections of those of all earlier cells, and what
a cell hands on holds what it was given. The initialisation is theirs, too:
convolutions Xavier-uniform of gain 1, scales N(1, 0.02), the rest PyTorch's
defaults.
"""

from dataclasses import dataclass

import keras
from keras import layers as kl

from regan_tf.nets import sngan
from regan_tf.nets.blocks import (
    Layers,
    batch_norm,
    convolve,
    relu,
    uniform_bias,
    uniform_kernel,
)


@dataclass(frozen=True)
class Cell:
    """One column of the table of cells.

    Attributes:
        up: how it doubles the side: "up" (nearest) or "bilinear".
        shortcut: whether its input is projected past both convolutions.
        norm: whether batch normalisation is before both activations.
    """

    up: str
    shortcut: bool
    norm: bool = False


CELLS = {
    "a": (Cell("up", True), Cell("bilinear", True), Cell("up", False)),
    "b": (Cell("up", True), Cell("up", True), Cell("up", True)),
    "c": (
        Cell("up", True, norm=True),
        Cell("bilinear", True),
        Cell("up", False),
    ),
}


def generator(
    *,
    variant,
    resolution,
    latent_dim=128,
    width=256,
    masked=False,
    fused=True,
):
    """Dense, three cells that double the side, convolution, tanh.

    Args:
        variant: a name of `CELLS`.
        resolution: a multiple of 8; 32 in the paper.
        latent_dim: length of the latent vector z ~ N(0, I).
        width: channels of every cell.
        masked: whether kernels carry masks.
        fused: whether resampling is fused with convolutions.

    Returns:
        `keras.Model`: latents (B, latent_dim) to float32 images
        (B, resolution, resolution, 3) in [-1, 1].
    """
    layers = Layers.plain(masked, fused, uniform_bias=True)
    side = resolution // 8
    z = keras.Input((latent_dim,), name="latents")
    x = layers.dense(
        side * side * width,
        kernel_initializer=uniform_kernel(),
        bias_initializer=uniform_bias(latent_dim),
        name="dense",
    )(z)
    x = kl.Reshape((side, side, width), name="seed")(x)
    skips = []
    for i, cell in enumerate(CELLS[variant], 1):
        x, skip = apply_cell(cell, x, skips, layers, f"cell{i}")
        skips.append(skip)
    x = _norm(x, "norm")
    x = relu(x, "relu")
    x = convolve(layers, x, 3, "to_rgb")
    x = kl.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(z, x, name="generator")


def apply_cell(cell, x, skips, layers, name):
    """ReLU, up, conv, plus all skips; ReLU, conv, plus the shortcut.

    Skips and shortcut are upsampled as the features are, then projected.

    Args:
        cell: the `Cell`.
        x: (B, S, S, C).
        skips: what the earlier cells handed on, in order, of any smaller
            sides.
        layers: the `Layers` of the network.
        name: of the cell.

    Returns:
        (output, skip), both (B, 2S, 2S, C); the skip is the first sum, so it
        holds the projections of the skips given.
    """
    width = x.shape[-1]

    def project(x, name, factor=2):
        options = {"side": 1, "resample": cell.up, "factor": factor}
        return convolve(layers, x, width, name, **options)

    h = _norm(x, f"{name}_norm1") if cell.norm else x
    h = relu(h, f"{name}_relu1")
    h = convolve(layers, h, width, f"{name}_conv1", resample=cell.up)
    if skips:
        projected = [
            project(s, f"{name}_skip{i}", h.shape[1] // s.shape[1])
            for i, s in enumerate(skips, 1)
        ]
        h = kl.Add(name=f"{name}_skips")([h, *projected])
    skip = h
    h = _norm(h, f"{name}_norm2") if cell.norm else h
    h = relu(h, f"{name}_relu2")
    h = convolve(layers, h, width, f"{name}_conv2")
    if cell.shortcut:
        shortcut = project(x, f"{name}_shortcut")
        h = kl.Add(name=f"{name}_sum")([h, shortcut])
    return h, skip


def discriminator(*, resolution, width=128, masked=False, fused=True):
    """SNGAN's ResNet discriminator, initialised as AutoGAN's.

    Args:
        resolution: 32, 48 or 64; 32 in the paper.
        width: channels of every block.
        masked: whether kernels carry masks.
        fused: whether resampling is fused with convolutions.

    Returns:
        `keras.Model`: images (B, resolution, resolution, 3) in [-1, 1] to
        float32 logits (B, 1).
    """
    return sngan.discriminator(
        resolution=resolution,
        width=width,
        masked=masked,
        fused=fused,
        residual_gain=1.0,
        torch_defaults=True,
    )


def _norm(x, name):
    return batch_norm(x, name, keras.initializers.RandomNormal(1.0, 0.02))
