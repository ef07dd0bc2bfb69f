"""FastGAN's discriminator (Liu et al. 2021, arXiv:2101.04775, section 3.2).

It sees an image at two sizes, and decoders reconstruct real images from its
features. What the paper leaves open is as in its authors' code, see
`regan_tf.nets.fastgan_generator`. At 64 and 128 pixels, which that has not,
the first blocks are left out, so that all heads see 8×8 features.
"""

from typing import NamedTuple

import keras
import tensorflow as tf
from keras import layers as kl
from keras import ops

from regan_tf.nets.blocks import Layers, downsample
from regan_tf.nets.fastgan_generator import (
    LEAST_CHANNELS,
    channels_at,
    convolve,
    excite,
    normalise,
    small_side,
    up_block,
)


class Critic(NamedTuple):
    """FastGAN's discriminator, with and without its decoders.

    Both models are of the same layers. Batch normalisation makes a logit
    depend on the other images of its batch: real and fake images need calls
    of their own.

    Attributes:
        discriminator: images [(B, R, R, 3), (B, r, r, 3)], r being
            `small_side(R)`, to float32 logits (B, 50): 5×5 of each branch.
        reconstructor: for real images, the same and part, int32 (B,) in 0..3
            (see `quadrant`), to [logits (B, 50), three reconstructions
            (B, r, r, 3)], float32 in [-1, 1]: of the image from the features
            of 8×8 pixels, of the image from those of the small branch, of a
            quadrant from that quadrant of the features of 16×16 pixels. It
            has all variables: it is what is optimised.
    """

    discriminator: keras.Model
    reconstructor: keras.Model


