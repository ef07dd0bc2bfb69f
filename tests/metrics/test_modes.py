"""Mode coverage by hand."""

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.modes import class_counts, mode_coverage


def test_proportional_histograms_are_at_zero():
    found = mode_coverage([1, 2, 3], [100, 200, 300])
    assert found == (3, 3, 0, 0)


def test_half_the_modes_cost_log_two():
    found = mode_coverage([5, 5, 0, 0], [10, 10, 10, 10])
    assert (found.modes, found.of_modes) == (2, 4)
    assert found.kl == pytest.approx(np.log(2), abs=1e-4)
    # Two classes of 1/4 against s / 4 and two against 1/2.
    missing = 0.5 * np.log(0.25 / (1e-6 / 4))
    expected = missing - 0.5 * np.log(2)
    assert found.reverse_kl == pytest.approx(expected, abs=1e-4)


def test_total_collapse_costs_log_of_the_classes():
    found = mode_coverage([0, 0, 7] + [0] * 7, [50] * 10)
    assert found.modes == 1
    assert found.kl == pytest.approx(np.log(10), abs=1e-4)


def test_uneven_frequencies_equal_the_definition():
    p, q = np.array([0.1, 0.2, 0.7]), np.array([0.3, 0.3, 0.4])
    found = mode_coverage(100 * p, 1000 * q)
    assert found.kl == pytest.approx(np.sum(p * np.log(p / q)), abs=1e-5)
    reverse = np.sum(q * np.log(q / p))
    assert found.reverse_kl == pytest.approx(reverse, abs=1e-5)


def test_smoothing_by_hand():
    # s = 1/2: p = (3/4, 1/4), q = (1/4, 3/4)
    found = mode_coverage([9, 0], [0, 4], smoothing=0.5)
    assert found.kl == pytest.approx(0.5 * np.log(3))
    assert found.reverse_kl == pytest.approx(found.kl)


def test_only_classes_of_the_training_set_are_modes():
    found = mode_coverage([3, 3, 3], [5, 5, 0])
    assert (found.modes, found.of_modes) == (2, 2)
    assert np.isfinite(found.kl)


def test_a_class_hit_by_accident_is_not_covered():
    # A quarter of a third of 60 samples is 5.
    assert mode_coverage([50, 5, 5], [9, 9, 9]).modes == 3
    assert mode_coverage([51, 5, 4], [9, 9, 9]).modes == 2
    assert mode_coverage([51, 5, 4], [9, 9, 9], min_share=0.2).modes == 3


def test_class_counts():
    counts = class_counts(np.array([2, 0, 2]), num_classes=4)
    np.testing.assert_array_equal(counts, [1, 0, 2, 0])


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (np.array([0, 3]), r"in \[0, 3\). Received: 0 to 3"),
        (np.array([-1]), "-1 to -1"),
        (np.array([0.5]), "float64"),
        (np.zeros((2, 3), int), r"\(2, 3\)"),
        (np.zeros(0, int), "N > 0"),
    ],
)
def test_refuses_predictions(predictions, message):
    with pytest.raises(UserError, match=message):
        class_counts(predictions, 3)


@pytest.mark.parametrize(
    ("samples", "settings", "message"),
    [
        ([1, 2, 3], {}, "same classes. Received: 3 and 2"),
        ([0, 0], {}, "sample_counts.*positive sum"),
        ([1, -1], {}, "not negative"),
        ([1, 1], {"smoothing": 0}, "smoothing=0"),
        ([1, 1], {"min_share": 0}, "min_share=0"),
    ],
)
def test_refuses(samples, settings, message):
    with pytest.raises(UserError, match=message):
        mode_coverage(samples, [1, 1], **settings)
