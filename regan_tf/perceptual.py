"""How different two images look: the loss of FastGAN's reconstructions.

Its authors take LPIPS on VGG (Zhang et al. 2018, arXiv:1801.03924, Eq. 1).
Neither that network nor LPIPS' learned weights come with this package: what
is compared are the features of a network of the user's.
"""

import os

import tensorflow as tf
from keras import ops

from regan_tf.errors import UserError
from regan_tf.metrics.saved_model import one_line
from regan_tf.metrics.user_network import (
    image_input,
    load_file,
    load_folder,
)

EPSILON = 1e-10


def load_perceptual(path=None, *, side=128):
    """A distance of images that has gradients to both of them.

    With a network: LPIPS without learned weights. At each layer that the
    network gives, features are divided by their length over channels; the
    differences' squares are summed over channels, averaged over pixels and
    summed over layers. Weights that the network should have are inside of it,
    before that division; LPIPS' own come after it. Without a network: the
    mean absolute difference.

    Called in the scope of a strategy it loads a copy to each device. No
    optimiser is given the network's weights.

    Args:
        path: a Keras file (.keras, .h5), loaded without running code from
            it, or the folder of a SavedModel, as
            `regan_tf.metrics.load_feature_network` takes it. It maps float32
            images (B, S, S, 3) in [-1, 1] to floats (B, h, w, C), or to a
            list, tuple or dict of such maps. None: no network.
        side: S of the images that are to be compared.

    Returns:
        Function of float32 images a and b, each (B, S, S, 3) in [-1, 1], to
        float32 distances (B,), at least 0.

    Raises:
        UserError: nothing loadable there, or a network of other inputs or
            outputs (of grey images, tried out once).
    """
    if path is None:
        return mean_absolute_difference
    path = os.path.expanduser(path)
    what = f"The perceptual network {path!r}"
    is_folder = os.path.isdir(path)
    network, inputs = (load_folder if is_folder else load_file)(path, what)
    fixed, dtype = image_input(inputs, what)
    try:
        if dtype != "float32" or fixed not in (None, side):
            raise ValueError(f"{dtype} images of {fixed or 'any'} pixels")
        _try_out(network, side)
    except Exception as error:  # of TensorFlow, Keras and the network
        raise UserError(
            f"{what} must map float32 images (B, {side}, {side}, 3), for any "
            "B, to one or several float maps (B, h, w, C). Received: "
            f"{one_line(error)}. Save a network around it that does."
        ) from error
    return lambda a, b: feature_distance(_maps(network(a)), _maps(network(b)))


def mean_absolute_difference(a, b):
    """|a − b|, averaged over pixels and channels: (B,) of (B, h, w, C)."""
    return ops.mean(ops.abs(a - b), axis=(1, 2, 3))


def feature_distance(these, those):
    """Squared difference of directions, mean over pixels, sum over layers.

    Args:
        these, those: lists of float32 maps (B, h, w, C), of equal shapes in
            pairs.

    Returns:
        float32 (B,), in [0, 4] for each layer.
    """
    return sum(
        ops.mean(
            ops.sum(ops.square(_direction(a) - _direction(b)), axis=-1),
            axis=(1, 2),
        )
        for a, b in zip(these, those, strict=True)
    )


def _direction(features):
    """Features over their length; those of length 0 stay 0."""
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    # ε inside the root, whose slope at 0 is infinite.
    return features * ops.rsqrt(square + EPSILON)


def _maps(outputs):
    return [tf.cast(part, "float32") for part in tf.nest.flatten(outputs)]


def _try_out(network, side):
    """Raises a ValueError where outputs for two grey images are no maps."""

    @tf.autograph.experimental.do_not_convert  # it would adorn the errors
    def try_out():
        _check_maps(tf.nest.flatten(network(tf.zeros((2, side, side, 3)))))

    # On its devices: a SavedModel's mirrored copies refuse other calls.
    tf.distribute.get_strategy().run(try_out)


def _check_maps(parts):
    for part in parts:
        is_map = part.shape.rank == 4 and part.shape[0] == 2
        if not (is_map and part.dtype.is_floating and tf.size(part)):
            raise ValueError(
                f"{part.dtype.name} of shape {part.shape} for 2 images"
            )
    if not parts:
        raise ValueError("no outputs")
