"""Resizing by hand, and against PIL."""

import numpy as np
import pytest
from PIL import Image

from regan_tf.errors import UserError
from regan_tf.metrics.protocol import RESIZE_MODES
from regan_tf.metrics.resize import resize


def _noise(size: int, count: int = 2) -> np.ndarray:
    shape = (count, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _by_pil(image: np.ndarray, size: int) -> np.ndarray:
    """clean-fid's `make_resizer("PIL", False, "bicubic", size)`."""
    channels = [
        Image.fromarray(image[..., c].astype(np.float32)) for c in range(3)
    ]
    resized = [c.resize((size, size), Image.BICUBIC) for c in channels]
    return np.stack([np.asarray(c).clip(0, 255) for c in resized], -1)


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("tf1-bilinear", [0, 50, 100, 100]),  # taken at 0, 0.5, 1, 1.5
        ("tf2-bilinear", [0, 25, 75, 100]),  # at -0.25, 0.25, 0.75, 1.25
    ],
)
def test_two_pixels_to_four(mode, row):
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[:, :, 1] = 100
    resized = np.array(resize(images, 4, mode))
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized[0, :, :, 2], [row] * 4, atol=1e-5)


def test_four_pixels_to_two_drops_or_blurs_or_averages():
    images = np.zeros((1, 4, 4, 3), np.uint8)
    images[:, :, 1::2] = 100  # 0, 100, 0, 100
    row = {m: np.array(resize(images, 2, m))[0, 0, :, 0] for m in RESIZE_MODES}
    np.testing.assert_allclose(row["tf1-bilinear"], [0, 0])
    np.testing.assert_allclose(row["tf2-bilinear"], [50, 50])
    # Bicubic (a = -1/2) of twice the width, cut at the border: weights at
    # distances 1/4, 1/4, 3/4, 3/4, 5/4 of 111, 111, 29, -9 (/128).
    weights = np.array([111, 111, 29, -9])
    left = 100 * (weights[1] + weights[3]) / weights.sum()
    np.testing.assert_allclose(row["clean"], [left, 100 - left], atol=1e-3)


@pytest.mark.parametrize(
    ("before", "after"),
    [(32, 299), (256, 299), (300, 299), (64, 20), (7, 2), (1, 5), (5, 1)],
)
def test_clean_is_what_pil_does(before, after):
    images = _noise(before)
    images[0] = 255 * (images[0] > 127)  # overshoots everywhere
    resized = np.array(resize(images, after, "clean"))
    expected = [_by_pil(image, after) for image in images]
    np.testing.assert_allclose(resized, expected, atol=0.02)
    assert 0 <= resized.min() <= resized.max() <= 255


def test_only_antialiasing_lowers_the_variance_of_noise():
    images = _noise(64)
    variance = {m: np.var(resize(images, 8, m)) for m in RESIZE_MODES}
    whole = np.var(images)
    assert variance["clean"] < 0.03 * whole  # the mean over 8×8: 1/64
    assert variance["tf1-bilinear"] > 0.8 * whole  # takes every 8th pixel
    assert variance["tf2-bilinear"] > 0.2 * whole  # the mean of 4: 1/4


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_equal_size_keeps_the_pixels(mode):
    images = _noise(9)
    resized = np.array(resize(images, 9, mode))
    np.testing.assert_array_equal(resized, images.astype(np.float32))


@pytest.mark.parametrize("size", [2, 3])
def test_unknown_mode_is_refused(size):
    with pytest.raises(UserError, match=r"one of tf1-bilinear.*'bicubic'"):
        resize(_noise(2), size, "bicubic")
