"""Precision and recall by hand and against brute force."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from regan_tf.errors import UserError
from regan_tf.metrics import precision_recall as module
from regan_tf.metrics.precision_recall import (
    nearest_neighbours,
    precision_recall,
)


def _line(*values):
    return np.array(values, float)[:, None]


def _brute_force(real, fake, k):
    def share(queries, centres):
        radii = np.sort(cdist(centres, centres), axis=1)[:, k]
        return np.mean(np.any(cdist(queries, centres) <= radii, axis=1))

    return share(fake, real), share(real, fake)


def test_on_a_line_by_hand():
    # Radii (k = 1): real 1, 1 and 9, covering [-1, 19];
    # fake 3 each, covering [-6, 3] and [97, 106].
    real, fake = _line(0, 1, 10), _line(-3, 0, 100, 103)
    assert precision_recall(real, fake, k=1) == pytest.approx((1 / 4, 2 / 3))


@pytest.mark.parametrize(("x", "precision"), [(2.0, 1), (2.0 + 1e-9, 0)])
def test_balls_are_closed(x, precision):
    real, fake = _line(0, 1), _line(x, x)  # right ball ends at 2
    assert precision_recall(real, fake, k=1).precision == precision


def test_k_widens_the_balls():
    real, fake = _line(0, 1, 3, 7), _line(*[12] * 4)
    shares = [precision_recall(real, fake, k).precision for k in (1, 2, 3)]
    assert shares == [0, 1, 1]  # right ball reaches 11, then 13


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("dim", [4, 16])
def test_equals_brute_force(k, dim):
    rng = np.random.default_rng(dim)
    real, fake = rng.normal(size=(60, dim)), rng.normal(0.7, 1, (45, dim))
    found = precision_recall(real, fake, k)
    assert found == pytest.approx(_brute_force(real, fake, k), abs=1e-12)
    assert 0 < found.recall < 1 and 0 < found.precision < 1


def test_many_ties_equal_brute_force():
    # Whole numbers: brute force is exact, and most points lie on spheres.
    rng = np.random.default_rng(0)
    real = rng.integers(0, 4, (41, 5)) * 5.0 + 1e4
    fake = rng.integers(1, 5, (37, 5)) * 5.0 + 1e4
    for k in (1, 2, 3):
        expected = _brute_force(real, fake, k)
        assert precision_recall(real, fake, k) == pytest.approx(expected)


def test_block_size_does_not_matter(monkeypatch):
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 50, 4))
    whole = precision_recall(real, fake + 0.4)
    monkeypatch.setattr(module, "_NUMBERS", 7 * 50)
    assert precision_recall(real, fake + 0.4) == whole


def test_identical_and_disjoint_sets():
    real = np.random.default_rng(2).normal(size=(30, 8))
    assert precision_recall(real, real[::-1]) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)


def test_collapse_has_precision_but_no_recall():
    real = np.random.default_rng(3).normal(size=(30, 8))
    collapsed = np.repeat(real[:1] + 1e-3, 30, axis=0)
    assert precision_recall(real, collapsed) == (1, 0)
    assert precision_recall(collapsed, collapsed) == (1, 1)  # radius 0


def test_half_the_modes_halve_recall():
    rng = np.random.default_rng(4)
    real = rng.normal(size=(200, 4)) + 50 * np.repeat([[0], [1]], 100, axis=0)
    precision, recall = precision_recall(real, rng.normal(size=(200, 4)))
    assert precision > 0.8
    assert 0.4 < recall <= 0.5


def test_nearest_neighbours_are_exact_and_in_order():
    points = _line(3, 1, 3, 8)
    distances, indices = nearest_neighbours(_line(3, 7), points, k=3)
    np.testing.assert_array_equal(distances, [[0, 0, 4], [1, 16, 16]])
    np.testing.assert_array_equal(indices, [[0, 2, 1], [3, 0, 2]])
    distances, indices = nearest_neighbours(points, points, 1, itself=False)
    np.testing.assert_array_equal(indices[:, 0], [2, 0, 0, 0])
    np.testing.assert_array_equal(distances[:, 0], [0, 4, 0, 25])


def test_copies_are_at_zero_far_from_the_origin():
    points = np.random.default_rng(5).normal(1e6, 1, size=(20, 64))
    assert nearest_neighbours(points, points, 1)[0].max() == 0


@pytest.mark.parametrize(
    ("real", "fake", "k", "message"),
    [
        (np.zeros((9, 2)), np.zeros((9, 2)), 0, "k=0"),
        (np.zeros((9, 2)), np.zeros((3, 2)), 3, "generated.*at least 4 rows"),
        (np.zeros((9, 2)), np.zeros((9, 3)), 3, "Received: 2 and 3"),
        (np.full((9, 2), np.inf), np.zeros((9, 2)), 3, "18 of 18 values"),
    ],
)
def test_refuses(real, fake, k, message):
    with pytest.raises(UserError, match=message):
        precision_recall(real, fake, k)
