"""Accumulated statistics and the Fréchet distance of them."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics import frechet_distance
from regan_tf.metrics.frechet import (
    GaussianStatistics,
    frechet_from_statistics,
)


def _accumulate(features, batch=1000):
    statistics = GaussianStatistics(features.shape[1])
    for start in range(0, len(features), batch):
        statistics.add(features[start : start + batch])
    return statistics


def _sets(n, m, dim, seed=0):
    """Correlated features with means near 1, as a network gives."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dim, dim)) / np.sqrt(dim)
    real = rng.normal(size=(n, dim)) @ mixing + 1
    fake = rng.normal(0.1, 1.2, size=(m, dim)) @ mixing + 1
    return real, fake


def test_gaussians_in_closed_form():
    # Rows at ±1 on each axis: mean 0, covariance 2/3 · I for N = 4, D = 2.
    real = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    fake = 3 * real + np.array([3.0, 4.0])  # covariance 6 · I
    expected = 25 + 2 * (2 / 3 + 6 - 2 * 2)
    statistics = _accumulate(real), _accumulate(fake)
    assert frechet_from_statistics(*statistics) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n", "m", "dim"),
    [
        (300, 300, 16),
        (100, 80, 64),
        (600, 500, 256),
        (256, 256, 256),
        (100, 400, 256),  # one of the covariances is singular
        (10, 900, 128),
        (50, 60, 256),  # both are
        (2, 2, 16),
    ],
)
def test_equals_tfgan(n, m, dim):
    real, fake = _sets(n, m, dim)
    expected = pytest.approx(frechet_distance(real, fake), rel=1e-6)
    statistics = _accumulate(real), _accumulate(fake)
    assert frechet_from_statistics(*statistics) == expected
    assert frechet_from_statistics(*statistics[::-1]) == expected


def _by_eigenvalues(real, fake):
    """Eq. 6 with Tr (C C_w)^½ = Σ √λ(C^½ C_w C^½), numpy in float64."""
    first, second = np.cov(real.T), np.cov(fake.T)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0))
    products = np.linalg.eigvalsh(root.T @ second @ root)
    shift = real.mean(0) - fake.mean(0)
    traces = np.trace(first) + np.trace(second)
    roots = np.sqrt(np.maximum(products, 0)).sum()
    return shift @ shift + traces - 2 * roots


@pytest.mark.parametrize(
    ("n", "m", "dim"),
    [
        (200, 300, 64),
        (40, 30, 64),
        (900, 700, 512),
        (100, 120, 512),
        pytest.param(2500, 3000, 2048, marks=pytest.mark.slow),
        pytest.param(500, 300, 2048, marks=pytest.mark.slow),
    ],
)
def test_equals_an_eigenvalue_computation(n, m, dim):
    real, fake = (x.astype(np.float32) for x in _sets(n, m, dim, seed=3))
    expected = _by_eigenvalues(*(x.astype(np.float64) for x in (real, fake)))
    distance = frechet_from_statistics(_accumulate(real), _accumulate(fake))
    assert distance == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [300, 40])
def test_steep_spectra_are_right_to_one_in_ten_thousand(n):
    # Variances over ten decades, where TF-GAN's root stops at 1e-10.
    rng = np.random.default_rng(4)
    scales = np.logspace(0, -5, 64)
    real = rng.normal(size=(n, 64)) * scales
    fake = rng.normal(size=(n, 64)) * np.roll(scales, 1)
    expected = _by_eigenvalues(real, fake)
    distance = frechet_from_statistics(_accumulate(real), _accumulate(fake))
    assert distance == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("n", [20, 64, 500])
def test_identical_sets_are_at_zero(n):
    real = _sets(n, n, 64)[0]
    statistics = _accumulate(real), _accumulate(real[::-1], batch=7)
    assert abs(frechet_from_statistics(*statistics)) < 1e-4


def test_constant_features_leave_the_means():
    real, fake = np.zeros((3, 2)), np.full((3, 2), 2.0)
    assert frechet_from_statistics(*map(_accumulate, (real, fake))) == 8


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_statistics_equal_numpy_for_any_batch(batch):
    features = _sets(50, 2, 6)[0].astype(np.float32)
    statistics = _accumulate(features, batch)
    exact = features.astype(np.float64)
    assert statistics.count == 50
    np.testing.assert_allclose(statistics.mean, exact.mean(0), rtol=1e-13)
    np.testing.assert_allclose(
        statistics.covariance, np.cov(exact.T), rtol=1e-9, atol=1e-13
    )


def test_merge_equals_adding():
    features = _sets(50, 2, 6)[0]
    merged = _accumulate(features[:20])
    merged.merge(_accumulate(features[20:]))
    whole = _accumulate(features)
    assert merged.count == whole.count
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-9)


def test_stored_statistics_are_checked():
    saved = _accumulate(_sets(9, 2, 4)[0])
    again = GaussianStatistics.of(vars(saved))
    assert again.count == 9
    np.testing.assert_array_equal(again.covariance, saved.covariance)
    for wrong in ({"products": np.zeros(16)}, {"count": 0}):
        with pytest.raises(ValueError, match="do not fit"):
            GaussianStatistics.of(vars(saved) | wrong)


def test_refuses():
    statistics = _accumulate(np.ones((1, 3)))
    with pytest.raises(UserError, match=r"at least 2 rows. Received: 1"):
        _ = statistics.covariance
    with pytest.raises(UserError, match=r"same width. Received: 3 and 2"):
        statistics.add(np.ones((1, 2)))
    with pytest.raises(UserError, match=r"same width. Received: 3 and 2"):
        statistics.merge(GaussianStatistics(2))
    with pytest.raises(UserError, match=r"1 of 3 values NaN"):
        statistics.add([[0, np.nan, 0]])
    assert statistics.count == 1  # refused rows leave no trace
