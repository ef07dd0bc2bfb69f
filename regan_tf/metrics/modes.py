"""Coverage of modes from class predictions (the paper's collapse study)."""

from typing import NamedTuple

import numpy as np

from regan_tf.errors import UserError

MIN_SHARE = 0.25  # of its training frequency that makes a class hit
SMOOTHING = 1e-6  # share of a uniform distribution mixed into both histograms


class ModeCoverage(NamedTuple):
    """How generated images spread over the training set's classes.

    Attributes:
        modes: classes of the training set that samples hit: at least
            `min_share` times as often as training images.
        of_modes: classes of the training set.
        kl: KL(samples ‖ training) in nats, at least 0: large where samples
            crowd into few classes; at most log(K / smoothing).
        reverse_kl: KL(training ‖ samples): large where classes are missing.
    """

    modes: int
    of_modes: int
    kl: float
    reverse_kl: float


def class_counts(predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts predictions per class.

    Args:
        predictions: (N,) integer class numbers in [0, num_classes), N at
            least 1: labels, or the arg max of a classifier's logits.
        num_classes: K.

    Returns:
        (K,) int64 counts.

    Raises:
        UserError: not of integers, empty, or numbers out of range.
    """
    predictions = np.asarray(predictions)
    shaped = predictions.ndim == 1 and predictions.size > 0
    if not shaped or not np.issubdtype(predictions.dtype, np.integer):
        raise UserError(
            "`predictions` must be (N,) integers with N > 0. Received: "
            f"{predictions.shape} of {predictions.dtype}. Take the arg max "
            "of the logits."
        )
    lowest, highest = int(predictions.min()), int(predictions.max())
    if lowest < 0 or highest >= num_classes:
        raise UserError(
            f"`predictions` must be in [0, {num_classes}). Received: "
            f"{lowest} to {highest}. Use a classifier of this data set."
        )
    return np.bincount(predictions, minlength=num_classes)


def mode_coverage(
    sample_counts: np.ndarray,
    training_counts: np.ndarray,
    *,
    min_share: float = MIN_SHARE,
    smoothing: float = SMOOTHING,
) -> ModeCoverage:
    """Compares the classes of samples with those of the training set.

    Modes hit and KL(samples ‖ training) as in Metz et al. 2017
    (arXiv:1611.02163), sec. 3.3.1, with the data set's classes as modes; the
    Re-GAN paper's supplement names no formula. Histograms become frequencies,
    and each is mixed with the uniform distribution, (1 - s) p + s / K: both
    divergences stay finite with empty classes, proportional histograms give
    exactly 0, and the forward one moves by the order of s where all training
    classes are filled. The reverse one depends on s where a class is missing.

    A classifier that errs sends some image into every class by accident (one
    right on 88.5% found all ten classes among images of five), so a class
    needs a share of its training frequency to count as hit. For the same
    reason the training counts should come from the classifier's predictions.

    Args:
        sample_counts: (K,) counts of generated images by predicted class.
        training_counts: (K,) counts of training images by class.
        min_share: see `ModeCoverage.modes`, in (0, 1].
        smoothing: s, in (0, 1).

    Raises:
        UserError: wrong shapes or numbers, negative counts, an empty
            histogram.
    """
    if not 0 < min_share <= 1 or not 0 < smoothing < 1:
        raise UserError(
            "`min_share` must be in (0, 1] and `smoothing` in (0, 1). "
            f"Received: min_share={min_share}, smoothing={smoothing}."
        )
    samples = _frequencies(sample_counts, "sample_counts")
    training = _frequencies(training_counts, "training_counts")
    if samples.shape != training.shape:
        raise UserError(
            "Both histograms must have the same classes. Received: "
            f"{len(samples)} and {len(training)}."
        )
    hit = (samples >= min_share * training) & (training > 0)
    p, q = (
        (1 - smoothing) * h + smoothing / len(h) for h in (samples, training)
    )
    return ModeCoverage(
        modes=int(np.count_nonzero(hit)),
        of_modes=int(np.count_nonzero(training)),
        kl=_kl(p, q),
        reverse_kl=_kl(q, p),
    )


def _kl(p: np.ndarray, q: np.ndarray) -> float:
    return max(0.0, float(np.sum(p * np.log(p / q))))


def _frequencies(counts: np.ndarray, what: str) -> np.ndarray:
    counts = np.asarray(counts, np.float64)
    valid = counts.ndim == 1 and np.all(np.isfinite(counts) & (counts >= 0))
    if not valid or counts.sum() == 0:
        raise UserError(
            f"`{what}` must be (K,) counts, not negative, of positive sum. "
            f"Received: {counts.tolist()}. Use `class_counts`."
        )
    return counts / counts.sum()
