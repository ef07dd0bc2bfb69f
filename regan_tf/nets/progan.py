"""Progressively grown GANs: the Re-GAN authors' network and Karras et al.'s.

Both have an equalised learning rate, blocks of two 3×3 convolutions, a
nearest upsampling before each block of the generator and a mean over 2×2
pixels after each of the discriminator, and layers to and from RGB for each
resolution. The width is the base to 32 pixels, and then halves at each
doubling: 512 to 32, 256 at 64, 128 at 128, 64 at 256.

| | "regan" | "karras" |
|---|---|---|
| source | authors' PyTorch code | arXiv:1710.10196, Table 2, and its code |
| resolutions | 4 to 64 | 4 to 256 |
| order of a layer | conv, PixelNorm, LReLU 0.1 | conv, LReLU 0.2, PixelNorm |
| 3×3 convs of G at 4 pixels | 2 | 1 |
| PixelNorm in D | yes | no |
| LReLU after from-RGB | no | yes |
| D widens in its block's | first conv | second conv |
| minibatch deviation over | the batch | groups of 4 |
| gain of to-RGB, last dense layer | √2 | 1 |
| fan in of the input layer | 16 × its channels | 16 × latents |
| images | tanh from 8 pixels on | linear |

In both the latents are normalised first (PixelNorm of z). The Re-GAN paper
says so ("hypersphere"); its authors' code does not do it.

The input layer, a transposed convolution of 1×1 pixel in the sources, is the
dense layer that it equals, with one bias for each channel.

Only the upsampling in front of a convolution can be fused with it (see
`regan_tf.nets.resample`): in the discriminator a rectifier is between the
convolution and the mean. Karras et al.'s code takes the mean in front of it
by default; this is the order of their Table 2. The faded branches are cheap
as published: to-RGB on the small side, from-RGB behind the mean.
"""

import functools
from dataclasses import dataclass

import keras
from keras import layers as kl

from regan_tf.nets.blocks import downsample, upsample
from regan_tf.nets.equalized import GAIN, Bias, EqualizedLayers
from regan_tf.nets.normalization import MinibatchDeviation, PixelNorm
from regan_tf.nets.resample import NearestUpsampling2D
from regan_tf.nets.views import Fade, Networks, View


@dataclass(frozen=True)
class Variant:
    """What tells the two networks apart; see the module's table.

    Attributes:
        largest: resolution in pixels.
        slope: of the leaky rectifier below 0.
        norm_first: PixelNorm before the rectifier, else after it.
        first_convs: 3×3 convolutions of the generator at 4 pixels.
        critic_norm: whether the discriminator has PixelNorm.
        from_rgb_relu: whether a rectifier follows from-RGB.
        widens_first: whether the first convolution of a discriminator's block
            has the next resolution's width already, else the second.
        group: of the minibatch deviation; None for the batch.
        last_gain: of to-RGB and of the last dense layer.
        fan_by_width: whether the input layer's fan in counts its channels,
            else the latents; the same if there are as many.
        tanh: whether images of 8 pixels and more pass a tanh.
    """

    largest: int
    slope: float
    norm_first: bool
    first_convs: int
    critic_norm: bool
    from_rgb_relu: bool
    widens_first: bool
    group: int | None
    last_gain: float
    fan_by_width: bool
    tanh: bool


VARIANTS = {
    "regan": Variant(
        largest=64,
        slope=0.1,
        norm_first=True,
        first_convs=2,
        critic_norm=True,
        from_rgb_relu=False,
        widens_first=True,
        group=None,
        last_gain=GAIN,
        fan_by_width=True,
        tanh=True,
    ),
    "karras": Variant(
        largest=256,
        slope=0.2,
        norm_first=False,
        first_convs=1,
        critic_norm=False,
        from_rgb_relu=True,
        widens_first=False,
        group=4,
        last_gain=1.0,
        fan_by_width=False,
        tanh=False,
    ),
}


