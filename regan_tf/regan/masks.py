"""Which weights: magnitude scores and masks, on arrays only."""

import math
from collections.abc import Sequence

import numpy as np


def num_pruned(size: int, sparsity: float) -> int:
    """Entries to remove from a kernel of `size` entries: floor(sparsity·size).

    Args:
        size: number of entries.
        sparsity: fraction to remove, in [0, 1).

    Raises:
        ValueError: if `sparsity` is outside [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise ValueError(
            f"`sparsity` must be in [0, 1). Received: sparsity={sparsity}"
        )
    # Decimal fractions are not exact in binary: 0.29·100 is 28.999…96, which
    # must give 29. Six decimals of the count are far above its rounding error
    # and far below one entry.
    # One entry always stays.
    return min(size - 1, math.floor(round(sparsity * size, 6)))


def magnitude_mask(kernel: np.ndarray, sparsity: float) -> np.ndarray:
    """Mask that removes the smallest magnitudes of one kernel.

    Exactly floor(sparsity·n) of the n entries are removed: those of smallest
    absolute value, and among equal ones those that come first in memory
    order. (Paper section 3.2: layer-wise, unstructured, by |w|. The authors'
    code removes what lies strictly below a quantile, so ties and small
    tensors change its count.)

    Args:
        kernel: array of any shape.
        sparsity: fraction to remove, in [0, 1).

    Returns:
        Array of `kernel`'s shape and dtype: 1 keeps, 0 removes.
    """
    magnitudes = np.abs(kernel).ravel()
    mask = np.ones(magnitudes.size, kernel.dtype)
    mask[smallest(magnitudes, num_pruned(magnitudes.size, sparsity))] = 0
    return mask.reshape(kernel.shape)


def global_masks(
    kernels: Sequence[np.ndarray], sparsity: float
) -> list[np.ndarray]:
    """Masks that remove the smallest magnitudes of all kernels together.

    Exactly floor(sparsity·n) of all n entries are removed, by one threshold;
    equal magnitudes in order of kernels and memory. Only the largest entry
    (the first of equal ones) of each kernel always stays: without it nothing
    would pass the layer, ever again.

    Args:
        kernels: arrays of any shapes.
        sparsity: fraction to remove, in [0, 1).

    Returns:
        Arrays of the kernels' shapes and dtypes: 1 keeps, 0 removes.
    """
    flat = [np.abs(kernel).ravel() for kernel in kernels]
    for magnitudes in flat:
        magnitudes[np.argmax(magnitudes)] = np.inf
    together = np.concatenate(flat)
    count = num_pruned(together.size, sparsity)
    out = smallest(together, min(count, together.size - len(flat)))
    ends = np.cumsum([magnitudes.size for magnitudes in flat])[:-1]
    return [
        (~part).astype(kernel.dtype).reshape(kernel.shape)
        for part, kernel in zip(np.split(out, ends), kernels, strict=True)
    ]


def exchanged_mask(
    kernel: np.ndarray, mask: np.ndarray, score: np.ndarray, fraction: float
) -> np.ndarray:
    """A mask of as many ones, some of them in other places.

    floor(fraction·k) of the k entries in use are dropped, those of smallest
    magnitude; then as many of those out of use are taken in, dropped ones
    included, those of largest score. Ties go by memory order.

    Args:
        kernel: array of any shape.
        mask: of that shape, 1 where an entry is in use.
        score: of that shape, finite.
        fraction: to exchange, in [0, 1).

    Returns:
        Array of `mask`'s shape and dtype.
    """
    used = mask.ravel().astype(bool)
    count = math.floor(round(fraction * np.count_nonzero(used), 6))
    magnitudes = np.where(used, np.abs(kernel).ravel(), np.inf)
    stays = used & ~smallest(magnitudes, count)
    grows = smallest(np.where(stays, np.inf, -score.ravel()), count)
    return (stays | grows).astype(mask.dtype).reshape(mask.shape)


def smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the `count` smallest of some values are: bool, of their shape.

    Of equal values those that come first.

    Args:
        values: array (n,), without NaN.
        count: in [0, n].
    """
    found = np.zeros(values.size, bool)
    if count:
        # Partition plus explicit ties: exact, and 10 to 100 times faster
        # than sorting millions of weights.
        threshold = np.partition(values, count - 1)[count - 1]
        found = values < threshold
        ties = np.flatnonzero(values == threshold)
        found[ties[: count - np.count_nonzero(found)]] = True
    return found
