"""Accumulated statistics and the fast Fréchet distance."""

import os

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics import frechet_distance
from regan_tf.metrics.fast_fid import (
    GaussianStatistics,
    fast_frechet_distance,
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
    assert fast_frechet_distance(real, fake) == pytest.approx(expected)
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
    assert fast_frechet_distance(real, fake) == expected
    statistics = _accumulate(real), _accumulate(fake)
    assert frechet_from_statistics(*statistics) == expected
    assert frechet_from_statistics(*statistics[::-1]) == expected


def test_equals_eigenvalues_of_the_product():
    real, fake = _sets(200, 200, 32, seed=3)
    product = np.cov(real.T) @ np.cov(fake.T)
    root = np.sum(np.sqrt(np.linalg.eigvals(product).real))
    expected = np.sum((real.mean(0) - fake.mean(0)) ** 2) - 2 * root
    expected += np.trace(np.cov(real.T) + np.cov(fake.T))
    assert fast_frechet_distance(real, fake) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (40, 90), (20, 400)])
def test_steep_spectra_equal_singular_values(n, m):
    # Variances over ten decades, where TF-GAN itself errs by 1e-5.
    rng = np.random.default_rng(4)
    scales = np.logspace(0, -5, 64)
    mixing = np.linalg.qr(rng.normal(size=(64, 64))).Q
    real = (rng.normal(size=(n, 64)) * scales) @ mixing
    fake = (rng.normal(size=(m, 64)) * scales) @ np.roll(mixing, 1, axis=0)
    a, b = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (real, fake))
    expected = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    expected += np.sum(a**2) + np.sum(b**2)
    expected -= 2 * np.sum(np.linalg.svd(a @ b.T, compute_uv=False))
    expected = pytest.approx(expected, rel=1e-11)
    assert fast_frechet_distance(real, fake) == expected
    statistics = _accumulate(real), _accumulate(fake)
    assert frechet_from_statistics(*statistics) == expected


@pytest.mark.parametrize("n", [20, 64, 500])
def test_identical_sets_are_at_zero(n):
    real = _sets(n, n, 64)[0]
    assert 0 <= fast_frechet_distance(real, real[::-1]) < 1e-6
    statistics = _accumulate(real), _accumulate(real[::-1], batch=7)
    assert 0 <= frechet_from_statistics(*statistics) < 1e-6


def test_constant_features_leave_the_means():
    real, fake = np.zeros((3, 2)), np.full((3, 2), 2.0)
    assert fast_frechet_distance(real, fake) == 8
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


def test_save_and_load(tmp_path):
    path = str(tmp_path / "reference.npz")
    saved = _accumulate(_sets(9, 2, 4)[0])
    saved.save(path)
    saved.save(path)  # replaces
    loaded = GaussianStatistics.load(path)
    assert os.listdir(tmp_path) == ["reference.npz"]
    assert loaded.count == 9
    np.testing.assert_array_equal(loaded.total, saved.total)
    np.testing.assert_array_equal(loaded.products, saved.products)


def test_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = str(tmp_path / "reference.npz")
    _accumulate(np.ones((3, 2))).save(path)

    def fail(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(KeyboardInterrupt):
        _accumulate(np.ones((5, 2))).save(path)
    assert os.listdir(tmp_path) == ["reference.npz"]
    assert GaussianStatistics.load(path).count == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "keys", "shape"])
def test_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "reference.npz"
    _accumulate(np.eye(20)).save(str(path))
    data = bytearray(path.read_bytes())
    data[1500] ^= 255
    if damage == "keys":
        np.savez(path, total=np.zeros(2))
    elif damage == "shape":
        wrong = {"count": 3, "total": np.zeros(2), "products": np.zeros(2)}
        np.savez(path, **wrong)
    else:
        whole = path.read_bytes()
        cut = whole[: len(whole) // 2]
        bad = {"cut": cut, "flipped": data, "text": b"hello"}
        path.write_bytes(bad[damage])
    with pytest.raises(UserError, match=r"unreadable. Delete it"):
        GaussianStatistics.load(str(path))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        GaussianStatistics.load(str(tmp_path / "none.npz"))


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
    with pytest.raises(UserError, match=r"generated.*at least 2 rows"):
        fast_frechet_distance(np.ones((2, 3)), np.ones((1, 3)))
    assert statistics.count == 1  # refused rows leave no trace
