"""Images to what scores need of them, batch by batch, on all devices."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_images, check_matrix
from regan_tf.metrics.features import FeatureNetwork, Features
from regan_tf.metrics.frechet import GaussianStatistics

BATCH = 100  # images; fixed, so that devices and memory change no figure

_DELAY = 3  # seconds without a bar

# (count, start) -> uint8 (count, R, R, 3), the images from number `start` on.
# May be called by several threads.
Source = Callable[[int, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """What scores need of N images.

    Attributes:
        statistics: of all features, in float64.
        rows: (M, D) float32 features of the images asked for.
        class_counts: (K,) images by predicted class; None without logits.
        logits: (N, K) float32, if they were to be kept.
    """

    statistics: GaussianStatistics
    rows: np.ndarray
    class_counts: np.ndarray | None
    logits: np.ndarray | None = None


def collect(
    networks: Sequence[FeatureNetwork],
    sources: Sequence[Source],
    count: int,
    *,
    resolution: int,
    rows: np.ndarray,
    keep_logits: bool = False,
    progress: str = "",
    interrupted: Callable[[], bool] = bool,
) -> FeatureSet:
    """Features of `count` images, which are never all in memory.

    Batch i goes to network i modulo their number, each in a thread of its
    own; results are added up in the order of the images, so the figures do
    not depend on how many there are.

    Args:
        networks: copies of one network, one a device.
        sources: one for each network, all giving the same images.
        count: images, at least 1.
        resolution: R that the images must have.
        rows: sorted numbers of the images whose features to keep, in
            [0, `count`).
        keep_logits: whether to keep the logits of all images.
        progress: what a bar calls this; "" for no bar. It appears after a
            few seconds.
        interrupted: asked between batches whether to give up.

    Raises:
        UserError: interrupted, images of another shape or type, or features
            that are not finite.
    """
    statistics = class_counts = None
    kept, logits = [], []
    for start, part in _in_order(
        networks, sources, count, resolution, progress
    ):
        if interrupted():
            raise UserError("interrupted")
        features = check_matrix(part.features, "features", 1)
        if statistics is None:
            statistics = GaussianStatistics(features.shape[1])
        statistics.add(features)
        stop = start + len(features)
        first, last = np.searchsorted(rows, (start, stop))
        kept.append(part.features[rows[first:last] - start])
        if part.logits is None:
            continue
        check_matrix(part.logits, "logits", 1)
        predicted = np.argmax(part.logits, axis=1)
        counts = np.bincount(predicted, minlength=part.logits.shape[1])
        class_counts = counts + (0 if class_counts is None else class_counts)
        if keep_logits:
            logits.append(part.logits)
    return FeatureSet(
        statistics,
        np.concatenate(kept).astype(np.float32),
        class_counts,
        np.concatenate(logits) if logits else None,
    )


def _in_order(
    networks: Sequence[FeatureNetwork],
    sources: Sequence[Source],
    count: int,
    resolution: int,
    progress: str,
) -> Iterator[tuple[int, Features]]:
    """Yields first image and features of each batch, in order."""
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()

    def run(device: int, start: int) -> Features:
        size = min(BATCH, count - start)
        images = np.asarray(sources[device](size, start))
        _check(images, (size, resolution, resolution, 3))
        return networks[device](images)

    with (
        ThreadPoolExecutor(len(networks)) as pool,
        tqdm(
            desc=progress,
            total=count,
            unit="img",
            leave=False,
            delay=_DELAY,
            mininterval=0.1 if on_terminal else 30.0,
            dynamic_ncols=on_terminal,
            disable=not progress,
        ) as bar,
    ):
        for first in range(0, count, BATCH * len(networks)):
            starts = range(
                first, min(count, first + BATCH * len(networks)), BATCH
            )
            parts = pool.map(run, range(len(starts)), starts)
            for start, part in zip(starts, parts, strict=True):
                yield start, part
                bar.update(len(part.features))


def _check(images: np.ndarray, expected: tuple[int, ...]) -> None:
    check_images(images, "images to score")
    if images.shape != expected:
        raise UserError(
            f"images to score must have the shape {expected}. Received: "
            f"{images.shape}. Compare generator and reference at one "
            "resolution."
        )