def networks(
    *,
    variant,
    resolution,
    latent_dim=512,
    widths=(512, 512),
    masked=(False, False),
    fused=True,
):
    """Both networks with all their stages, from 4 pixels to `resolution`.

    Args:
        variant: "regan" or "karras".
        resolution: last image side: 4, 8, 16, 32 or 64, for "karras" also 128
            or 256.
        latent_dim: length of the latent vector z ~ N(0, I).
        widths: base width of generator and discriminator.
        masked: pair of bools: whether kernels carry masks.
        fused: whether upsampling is fused with convolutions.

    Returns:
        `Networks`, with a view for each resolution and, from 8 pixels on, a
        fading one. Images of "regan" are in [-1, 1] from 8 pixels on; all
        others have no bounds. The whole generator gives a list: to-RGB of
        each resolution, then the last fading view's images; the whole
        discriminator (images of the last resolution) the last fading view's
        logits, then from-RGB of each resolution that this one lacks.

    Raises:
        ValueError: an unknown variant, a resolution it does not have, or a
            width that cannot be halved as often as it must.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"`variant` must be one of {list(VARIANTS)}. Received: {variant!r}"
        )
    table = VARIANTS[variant]
    sides = [4 << i for i in range(7) if 4 << i <= table.largest]
    if resolution not in sides:
        raise ValueError(
            f"ProGAN {variant!r} can grow to {sides} pixels: take one of them. "
            f"Received: resolution={resolution}"
        )
    sides = sides[: sides.index(resolution) + 1]
    halvings = max(1, resolution // 32)
    if any(width < 1 or width % halvings for width in widths):
        raise ValueError(
            f"At {resolution} pixels `widths` must be multiples of {halvings}"
            f", by which the last layers are narrower. Received: {widths}"
        )
    build = [EqualizedLayers.of(mask, fused) for mask in masked]
    generator, generators, fade = _generator(
        table, sides, latent_dim, widths[0], build[0]
    )
    discriminator, discriminators, critic_fade = _discriminator(
        table, sides, widths[1], build[1]
    )
    return Networks(
        generator,
        discriminator,
        generators,
        discriminators,
        fades=(fade.alpha, critic_fade.alpha) if resolution > 4 else (),
        mixes_batch=True,
        group=table.group,
    )


def _generator(table, sides, latent_dim, base, layers):
    """(whole model, views, their `Fade`)."""

    def block(side):
        steps = []
        for i in range(table.first_convs if side == 4 else 2):
            name = f"block{side}_conv{i + 1}"
            up = side > 4 and i == 0
            steps += _conv3(layers, _width(base, side), name, up)
            steps += _activation(table, name)
        return steps

    z = keras.Input((latent_dim,), name="latents")
    start = [
        PixelNorm(name="latents_norm"),
        layers.dense(
            16 * base,
            use_bias=False,
            fan_in=16 * (base if table.fan_by_width else latent_dim),
            name="input",
        ),
        kl.Reshape((4, 4, base), name="input_pixels"),
        Bias(name="input_bias"),
        *_activation(table, "input"),
    ]
    x = _through(z, start)
    fade = Fade(dtype="float32", name="fade")
    rgb, images = {}, {}
    for side in sides:
        x = _through(x, block(side))
        rgb[side] = layers.conv(
            3, 1, gain=table.last_gain, name=f"to_rgb{side}"
        )(x)
        images[View(side)] = _images(table, rgb[side])
        if side > 4:
            old = upsample(rgb[side // 2], f"to_rgb{side // 2}_up")
            blended = fade([old, rgb[side]])
            images[View(side, True)] = _images(table, blended)
    every = [*rgb.values(), images[View(sides[-1], len(sides) > 1)]]
    whole = keras.Model(z, every, name="generator")
    return whole, _models("generator", images, lambda view: z), fade


def _images(table, rgb):
    """float32 images of RGB values, raw at 4 pixels (see the table)."""
    tanh = table.tanh and rgb.shape[1] > 4
    return kl.Activation(
        "tanh" if tanh else "linear", dtype="float32", name="images"
    )(rgb)


def _discriminator(table, sides, base, layers):
    """(whole model, views, their `Fade`)."""

    def activation(name):
        return _activation(table, name, norm=table.critic_norm)

    def first(side):
        name = f"from_rgb{side}"
        steps = [layers.conv(_width(base, side), 1, name=name)]
        return steps + (
            _activation(table, name, norm=False) if table.from_rgb_relu else []
        )

    def block(side):
        one, two = f"block{side}_conv1", f"block{side}_conv2"
        wide = _width(base, side // 2)
        inner = wide if table.widens_first else _width(base, side)
        return [
            *_conv3(layers, inner, one),
            *activation(one),
            *_conv3(layers, wide, two),
            *activation(two),
            kl.AveragePooling2D(2, name=f"block{side}_pool"),
        ]

    def last_block():
        one, two = "block4_conv1", "block4_conv2"
        return [
            MinibatchDeviation(table.group, name="deviation"),
            *_conv3(layers, base, one),
            *activation(one),
            layers.conv(base, 4, name=two),  # to 1×1 pixel
            *activation(two),
            kl.Flatten(name="features"),
            # float32: the logits go into losses and their penalties.
            layers.dense(
                1, gain=table.last_gain, dtype="float32", name="logits"
            ),
        ]

    from_rgb = {side: first(side) for side in sides}
    blocks = {side: block(side) if side > 4 else last_block() for side in sides}
    fade = Fade(name="fade")

    def score(images, fading):
        top = images.shape[1]
        x = _through(images, from_rgb[top])
        for side in reversed([s for s in sides if s <= top]):
            x = _through(x, blocks[side])
            if fading and side == top:
                small = downsample(images, "images_pool")
                x = fade([_through(small, from_rgb[side // 2]), x])
        return x

    images, logits = {}, {}
    for side in sides:
        for fading in (False, True)[: 1 + (side > 4)]:
            view = View(side, fading)
            images[view] = keras.Input((side, side, 3), name="images")
            logits[view] = score(images[view], fading)
    last = View(sides[-1], len(sides) > 1)
    every = [logits[last]]
    for side in sides[:-2]:
        pool = kl.AveragePooling2D(sides[-1] // side, name=f"images_pool{side}")
        every.append(_through(images[last], [pool, *from_rgb[side]]))
    whole = keras.Model(images[last], every, name="discriminator")
    return whole, _models("discriminator", logits, images.get), fade


def _models(name, outputs, inputs):
    """A model for each view: {view: model from inputs(view) to its output}."""
    return {
        view: keras.Model(
            inputs(view),
            output,
            name=f"{name}{view.resolution}" + "_fading" * view.fading,
        )
        for view, output in outputs.items()
    }


def _width(base, side):
    """Channels at a resolution: 512 to 32 pixels, 256 at 64, and so on."""
    return base // max(1, side // 32)


def _conv3(layers, filters, name, up=False):
    """A 3×3 convolution, with the upsampling before it, as a list."""
    if up and layers.up_conv:
        return [layers.up_conv(filters, 3, padding="same", name=name)]
    conv = layers.conv(filters, 3, padding="same", name=name)
    if not up:
        return [conv]
    return [
        NearestUpsampling2D(2, name=f"{name}_up"),
        conv,
    ]


def _activation(table, name, norm=True):
    """What follows the layer `name`, in the variant's order, as a list."""
    steps = [kl.LeakyReLU(table.slope, name=f"{name}_lrelu")]
    if norm:
        place = 0 if table.norm_first else 1
        steps.insert(place, PixelNorm(name=f"{name}_norm"))
    return steps


def _through(x, steps):
    """x passed through layers, one after the other."""
    return functools.reduce(lambda x, step: step(x), steps, x)
