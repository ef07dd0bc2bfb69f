"""Masks of arrays, by hand."""

import numpy as np
import pytest

from regan_tf.regan.masks import magnitude_mask, num_pruned


@pytest.mark.parametrize(
    ("size", "sparsity", "expected"),
    [(10, 0.1, 1), (9, 0.1, 0), (100, 0.29, 29), (7, 0.5, 3), (5, 0.0, 0)],
)
def test_removes_the_floor(size, sparsity, expected):
    assert num_pruned(size, sparsity) == expected


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 2.0])
def test_refuses_sparsity_outside_its_range(sparsity):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\)"):
        magnitude_mask(np.ones(4), sparsity)


def test_one_entry_always_stays():
    assert num_pruned(36, 0.99999999) == 35


def test_smallest_magnitudes_go():
    kernel = np.array([[0.3, -0.1], [-0.4, 0.2]], np.float32)
    mask = magnitude_mask(kernel, 0.5)
    np.testing.assert_array_equal(mask, [[1, 0], [1, 0]])
    assert mask.dtype == np.float32


def test_ties_are_broken_in_memory_order():
    kernel = np.array([1.0, 0.0, -1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(
        magnitude_mask(kernel, 0.34), [1, 0, 1, 0, 1, 1]
    )
    np.testing.assert_array_equal(magnitude_mask(np.ones(4), 0.5), [0, 0, 1, 1])


@pytest.mark.parametrize("sparsity", [0.1, 0.3, 0.5, 0.99])
def test_exact_count_and_order_against_a_full_sort(sparsity):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 8, 16)).round(1)
    mask = magnitude_mask(kernel, sparsity).ravel()
    count = int(sparsity * kernel.size)
    order = np.argsort(np.abs(kernel).ravel(), kind="stable")
    expected = np.ones(kernel.size)
    expected[order[:count]] = 0
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    ("sparsity", "zeros"), [(0.1, 426670), (0.3, 1280021), (0.5, 2133376)]
)
def test_zero_counts_of_the_full_sngan_generator(sparsity, zeros):
    conv = 3 * 3 * 256
    sizes = [524288] + 6 * [conv * 256] + 3 * [256 * 256] + [conv * 3]
    assert sum(num_pruned(n, sparsity) for n in sizes) == zeros
