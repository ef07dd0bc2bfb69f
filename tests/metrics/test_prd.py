"""Precision-recall curve: histograms by hand, clusters of known share."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.prd import (
    Curve,
    curve_from_histograms,
    f_measure,
    precision_recall_curve,
)

_MIDDLE = 500  # the angle π/4: slope 1
_FAST = {"clusters": 4, "runs": 2}


def test_curve_of_half_the_modes_by_hand():
    # precision = min(λ/2, 1), recall = min(1/2, 1/λ)
    curve = curve_from_histograms([5, 5], [3, 0])
    slope = np.tan(np.pi / 8)
    assert curve.precision[_MIDDLE] == pytest.approx(0.5)
    assert curve.recall[_MIDDLE] == pytest.approx(0.5)
    assert curve.precision[250] == pytest.approx(slope / 2)
    assert curve.recall[750] == pytest.approx(slope)  # cot(3π/8)
    assert curve.precision[[0, -1]] == pytest.approx([0, 1], abs=1e-9)
    assert curve.recall[[0, -1]] == pytest.approx([0.5, 0], abs=1e-9)


def test_curve_of_three_bins_by_hand():
    curve = curve_from_histograms([0.5, 0.3, 0.2], [0.2, 0.2, 0.6])
    assert curve.precision[_MIDDLE] == pytest.approx(0.2 + 0.2 + 0.2)
    assert curve.precision[-1] == pytest.approx(1)
    assert curve.recall[0] == pytest.approx(1)
    assert len(curve.precision) == len(curve.recall) == 1001


def test_f_measures_of_half_the_modes_by_hand():
    # Best at λ = 2, where precision is 1 and recall 1/2.
    curve = curve_from_histograms([1, 1], [1, 0])
    assert curve.f8 == pytest.approx(65 / 2 / (64 + 1 / 2), rel=0.005)
    assert curve.f_eighth == pytest.approx(65 / 2 / (1 + 64 / 2), rel=0.005)
    assert f_measure(curve, 1) == pytest.approx(2 / 3, rel=0.005)


def test_swapping_the_sets_swaps_precision_and_recall():
    a, b = [4, 1, 0, 2], [1, 1, 3, 5]
    there, back = curve_from_histograms(a, b), curve_from_histograms(b, a)
    np.testing.assert_allclose(there.precision, back.recall[::-1], atol=1e-9)
    assert there.f8 == pytest.approx(back.f_eighth)


def test_equal_and_disjoint_histograms():
    equal = curve_from_histograms([1, 2, 3], [10, 20, 30])
    assert (equal.f8, equal.f_eighth) == pytest.approx((1, 1))
    apart = curve_from_histograms([1, 2, 0], [0, 0, 5])
    assert apart.f8 == apart.f_eighth == 0
    assert max(apart.precision.max(), apart.recall.max()) == 0


def test_identical_and_disjoint_sets():
    real = np.random.default_rng(0).normal(size=(200, 8))
    same = precision_recall_curve(real, real[::-1], runs=2)
    assert min(same.f8, same.f_eighth) > 1 - 1e-6
    far = precision_recall_curve(real, real + 100, runs=2)
    assert max(far.f8, far.f_eighth) < 1e-6


def _blobs(shares, seed):
    """200 points in blobs 100 apart."""
    counts = np.round(np.array(shares) * 200).astype(int)
    centres = 100 * np.repeat(np.eye(4)[: len(shares)], counts, axis=0)
    return centres + np.random.default_rng(seed).normal(size=centres.shape)


def test_clusters_give_the_histograms():
    real, fake = _blobs([0.25] * 4, 0), _blobs([0.5, 0.5], 1)
    curve = precision_recall_curve(real, fake, **_FAST)
    exact = curve_from_histograms([1, 1, 1, 1], [2, 2, 0, 0])
    np.testing.assert_allclose(curve, exact, atol=1e-9)
    assert curve.f_eighth > 0.9 > curve.f8  # quality without variety


def test_larger_set_is_cut_to_the_smaller_one():
    real, fake = _blobs([0.25] * 4, 0), _blobs([0.25] * 4, 1)
    curve = precision_recall_curve(real, fake[::5], **_FAST)
    assert min(curve.f8, curve.f_eighth) > 0.8


def test_follows_the_seed():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 100, 4))
    settings = {"clusters": 5, "runs": 1}
    first = precision_recall_curve(real, fake, **settings)
    again = precision_recall_curve(real, fake, **settings)
    other = precision_recall_curve(real, fake, **settings, seed=5)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.precision - other.precision).max() > 0


def test_mean_over_runs():
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(2, 60, 4))
    runs = [
        precision_recall_curve(real, fake, clusters=5, runs=1, seed=seed)
        for seed in (0, 1)
    ]
    both = precision_recall_curve(real, fake, clusters=5, runs=2)
    np.testing.assert_allclose(both, np.mean(runs, axis=0))


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        ([1, 2], [1, 2, 3], "same bins. Received: 2 and 3"),
        ([0, 0], [1, 2], "`real`.*positive sum"),
        ([1, 2], [1, -1], "`fake`.*not negative"),
        ([1, np.nan], [1, 1], "`real`"),
    ],
)
def test_refuses_histograms(real, fake, message):
    with pytest.raises(UserError, match=message):
        curve_from_histograms(real, fake)


def test_refuses_features_and_numbers():
    rows = np.zeros((30, 2))
    with pytest.raises(UserError, match=r"at least 20 rows. Received: 19"):
        precision_recall_curve(rows, rows[:19])
    with pytest.raises(UserError, match="Received: 2 and 1"):
        precision_recall_curve(rows, rows[:, :1])
    with pytest.raises(UserError, match="runs=0"):
        precision_recall_curve(rows, rows, runs=0)
    with pytest.raises(UserError, match="beta=0"):
        f_measure(Curve(np.ones(1), np.ones(1)), 0)
