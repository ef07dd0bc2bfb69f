"""Small networks of any architecture, and what tests ask of their weights."""

import keras
import numpy as np

from regan_tf.nets import build_networks
from regan_tf.nets.views import View
from regan_tf.recipes import RECIPES


def side_of(arch):
    """The image side in pixels to test an architecture at."""
    return next(r for r in RECIPES[arch].resolutions if r >= 32)


def small(
    arch,
    resolution=None,
    latent_dim=5,
    widths=(4, 4),
    masked=(False, False),
    fused=True,
):
    """(generator, discriminator), of the last stage where there are any."""
    resolution = resolution or side_of(arch)
    keras.utils.set_random_seed(3)
    networks = build_networks(
        arch,
        resolution=resolution,
        latent_dim=latent_dim,
        widths=widths,
        masked=masked,
        fused=fused,
    )
    view = View(resolution)
    return networks.generators[view], networks.discriminators[view]


def latents(count=3, latent_dim=5):
    """N(0, 1), (count, latent_dim)."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, latent_dim)).astype("float32")


def pictures(count=3, resolution=32):
    """U(-1, 1), (count, resolution, resolution, 3)."""
    shape = (count, resolution, resolution, 3)
    return np.random.default_rng(8).uniform(-1, 1, shape).astype("float32")


def inputs_of(model):
    """Latents, or pictures of each size that a discriminator takes."""
    if len(model.input_shape) == 2 and isinstance(model.input_shape, tuple):
        return latents(latent_dim=model.input_shape[1])
    sizes = [pictures(resolution=x.shape[1]) for x in model.inputs]
    return sizes if isinstance(model.input_shape, list) else sizes[0]


def outputs_of(model, inputs, **options):
    """What a model computes, as a list of tensors."""
    return keras.tree.flatten(model(inputs, **options))


def check_uniform(variable, limit):
    """That a variable's values may be draws of U(−limit, limit)."""
    values = variable.numpy()
    near = 4 / np.sqrt(values.size)  # of the moments, relatively
    assert np.abs(values).max() <= limit * (1 + 1e-6), variable.path
    assert np.abs(values).max() >= limit * (1 - 2 * near), variable.path
    assert abs(values.std() / limit * np.sqrt(3) - 1) < near, variable.path
    assert abs(values.mean()) < near * limit, variable.path
