"""Kernel distance against loops, hand calculation and TF-GAN."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics import tfgan_bridge
from regan_tf.metrics.kid import (
    blockwise_kernel_distance,
    kernel_distance,
    squared_mmd,
)


def _sets(n=7, m=5, dim=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, dim)), rng.normal(0.5, 2, size=(m, dim))


def test_squared_mmd_by_hand():
    # k(0, 2) = 1, k(1, 1) = 2³ = 8, k(0, 1) = 1, k(2, 1) = 3³ = 27
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]])
    assert squared_mmd(x, y) == pytest.approx(1 + 8 - 2 * (1 + 27) / 2)


def test_squared_mmd_equals_double_loop():
    x, y = _sets()

    def mean(a, b, pairs):
        values = [(a[i] @ b[j] / 3 + 1) ** 3 for i, j in pairs]
        return np.mean(values)

    def unlike(n):
        return [(i, j) for i in range(n) for j in range(n) if i != j]

    expected = mean(x, x, unlike(7)) + mean(y, y, unlike(5))
    expected -= 2 * mean(x, y, list(np.ndindex(7, 5)))
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-12)


def test_rows_at_a_time_do_not_matter(monkeypatch):
    whole = squared_mmd(*_sets())
    monkeypatch.setattr("regan_tf.metrics.kid._ROWS", 2)
    assert squared_mmd(*_sets()) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (43, 25), (15, 50)])
def test_blocks_equal_tfgan(n, m):
    import tensorflow as tf

    reference = tfgan_bridge._load("classifier_metrics")
    real, fake = _sets(n, m, 16)
    mean, error = reference.kernel_classifier_distance_and_std_from_activations(
        tf.constant(real), tf.constant(fake), max_block_size=11
    )
    ours = blockwise_kernel_distance(real, fake, max_block_size=11, seed=None)
    blocks = -(-max(n, m) // 11)
    assert ours[0] == pytest.approx(float(mean), rel=1e-10)
    assert ours[1] / np.sqrt(blocks - 1) == pytest.approx(float(error))


def test_one_block_is_the_whole_set_in_any_order():
    real, fake = _sets()
    mean, deviation = blockwise_kernel_distance(real, fake, seed=3)
    assert mean == pytest.approx(squared_mmd(real, fake))
    assert deviation == 0


def test_sorted_reference_is_shuffled_before_cutting():
    rows = np.repeat(np.arange(10.0), 20)[:, None]
    other = np.tile(np.arange(10.0), 20)[:, None]
    ordered = blockwise_kernel_distance(
        rows, other, max_block_size=20, seed=None
    )
    shuffled = blockwise_kernel_distance(rows, other, max_block_size=20)
    assert ordered[0] > 5 * abs(shuffled[0])


def test_subsets_of_full_size_equal_the_whole():
    real, fake = _sets(6, 6)
    mean, deviation = kernel_distance(real, fake, subsets=3)
    assert mean == pytest.approx(squared_mmd(real, fake), rel=1e-12)
    assert deviation == pytest.approx(0, abs=1e-12)


def test_subsets_follow_the_seed_and_rank():
    rng = np.random.default_rng(1)
    real, same = rng.normal(size=(2, 300, 8))
    settings = {"subsets": 20, "subset_size": 100}
    near = kernel_distance(real, same, **settings)
    far = kernel_distance(real, same + 0.5, **settings)
    assert near == kernel_distance(real, same, **settings)
    assert near != kernel_distance(real, same, **settings, seed=1)
    assert abs(near[0]) < near[1] < far[0]


def test_estimator_is_unbiased():
    # Each of 400 pairs of 10 rows is biased alone; their mean is about 0.
    pairs = np.random.default_rng(2).normal(size=(400, 2, 10, 4))
    values = [squared_mmd(x, y) for x, y in pairs]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20


@pytest.mark.parametrize(
    ("function", "settings", "message"),
    [
        (kernel_distance, {"subsets": 0}, "`subsets` must be at least 1"),
        (kernel_distance, {"subset_size": 1}, "subset_size=1"),
        (blockwise_kernel_distance, {"max_block_size": 1}, "max_block_size=1"),
        (blockwise_kernel_distance, {"max_block_size": 2}, "4 blocks.*7 and 5"),
    ],
)
def test_refuses_numbers(function, settings, message):
    with pytest.raises(UserError, match=message):
        function(*_sets(), **settings)


def test_refuses_features():
    real, fake = _sets()
    with pytest.raises(UserError, match=r"width. Received: 3 and 2"):
        kernel_distance(real, fake[:, :2])
    with pytest.raises(UserError, match="15 of 15 values NaN"):
        blockwise_kernel_distance(real, fake * np.nan)
