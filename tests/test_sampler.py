"""Samples of large images are made in small calls."""

import keras
import numpy as np

from regan_tf.export import Sampler
from regan_tf.train.gan import GAN
from tests.tiny import tiny_config


class Wide:
    """Gives its latent in every pixel."""

    resolution = 256

    def __call__(self, latents, training=False):
        return keras.ops.tile(latents[:, None, None, :1], (1, 2, 2, 3))


def test_images_do_not_depend_on_the_size_of_calls():
    wide, small = Wide(), Wide()
    small.resolution = 8
    many, few = Sampler(wide, 2), Sampler(small, 2)
    assert (many._at_once, few._at_once) == (6, 100)
    np.testing.assert_array_equal(many(130, start=7), few(130, start=7))


def test_checkpoints_of_networks_without_styles_are_as_before():
    gan = GAN(tiny_config("--run_dir=unused").at(40))
    assert "path_mean" not in gan.state
    assert not any(name.startswith("apa/") for name in gan.state)