def discriminator(*, resolution, width=64, masked=False, fused=True):
    """A branch for each size of the image, and three decoders.

    The authors draw one quadrant for a batch; here each image has its own.
    Their decoders keep their channels whatever the width; here they follow
    it.

    Args:
        resolution: one of `regan_tf.nets.fastgan_generator.RESOLUTIONS`.
        width: channels of features of 64×64 pixels; halved where the side
            doubles, at least 4. The small branch has half of that, and
            decoders the generator's of half of the width.
        masked: whether kernels carry masks.
        fused: whether the decoders' upsampling is fused with convolutions.

    Returns:
        The `Critic`.

    Raises:
        ValueError: another resolution.
    """
    small, layers = small_side(resolution), Layers.spectral(masked, fused)
    inputs = [
        keras.Input((side, side, 3), name=name)
        for side, name in ((resolution, "images"), (small, "images_small"))
    ]
    part = keras.Input((), dtype="int32", name="part")
    features = _branch(inputs[0], width, layers)
    of_small = _small_branch(inputs[1], width, layers)
    x = convolve(features[8], 16 * width, layers, "logits_conv", side=1)
    x = _relu(normalise(x, "logits"), "logits")
    logits = kl.Concatenate(dtype="float32", name="logits")(
        [_logits(x, layers, "big"), _logits(of_small, layers, "small")]
    )
    quarter = Quadrant(name="quadrant")([features[16], part])
    seen = {"whole": features[8], "small": of_small, "part": quarter}
    images = [
        _decoder(x, small, width // 2, layers, f"decoder_{name}")
        for name, x in seen.items()
    ]
    return Critic(
        keras.Model(inputs, logits, name="critic"),
        keras.Model([*inputs, part], [logits, *images], name="discriminator"),
    )


def _channels(side, width):
    return max(LEAST_CHANNELS, width * 64 // side)


def _branch(images, width, layers):
    """The features of the full image by side, from 256 pixels or its own."""
    side = images.shape[1]
    if side <= 256:
        x = convolve(images, _channels(side, width), layers, "stem_conv")
        x = _relu(x, "stem")
    else:
        x = _first_half(images, _channels(side // 2, width), layers, "stem")
    while x.shape[1] > 256:
        x = halve(x, _channels(x.shape[1] // 2, width), layers, "stem2")
    features = {x.shape[1]: x}
    while (side := x.shape[1] // 2) >= 8:
        x = down_block(x, _channels(side, width), layers, f"block{side}")
        if 8 * side in features:
            x = excite(x, features[8 * side], layers, f"skip{side}")
        features[side] = x
    return features


def _small_branch(images, width, layers):
    """The features of 8×8 pixels of the small image."""
    side, width = images.shape[1] // 2, width // 2
    x = _first_half(images, _channels(side, width), layers, f"small{side}")
    while (side := x.shape[1] // 2) >= 8:
        x = halve(x, _channels(side, width), layers, f"small{side}")
    return x


def _first_half(images, filters, layers, name):
    """4×4 convolution of stride 2, leaky ReLU: half the side."""
    x = convolve(images, filters, layers, f"{name}_conv", side=4, strides=2)
    return _relu(x, name)


def halve(x, filters, layers, name):
    """4×4 convolution of stride 2, BN, leaky ReLU: half the side."""
    x = convolve(x, filters, layers, f"{name}_conv", side=4, strides=2)
    return _relu(normalise(x, name), name)


def down_block(x, filters, layers, name):
    """Mean of two ways to half the side: 4×4 convolution of stride 2, then
    3×3; mean-pool, then 1×1. BN and leaky ReLU after each convolution."""
    main = halve(x, filters, layers, f"{name}_1")
    main = convolve(main, filters, layers, f"{name}_2_conv")
    main = _relu(normalise(main, f"{name}_2"), f"{name}_2")
    direct = downsample(x, f"{name}_pool")
    direct = convolve(direct, filters, layers, f"{name}_3_conv", side=1)
    direct = _relu(normalise(direct, f"{name}_3"), f"{name}_3")
    return kl.Average(name=f"{name}_mean")([main, direct])


def _relu(x, name):
    return kl.LeakyReLU(0.2, name=f"{name}_relu")(x)


def _logits(x, layers, name):
    """4×4 convolution to one channel: 8×8 features to logits (B, 25)."""
    options = {"side": 4, "padding": "valid", "dtype": "float32"}
    x = convolve(x, 1, layers, f"logits_{name}", **options)
    return kl.Flatten(dtype="float32", name=f"logits_{name}_flat")(x)


def _decoder(x, resolution, width, layers, name):
    """Blocks that double the side of 8×8 features, convolution, tanh."""
    while (side := 2 * x.shape[1]) <= resolution:
        x = up_block(x, channels_at(side, width), layers, f"{name}{side}")
    x = convolve(x, 3, layers, f"{name}_to_rgb")
    return kl.Activation("tanh", dtype="float32", name=name)(x)


@keras.saving.register_keras_serializable("regan_tf")
class Quadrant(keras.layers.Layer):
    """`quadrant` as a layer: [x, part] to the quarters."""

    def call(self, inputs):
        return quadrant(*inputs)

    def compute_output_shape(self, input_shape):
        (batch, height, width, channels), _ = input_shape
        return (batch, height // 2, width // 2, channels)


def quadrant(x, part):
    """A quarter of each image or map.

    Args:
        x: (B, S, S, C), S even.
        part: int32 (B,): 0 top left, 1 top right, 2 bottom left, 3 bottom
            right.

    Returns:
        (B, S/2, S/2, C).
    """
    half, channels = x.shape[1] // 2, x.shape[-1]
    x = ops.reshape(x, (-1, 2, half, 2, half, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = ops.reshape(x, (-1, 4, half, half, channels))
    return tf.gather(x, part, batch_dims=1)


def both_sizes(images):
    """What the discriminator takes of real images.

    Args:
        images: (B, R, R, 3).

    Returns:
        [images, images of r pixels], r being `small_side(R)`. These are every
        (R / r)-th pixel from the first on, PyTorch's nearest neighbours, as
        in the authors' code; TensorFlow's are half of that further on.
    """
    return [images, _every(images, small_side(images.shape[1]))]


def targets(images, part):
    """What the decoders should make of real images.

    Args:
        images: (B, R, R, 3), those that the discriminator sees.
        part: int32 (B,), see `quadrant`.

    Returns:
        [the image, the image, its quadrant], each (B, r, r, 3) in pixels
        chosen as in `both_sizes`, in the order of the reconstructions.
    """
    _, whole = both_sizes(images)
    fine = _every(images, 2 * whole.shape[1])
    return [whole, whole, quadrant(fine, part)]


def _every(images, side):
    step = images.shape[1] // side
    return images if step == 1 else images[:, ::step, ::step]
