"""StyleGAN2 (Karras et al. 2020, arXiv:1912.04958), its configuration F.

A mapping network turns latents into w, a layer of styles hands one w to each
layer of the synthesis network, and images are sums of to-RGB layers of all
resolutions. The discriminator is residual. Channels double from the last
resolution inward, up to 512; a width of 128 is at 32 and 64 pixels the small
network of DiffAugment's CIFAR experiments, at 256 configuration F, whose width
is 32 at 1024 pixels.

Layers and initialisation are those of rosinality's PyTorch code, as used by
the Re-GAN authors. Departures: style mixing is decided for each image, as in
DiffAugment's code, not for each batch; groups of the minibatch deviation are
of neighbours (see `MinibatchDeviation`); rows of the discriminator's first
dense layer are in the order (H, W, C), not (C, H, W); the 1/√2 of its blocks
is in the gains of what they sum, as in Karras et al.'s code.

In mixed precision the mapping network, styles and RGB sums stay float32: they
are small, and every layer depends on them.
"""

import math

import keras
from keras import layers as kl
from keras import ops

from regan_tf.nets.equalized import Bias, EqualizedLayers
from regan_tf.nets.fir import Blur2D, FirDownsampling2D, FirUpsampling2D
from regan_tf.nets.modulated import MaskedModulatedConv2D, ModulatedConv2D
from regan_tf.nets.noise import Noise
from regan_tf.nets.normalization import MinibatchDeviation, PixelNorm
from regan_tf.nets.styles import LearnedConstant, SecondLatents, Styles

RESOLUTIONS = 8, 16, 32, 64, 128, 256, 512, 1024
MOST_CHANNELS = 512
MAPPING_LAYERS = 8
MAPPING_RATE = 0.01  # of the learning rate


@keras.saving.register_keras_serializable("regan_tf")
def scaled_lrelu(x):
    """√2·max(x, 0.2x): keeps the mean square of N(0, 1) nearly at 1."""
    return ops.leaky_relu(x, 0.2) * math.sqrt(2)


def generator(
    *,
    resolution,
    latent_dim=512,
    width=128,
    masked=False,
    fused=True,
    mixing=0.9,
):
    """Mapping network, styles, synthesis network.

    The layer "styles" is where it can be cut in two models: the mapping
    network `keras.Model(latents, styles)`, and `keras.Model(styles, images)`.

    Args:
        resolution: a power of two from 8 to 1024.
        latent_dim: length of the latent vector z ~ N(0, I), and of w.
        width: channels at the last resolution.
        masked: whether kernels carry masks: those of the mapping network, of
            the affine maps to styles and of all convolutions.
        fused: without effect: no operation of it is faster fused.
        mixing: probability of two latents for an image within a training
            step.

    Returns:
        `keras.Model`: latents (B, latent_dim) to float32 images
        (B, resolution, resolution, 3) without bounds.

    Raises:
        ValueError: another resolution, or no width.
    """
    channels = _channels(resolution, width)
    layers = EqualizedLayers.of(masked)
    z = keras.Input((latent_dim,), name="latents")
    w = z
    if mixing:
        w = SecondLatents(dtype="float32", name="second_latents")(w)
    w = PixelNorm(dtype="float32", name="latents_norm")(w)
    for i in range(1, MAPPING_LAYERS + 1):
        w = layers.dense(
            latent_dim,
            gain=1.0,
            lr_multiplier=MAPPING_RATE,
            activation=scaled_lrelu,
            dtype="float32",
            name=f"mapping{i}",
        )(w)
    count = 2 * len(channels)
    styles = Styles(count, mixing, dtype="float32", name="styles")(w)
    return keras.Model(
        z, _synthesis(styles, channels, masked), name="generator"
    )


