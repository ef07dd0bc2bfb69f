"""Which images a low-data experiment trains on.

Subsets are nested (the 10% set lies inside the 20% set), class-stratified
and a pure function of labels and seed, so runs with different amounts of data
can be compared with each other.
"""

import heapq

import numpy as np

from regan_tf.errors import UserError


def subset_indices(
    labels: np.ndarray | None, num_total: int, count: int, seed: int = 0
) -> np.ndarray:
    """Chooses `count` of `num_total` images.

    For one `labels` and `seed`, a smaller count always gives a subset of a
    larger one, and every class holds its proportional share to within one
    image. Without labels the images are drawn from the whole set.

    Args:
        labels: integer array of shape `(num_total,)`, or None.
        num_total: number of images in the set, at least 1.
        count: number of images wanted, in [1, `num_total`].
        seed: in [0, 2**32).

    Returns:
        Sorted int64 array of shape `(count,)`, values in [0, `num_total`).

    Raises:
        UserError: `count` or `seed` out of range, or labels of another length.
    """
    if not 1 <= count <= num_total:
        raise UserError(
            f"`count` must be in [1, {num_total}], the number of images. "
            f"Received: count={count}"
        )
    if not 0 <= seed < 2**32:
        raise UserError(f"`seed` must be in [0, 2**32). Received: seed={seed}")
    if labels is None:
        labels = np.zeros(num_total, np.int32)
    if len(labels) != num_total:
        raise UserError(
            f"`labels` must have one entry for each of the {num_total} "
            f"images. Received: {len(labels)} labels"
        )
    order = _stratified_order(np.asarray(labels), seed)
    return np.sort(order[:count])


def _stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """All indices, ordered so that every prefix is stratified."""
    # RandomState and not default_rng: its streams never change with NumPy.
    random = np.random.RandomState(seed)
    _, classes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(classes)
    members = [
        random.permutation(np.flatnonzero(classes == c))
        for c in range(len(sizes))
    ]
    tie_break = random.permutation(len(sizes))
    order = np.empty(len(labels), np.int64)
    taken = [0] * len(sizes)
    turns = _proportional_turns(sizes.tolist(), tie_break.tolist())
    for position, c in enumerate(turns):
        order[position] = members[c][taken[c]]
        taken[c] += 1
    return order


def _proportional_turns(sizes: list[int], tie_break: list[int]) -> list[int]:
    """The class whose turn it is at each of `sum(sizes)` positions.

    After any k turns a class of n among N images has had strictly between
    k*n/N - 1 and k*n/N + 1 of them. Sorting by rank within the class does not
    give this (many small classes come due at once); earliest deadline first
    within the proportional windows does: Baruah et al., "Proportionate
    progress", Algorithmica 15 (1996).
    """
    total = sum(sizes)
    taken = [0] * len(sizes)
    # (first turn at which the class may have its next image, class)
    waiting = [(1, c) for c in range(len(sizes))]
    ready: list[tuple[int, int, int]] = []  # (last such turn, tie, class)
    turns = []
    for turn in range(1, total + 1):
        while waiting and waiting[0][0] <= turn:
            _, c = heapq.heappop(waiting)
            deadline = -(-(taken[c] + 1) * total // sizes[c])  # ceil
            heapq.heappush(ready, (deadline, tie_break[c], c))
        c = heapq.heappop(ready)[2]
        turns.append(c)
        taken[c] += 1
        if taken[c] < sizes[c]:
            release = taken[c] * total // sizes[c] + 1
            heapq.heappush(waiting, (release, c))
    return turns


def subset_count(
    num_total: int, fraction: float | None, num_images: int | None
) -> int:
    """Number of images to train on, from either way of saying it.

    Args:
        num_total: number of images in the set, at least 1.
        fraction: share of the set in (0, 1], rounded to the nearest image and
            at least one image; or None.
        num_images: number of images in [1, `num_total`]; or None.

    Returns:
        Count in [1, `num_total`]; `num_total` where neither is given.

    Raises:
        UserError: both given, or one of them out of range.
    """
    if fraction is not None and num_images is not None:
        raise UserError(
            "`fraction` and `num_images` exclude each other: give one. "
            f"Received: fraction={fraction}, num_images={num_images}"
        )
    if num_images is not None:
        if not 1 <= num_images <= num_total:
            raise UserError(
                f"`num_images` must be in [1, {num_total}]: the set has "
                f"{num_total} images. Received: num_images={num_images}"
            )
        return num_images
    if fraction is None:
        return num_total
    if not 0 < fraction <= 1:
        raise UserError(
            f"`fraction` must be in (0, 1]. Received: fraction={fraction}"
        )
    return max(1, int(fraction * num_total + 0.5))
