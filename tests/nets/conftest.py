"""Small and full-size SNGANs."""

import keras
import numpy as np
import pytest

from regan_tf.nets import build_networks


@pytest.fixture(scope="module")
def full():
    """(generator, discriminator) of the paper's size, freshly initialised."""
    keras.utils.set_random_seed(0)
    return networks(latent_dim=128, widths=(256, 128))


@pytest.fixture
def policy():
    """`keras.mixed_precision.set_dtype_policy`, for the time of a test."""
    before = keras.mixed_precision.dtype_policy()
    yield keras.mixed_precision.set_dtype_policy
    keras.mixed_precision.set_dtype_policy(before)


def networks(resolution=32, latent_dim=5, widths=(6, 7), masked=(False, False)):
    """A pair of SNGAN networks, small unless told otherwise."""
    built = build_networks(
        "sngan",
        resolution=resolution,
        latent_dim=latent_dim,
        widths=widths,
        masked=masked,
    )
    return built.generator, built.discriminator


def scramble(model, seed=0):
    """Gives each variable of a model a value unlike any default."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        shape = variable.shape
        if variable.name == "kernel_mask":
            variable.assign(rng.uniform(size=shape) < 0.6)
        elif variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 2, shape))
        elif variable.name != "kernel":
            variable.assign(rng.normal(0, 0.3, shape))