def _synthesis(styles, channels, masked):
    """Images of styles (B, layers, L); `channels` by side."""
    affine = EqualizedLayers.of(masked).dense
    modulated = MaskedModulatedConv2D if masked else ModulatedConv2D
    w = ops.unstack(styles, styles.shape[1], axis=1)

    def convolve(x, style, filters, side, name, **options):
        style = affine(
            x.shape[-1],
            gain=1.0,
            bias_initializer="ones",
            dtype="float32",
            name=f"{name}_style",
        )(style)
        apply = modulated(filters, side, gain=1.0, name=name, **options)
        return apply([x, style])

    def styled(x, style, filters, name, **options):
        x = convolve(x, style, filters, 3, name, **options)
        x = Noise(name=f"{name}_noise")(x)
        x = Bias(name=f"{name}_bias")(x)
        return kl.Activation(scaled_lrelu, name=f"{name}_lrelu")(x)

    def to_rgb(x, style, name):
        rgb = convolve(x, style, 3, 1, name, demodulate=False)
        return Bias(dtype="float32", name=f"{name}_bias")(rgb)

    first, *sides = channels
    x = LearnedConstant(first, channels[first], name="constant")(styles)
    x = styled(x, w[0], channels[first], f"block{first}_conv")
    rgb = to_rgb(x, w[1], f"to_rgb{first}")
    for i, side in enumerate(sides):
        one, two = f"block{side}_conv1", f"block{side}_conv2"
        # Its to-RGB has the style of the next block's first convolution.
        up, flat, out = w[2 * i + 1 : 2 * i + 4]
        x = styled(x, up, channels[side], one, resample="up")
        x = styled(x, flat, channels[side], two)
        old = FirUpsampling2D(dtype="float32", name=f"to_rgb{side}_up")(rgb)
        new = to_rgb(x, out, f"to_rgb{side}")
        name = "images" if side == sides[-1] else f"to_rgb{side}_sum"
        rgb = kl.Add(dtype="float32", name=name)([old, new])
    return rgb


def discriminator(*, resolution, width=128, masked=False, fused=True):
    """Residual blocks that halve the side, minibatch deviation, dense.

    Args:
        resolution: a power of two from 8 to 1024.
        width: channels at the first resolution.
        masked: whether kernels carry masks.
        fused: whether the filter in front of a strided 1×1 convolution is
            evaluated only where that one looks.

    Returns:
        `keras.Model`: images (B, resolution, resolution, 3) to float32 logits
        (B, 1). A batch must be a multiple of 4, or smaller.

    Raises:
        ValueError: another resolution, or no width.
    """
    channels = _channels(resolution, width)
    layers = EqualizedLayers.of(masked)
    last, *sides = channels

    def conv(filters, side, name, activation=scaled_lrelu, **options):
        options = {"padding": "same", "gain": 1.0, **options}
        return layers.conv(
            filters, side, activation=activation, name=name, **options
        )

    images = keras.Input((resolution, resolution, 3), name="images")
    x = conv(channels[resolution], 1, "from_rgb")(images)
    for side in reversed(sides):
        x = _block(x, channels[side // 2], conv, fused, f"block{side}")
    x = MinibatchDeviation(4, name="deviation")(x)
    x = conv(channels[last], 3, f"block{last}_conv")(x)
    x = kl.Flatten(name="features")(x)
    x = layers.dense(
        channels[last], gain=1.0, activation=scaled_lrelu, name="dense"
    )(x)
    # float32: the logits go into losses and their penalties.
    x = layers.dense(1, gain=1.0, dtype="float32", name="logits")(x)
    return keras.Model(images, x, name="discriminator")


def _block(x, filters, conv, fused, name):
    """(conv, conv of stride 2 + 1×1 conv of stride 2)/√2, the filter in front
    of strides.

    On the way with a rectifier 1/√2 cancels the √2 of that; on the other it
    is the gain.
    """
    strided = {"strides": 2, "padding": "valid"}
    y = conv(x.shape[-1], 3, f"{name}_conv1")(x)
    y = Blur2D(2, 2, name=f"{name}_conv2_blur")(y)
    y = conv(filters, 3, f"{name}_conv2", "leaky_relu", **strided)(y)
    if fused:
        x = FirDownsampling2D(name=f"{name}_skip_down")(x)
        strided = {}
    else:
        x = Blur2D(1, 1, name=f"{name}_skip_blur")(x)
    gain, no_bias = math.sqrt(1 / 2), {"use_bias": False}
    skip = conv(
        filters, 1, f"{name}_skip", None, gain=gain, **no_bias, **strided
    )
    return kl.Add(name=f"{name}_sum")([y, skip(x)])


def _channels(resolution, width):
    """Channels by side, from 4 pixels on."""
    if resolution not in RESOLUTIONS or width < 1:
        raise ValueError(
            f"StyleGAN2 has resolutions {RESOLUTIONS} and a positive width. "
            f"Received: resolution={resolution}, width={width}"
        )
    sides = [4 << i for i in range(resolution.bit_length() - 2)]
    return {s: min(MOST_CHANNELS, width * (resolution // s)) for s in sides}
