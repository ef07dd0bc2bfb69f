"""Mean squared error between consecutive evaluations, by hand."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.stability import consecutive_mse


def _grey(level, n=2, size=4):
    return np.full((n, size, size, 3), level, np.uint8)


def test_extremes():
    assert consecutive_mse(_grey(90), _grey(90)) == 0
    assert consecutive_mse(_grey(0), _grey(255)) == 4


def test_one_pixel_by_hand():
    previous, current = _grey(100), _grey(100)
    current[1, 2, 3, 0] = 49  # moves by 0.4 on [-1, 1]; 96 values in all
    assert consecutive_mse(previous, current) == pytest.approx(0.16 / 96)
    assert consecutive_mse(current, previous) == pytest.approx(0.16 / 96)


def test_equals_floats_on_the_stated_scale():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 5, 8, 8, 3), dtype=np.uint8)
    a, b = images / 127.5 - 1
    expected = np.mean((a - b) ** 2)
    assert consecutive_mse(*images) == pytest.approx(expected, rel=1e-12)


def test_order_of_latents_matters():
    images = np.concatenate([_grey(0, n=1), _grey(255, n=1)])
    assert consecutive_mse(images, images[::-1]) == 4


@pytest.mark.parametrize(
    ("previous", "current", "message"),
    [
        (_grey(0), _grey(0, n=3), "same shape.*same latents"),
        (_grey(0), _grey(0, size=5), "same shape"),
        (_grey(0) / 255, _grey(0), "previous.*uint8"),
        (_grey(0), _grey(0)[0], "current.*shape"),
    ],
)
def test_refuses(previous, current, message):
    with pytest.raises(UserError, match=message):
        consecutive_mse(previous, current)
