"""Small networks of any architecture, and what tests ask of their weights."""

import keras
import numpy as np

from regan_tf.nets import build_networks
from regan_tf.nets.views import View


def small(
    arch,
    resolution=32,
    latent_dim=5,
    widths=(4, 4),
    masked=(False, False),
    fused=True,
):
    """(generator, discriminator), of the last stage where there are any."""
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


def check_uniform(variable, limit):
    """That a variable's values may be draws of U(−limit, limit)."""
    values = variable.numpy()
    near = 4 / np.sqrt(values.size)  # of the moments, relatively
    assert np.abs(values).max() <= limit * (1 + 1e-6), variable.path
    assert np.abs(values).max() >= limit * (1 - 2 * near), variable.path
    assert abs(values.std() / limit * np.sqrt(3) - 1) < near, variable.path
    assert abs(values.mean()) < near * limit, variable.path
