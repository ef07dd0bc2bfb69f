import numpy as np
import pytest

from regan_tf.data.subset import subset_count, subset_indices
from regan_tf.errors import UserError

UNEVEN = np.repeat([0, 1, 2, 3, 4, 5], [500, 1, 1, 1, 1, 96])


def test_half_of_two_even_classes():
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    chosen = subset_indices(labels, 8, 4)
    assert chosen.dtype == np.int64 and chosen.tolist() == sorted(chosen)
    assert np.bincount(labels[chosen]).tolist() == [2, 2]


@pytest.mark.parametrize("labels", [None, UNEVEN])
def test_smaller_subsets_lie_inside_larger_ones(labels):
    smaller = set()
    for count in range(1, 601):
        larger = set(subset_indices(labels, 600, count, seed=3).tolist())
        assert len(larger) == count and smaller < larger
        smaller = larger
    assert larger == set(range(600))


@pytest.mark.parametrize("sizes", [[500, 1, 1, 1, 1, 96], [60] * 10, [7, 93]])
def test_every_class_within_one_image_of_its_share(sizes):
    labels = np.random.default_rng(0).permutation(
        np.repeat(np.arange(len(sizes)), sizes)
    )
    total = len(labels)
    for count in range(1, total + 1):
        chosen = labels[subset_indices(labels, total, count, seed=1)]
        share = np.array(sizes) * count / total
        found = np.bincount(chosen, minlength=len(sizes))
        assert abs(found - share).max() < 1


def test_same_for_a_seed_and_another_for_another():
    first = subset_indices(UNEVEN, 600, 100, seed=5)
    again = subset_indices(UNEVEN, 600, 100, seed=5)
    other = subset_indices(UNEVEN, 600, 100, seed=6)
    assert first.tolist() == again.tolist() != other.tolist()


def test_same_on_every_machine():
    # RandomState(0).permutation(10), frozen by NumPy: 2 8 4 9 1 6 7 3 0 5
    assert subset_indices(None, 10, 4, seed=0).tolist() == [2, 4, 8, 9]


@pytest.mark.parametrize("count", [0, -1, 11])
def test_count_out_of_range(count):
    with pytest.raises(UserError, match=rf"\[1, 10\].*count={count}"):
        subset_indices(None, 10, count)


def test_labels_of_another_length():
    with pytest.raises(UserError, match="9 labels"):
        subset_indices(np.zeros(9, int), 10, 5)


@pytest.mark.parametrize(
    "fraction, num_images, expected",
    [
        (0.1, None, 100),
        (1.0, None, 1001),
        (1e-9, None, 1),
        (0.0025, None, 3),  # 2.5025
        (None, 7, 7),
        (None, None, 1001),
    ],
)
def test_subset_count(fraction, num_images, expected):
    assert subset_count(1001, fraction, num_images) == expected


@pytest.mark.parametrize(
    "fraction, num_images, message",
    [
        (0.5, 5, "exclude each other"),
        (None, 101, "has 100 images"),
        (None, 0, "num_images=0"),
        (0.0, None, r"\(0, 1\]"),
        (1.5, None, "fraction=1.5"),
        (float("nan"), None, "fraction=nan"),
    ],
)
def test_subset_count_refuses(fraction, num_images, message):
    with pytest.raises(UserError, match=message):
        subset_count(100, fraction, num_images)
