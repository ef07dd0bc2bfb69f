"""Precision-recall curve of distributions (Sajjadi et al. 2018)."""

from typing import NamedTuple

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_pair

ANGLES = 1001
_EDGE = 1e-10  # radians kept from slopes 0 and infinity


class Curve(NamedTuple):
    """Precision and recall at the same slopes, each (A,) in [0, 1].

    Attributes:
        precision: rises along the curve: quality of the generated images.
        recall: falls along the curve: variety of the generated images.
    """

    precision: np.ndarray
    recall: np.ndarray

    @property
    def f8(self) -> float:
        """F-measure that weights recall 8 times (variety)."""
        return f_measure(self, 8)

    @property
    def f_eighth(self) -> float:
        """F-measure that weights precision 8 times (quality)."""
        return f_measure(self, 1 / 8)


def precision_recall_curve(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    clusters: int = 20,
    runs: int = 10,
    seed: int = 0,
) -> Curve:
    """Precision-recall curve of generated images.

    Sajjadi et al. 2018 (arXiv:1806.00035), sec. 3, with the settings of the
    authors' code: reference and generated features are pooled and clustered
    (mini-batch k-means, 10 initialisations), each set gives a histogram over
    the clusters, and the histograms' curves are averaged over runs. Where
    the sets differ in size (the authors refuse), each run draws as many rows
    from the larger one as the smaller one has. Depends on the size of the
    sets: compare only equal numbers.

    Args:
        real: (N, D) features of the reference images, N at least `clusters`.
        fake: (M, D) features of the generated images, M at least `clusters`.
        clusters: bins of the histograms, at least 1.
        runs: clusterings to average, at least 1.
        seed: run i clusters and draws with seed + i.

    Raises:
        UserError: wrong shapes or numbers, unlike D, non-finite values.
    """
    if clusters < 1 or runs < 1:
        raise UserError(
            "`clusters` and `runs` must be at least 1. "
            f"Received: clusters={clusters}, runs={runs}."
        )
    real, fake = check_pair(real, fake, clusters)
    curves = [
        curve_from_histograms(*_histograms(real, fake, clusters, seed + run))
        for run in range(runs)
    ]
    return Curve(*np.mean(curves, axis=0))


def curve_from_histograms(real: np.ndarray, fake: np.ndarray) -> Curve:
    """Exact curve of two discrete distributions.

    At slopes λ = tan(angle), 1,001 angles evenly from 1e-10 to π/2 - 1e-10:
    precision = Σ min(λ real, fake) and recall = precision / λ, Sajjadi et
    al. 2018, sec. 3.

    Args:
        real: (K,) counts or probabilities of the reference, sum positive.
        fake: (K,) those of the generated images.

    Raises:
        UserError: unlike shapes, negative or non-finite values, or a sum
            of 0.
    """
    real, fake = _normalised(real, "real"), _normalised(fake, "fake")
    if real.shape != fake.shape:
        raise UserError(
            "Both histograms must have the same bins. Received: "
            f"{len(real)} and {len(fake)}."
        )
    slopes = np.tan(np.linspace(_EDGE, np.pi / 2 - _EDGE, ANGLES))
    precision = np.minimum(slopes[:, None] * real, fake).sum(axis=1)
    recall = precision / slopes
    return Curve(np.clip(precision, 0, 1), np.clip(recall, 0, 1))


def f_measure(curve: Curve, beta: float) -> float:
    """Largest (1 + β²) P R / (β² P + R) along a curve; 0 where P = R = 0.

    Sajjadi et al. 2018, sec. 4, use β = 8 and 1/8; it must be positive.
    """
    precision, recall = curve
    if not beta > 0:
        raise UserError(f"`beta` must be positive. Received: beta={beta}.")
    weighted = np.maximum(beta**2 * precision + recall, _EDGE)
    return float(np.max((1 + beta**2) * precision * recall / weighted))


def _histograms(
    real: np.ndarray, fake: np.ndarray, clusters: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters equal numbers of both sets and counts each set's rows."""
    from sklearn.cluster import MiniBatchKMeans

    size = min(len(real), len(fake))
    rng = np.random.default_rng(seed)
    draws = [rng.permutation(len(rows))[:size] for rows in (real, fake)]
    pooled = np.concatenate([real[draws[0]], fake[draws[1]]])
    kmeans = MiniBatchKMeans(clusters, n_init=10, random_state=seed)
    labels = kmeans.fit_predict(pooled)
    parts = labels[:size], labels[size:]
    return tuple(np.bincount(part, minlength=clusters) for part in parts)


def _normalised(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    valid = values.ndim == 1 and np.all(np.isfinite(values) & (values >= 0))
    if not valid or values.sum() == 0:
        raise UserError(
            f"Histogram `{what}` must be (K,), not negative, of positive "
            f"sum. Received: {values.tolist()}."
        )
    return values / values.sum()
