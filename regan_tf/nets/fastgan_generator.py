"""FastGAN's generator (Liu et al. 2021, arXiv:2101.04775, section 3.1).

Channels and all that the paper leaves open are as in its authors' code, known
here from public copies of it: every kernel spectrally normalised, also in the
generator, no biases, kernels N(0, 0.02), scales N(1, 0.02). That has 256, 512
and 1024 pixels; 64 and 128 are the same path, left earlier. The discriminator
is in `regan_tf.nets.fastgan_critic`.
"""

import keras
from keras import layers as kl
from keras import ops

from regan_tf.nets.blocks import Layers, batch_norm, upsample
from regan_tf.nets.noise import Noise

RESOLUTIONS = 64, 128, 256, 512, 1024
# Channels at each side in pixels, in units of the width.
MULTIPLES = {
    4: 16,
    8: 8,
    16: 4,
    32: 2,
    64: 2,
    128: 1,
    256: 1 / 2,
    512: 1 / 4,
    1024: 1 / 8,
}
LEAST_CHANNELS = 4


@keras.saving.register_keras_serializable("regan_tf")
class GatedLinearUnit(keras.layers.Layer):
    """a·sigmoid(b) of the halves a, b of the channels (Dauphin et al. 2017).

    (..., 2C) to (..., C).

    Raises:
        ValueError: the number of channels is odd.
    """

    def call(self, inputs):
        return ops.glu(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        *others, channels = input_shape
        if channels % 2:
            raise ValueError(
                f"{type(self).__name__} halves an even number of channels. "
                f"Received: shape {input_shape}"
            )
        return (*others, channels // 2)


def generator(
    *, resolution, latent_dim=256, width=64, masked=False, fused=True
):
    """Seed of 4×4 pixels, blocks that double the side, of two convolutions
    and of one in turn; from 64 to 512 pixels skip-layer excitation.

    Args:
        resolution: one of `RESOLUTIONS`.
        latent_dim: length L of the latent vector z ~ N(0, I).
        width: channels at 128 pixels; elsewhere `MULTIPLES` of it, at least
            4.
        masked: whether kernels carry masks.
        fused: whether upsampling is fused with convolutions.

    Returns:
        `keras.Model`: latents (B, L) to a list of float32 images
        (B, R, R, 3) and (B, r, r, 3), the same picture from features of two
        sides; r is `small_side(R)`. In [-1, 1] at 1024 pixels; below they
        have no bounds, as the authors' code has its tanh at 1024 only.

    Raises:
        ValueError: another resolution.
    """
    small, layers = small_side(resolution), Layers.spectral(masked, fused)
    z = keras.Input((latent_dim,), name="latents")
    features = {4: _seed(z, channels_at(4, width), layers)}
    for side in (s for s in MULTIPLES if 4 < s <= resolution):
        block = two_convolutions if side in (8, 32, 128, 512) else up_block
        x = features[side // 2]
        x = block(x, channels_at(side, width), layers, f"block{side}")
        if 64 <= side <= 512:
            x = excite(x, features[side // 16], layers, f"skip{side}")
        features[side] = x
    activation = "tanh" if resolution == 1024 else "linear"
    images = []
    for side, kernel, name in (resolution, 3, ""), (small, 1, "_small"):
        x = convolve(features[side], 3, layers, f"to_rgb{name}", side=kernel)
        images.append(
            kl.Activation(activation, dtype="float32", name=f"images{name}")(x)
        )
    return keras.Model(z, images, name="generator")


def small_side(resolution):
    """Side r of the second image of a generator and discriminator.

    128 pixels, as published, from 256 on; half of the side below.

    Raises:
        ValueError: `resolution` is none of `RESOLUTIONS`.
    """
    if resolution not in RESOLUTIONS:
        raise ValueError(
            f"`resolution` must be one of {RESOLUTIONS}. Received: "
            f"resolution={resolution}"
        )
    return min(128, resolution // 2)


def channels_at(side, width):
    """Channels of features of a side in pixels, see `MULTIPLES`."""
    return max(LEAST_CHANNELS, int(MULTIPLES[side] * width))


def _seed(z, filters, layers):
    """Transposed convolution of one pixel, BN, GLU: to (B, 4, 4, filters)."""
    x = kl.Reshape((1, 1, z.shape[-1]), name="pixel")(z)
    x = layers.conv_transpose(
        2 * filters,
        4,
        use_bias=False,
        kernel_initializer=_normal(0.0),
        name="seed",
    )(x)
    return gate(x, "seed")


def up_block(x, filters, layers, name):
    """Nearest upsampling, conv, BN, GLU: twice the side."""
    x = convolve(x, 2 * filters, layers, f"{name}_conv", up=True)
    return gate(x, name)


def two_convolutions(x, filters, layers, name):
    """Nearest upsampling, then twice conv, noise, BN, GLU: twice the side."""
    for i in (1, 2):
        x = convolve(x, 2 * filters, layers, f"{name}_conv{i}", up=i == 1)
        x = Noise(name=f"{name}_noise{i}")(x)
        x = gate(x, f"{name}_{i}")
    return x


def excite(x, early, layers, name):
    """Skip-layer excitation (Eq. 1): scales the channels of x by a function
    of much earlier features.

    Args:
        x: (B, H, W, C).
        early: square features of any channels, of a side that 4 divides;
            their means over 4×4 regions make the C factors, in (0, 1).
        layers: the `Layers` of the network.
        name: of the layers.
    """
    filters, scale = x.shape[-1], early
    if early.shape[1] > 4:
        # float32: means of up to 64×64 pixels.
        scale = kl.AveragePooling2D(
            early.shape[1] // 4, dtype="float32", name=f"{name}_pool"
        )(early)
    scale = convolve(
        scale, filters, layers, f"{name}_conv1", side=4, padding="valid"
    )
    scale = kl.Activation("silu", name=f"{name}_swish")(scale)
    scale = convolve(scale, filters, layers, f"{name}_conv2", side=1)
    scale = kl.Activation("sigmoid", name=f"{name}_sigmoid")(scale)
    return kl.Multiply(name=name)([x, scale])


def convolve(x, filters, layers, name, side=3, up=False, **options):
    """A "same" convolution without bias, N(0, 0.02).

    Args:
        x: (B, H, W, C).
        filters: channels of the result.
        layers: the `Layers` of the network.
        name: of the layer.
        side: of the kernel.
        up: whether nearest upsampling comes first, fused if the `layers` are.
        **options: further ones of the layer.
    """
    fuses = up and layers.up_conv is not None
    if up and not fuses:
        x = upsample(x, f"{name}_up")
    return (layers.up_conv if fuses else layers.conv)(
        filters,
        side,
        use_bias=False,
        kernel_initializer=_normal(0.0),
        name=name,
        **({"padding": "same"} | options),
    )(x)


def gate(x, name):
    """Batch normalisation, then half of the channels gates the others."""
    return GatedLinearUnit(name=f"{name}_glu")(normalise(x, name))


def normalise(x, name):
    """Batch normalisation whose scale starts at N(1, 0.02)."""
    return batch_norm(x, f"{name}_norm", _normal(1.0))


def _normal(mean):
    return keras.initializers.RandomNormal(mean, 0.02)
