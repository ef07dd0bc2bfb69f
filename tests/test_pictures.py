"""Pictures of generators whose images tell what they were made of."""

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.pictures import Painter, arc, line, sheet


class Plain:
    """Every pixel is the first latent."""

    latent_dim = 2
    mapping = synthesis = None

    def __call__(self, latents):
        return tf.tile(latents[:, None, None, :1], (1, 2, 2, 3))


class Styled(Plain):
    """Three styles of two entries, the latent; pixels are their sum."""

    def mapping(self, latents):
        return tf.repeat(latents[:, None], 3, axis=1)

    def synthesis(self, styles):
        value = tf.reduce_sum(styles[..., 0], 1)[:, None, None, None]
        return tf.tile(value / 10, (1, 2, 2, 3))


def test_latents_are_fixed_by_the_seed_and_grow():
    painter = Painter(Plain())
    few, many = painter.latents(2, seed=5), painter.latents(4, seed=5)
    np.testing.assert_array_equal(few, many[:2])
    assert not np.array_equal(few, painter.latents(2, seed=6))
    images = painter.images(3, seed=5)
    assert images.shape == (3, 2, 2, 3)
    wanted = np.clip(np.rint((few[:, 0] + 1) * 127.5), 0, 255)
    np.testing.assert_array_equal(images[:2, 0, 0, 0], wanted)


def test_truncation_moves_styles_towards_their_mean():
    latents = np.float32([[1, 2], [-3, 4]])
    mean = Painter(Styled(), 0.0).codes(latents)
    np.testing.assert_array_equal(mean[0], mean[1])
    assert np.abs(mean).max() < 0.05  # of 10,000 draws of N(0, 1)
    half = Painter(Styled(), 0.5).codes(latents)
    np.testing.assert_allclose(
        half, (mean + latents[:, None]) / 2, rtol=0, atol=1e-6
    )
    full = Painter(Styled()).codes(latents)
    np.testing.assert_array_equal(full, np.repeat(latents[:, None], 3, 1))


def test_walks_go_from_each_image_to_the_next():
    for generator in (Plain(), Styled()):
        painter = Painter(generator)
        images = painter.images(3, seed=1)
        walks = painter.walks(2, 3, seed=1)
        assert len(walks) == 6
        np.testing.assert_array_equal(walks[[0, 2]], images[:2])
        np.testing.assert_array_equal(walks[[3, 5]], images[1:])
    middle = images[:2].astype(int).sum(axis=0) / 2
    assert np.abs(walks[1] - middle).max() <= 1


def test_the_middle_of_arc_and_line():
    a, b = np.array([1.0, 0.0]), np.array([0.0, 3.0])
    np.testing.assert_allclose(line(a, b, 0.5), [0.5, 1.5])
    np.testing.assert_allclose(arc(a, b, 0.5), [2**0.5, 2**0.5])
    np.testing.assert_allclose(arc(a, a, 0.5), a)


def test_mixtures_take_coarse_styles_from_the_left():
    painter = Painter(Styled())
    latents = painter.latents(4, seed=0)[:, 0]
    mixed = painter.mixed(2, layers=1, seed=0).reshape(3, 3, 2, 2, 3)
    assert not mixed[0, 0].any()
    value = (latents[1] + 2 * latents[2]) / 10
    wanted = np.clip(np.rint((value + 1) * 127.5), 0, 255)
    assert np.all(mixed[2, 1] == wanted)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Painter(Plain(), 0.5), "--truncation moves styles"),
        (lambda: Painter(Plain()).mixed(2, 1, 0), "--mix mixes styles"),
        (lambda: Painter(Styled()).mixed(2, 3, 0), "must be below 3"),
    ],
)
def test_what_a_generator_cannot_do(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_a_sheet_is_filled_row_by_row():
    images = np.arange(1, 4, dtype=np.uint8)[:, None, None, None]
    images = np.tile(images, (1, 2, 2, 3))
    picture = sheet(images)
    assert picture.shape == (4, 4, 3)
    np.testing.assert_array_equal(picture[::2, ::2, 0], [[1, 2], [3, 0]])
