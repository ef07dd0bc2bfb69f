"""The Fréchet distance from accumulated statistics."""

from collections.abc import Mapping

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_matrix
from regan_tf.metrics.tfgan_bridge import trace_sqrt_product


class GaussianStatistics:
    """Rows n, sum Σ x (D,) and products Σ x xᵀ (D, D) of D-wide features.

    In float64, batch by batch or device by device: order and batch size
    change nothing but rounding. 32 MiB at D = 2048. Loses digits where a
    feature's mean exceeds its deviation a million times.
    """

    def __init__(self, dim: int):
        self.count = 0
        self.total = np.zeros(dim)
        self.products = np.zeros((dim, dim))

    def add(self, batch: np.ndarray) -> None:
        """Adds features (B, D); raises `UserError` unless finite."""
        batch = check_matrix(batch, "features of the batch", 1)
        _check_widths(len(self.total), batch.shape[1])
        self.count += len(batch)
        self.total += batch.sum(axis=0)
        self.products += batch.T @ batch

    def merge(self, other: "GaussianStatistics") -> None:
        """Adds the rows that `other` saw, of the same D."""
        _check_widths(len(self.total), len(other.total))
        self.count += other.count
        self.total += other.total
        self.products += other.products

    @property
    def mean(self) -> np.ndarray:
        """(D,) mean of the rows; needs at least 2, as `covariance` does."""
        if self.count < 2:
            raise UserError(
                "Statistics must have at least 2 rows. "
                f"Received: {self.count}. Add more features."
            )
        return self.total / self.count

    @property
    def covariance(self) -> np.ndarray:
        """(D, D) covariance, with division by n - 1 like TF-GAN's."""
        centring = np.outer(self.total, self.mean)
        return (self.products - centring) / (self.count - 1)

    @classmethod
    def of(cls, stored: Mapping[str, np.ndarray]) -> "GaussianStatistics":
        """Statistics of stored `vars`; `ValueError` where they do not fit."""
        statistics = cls(len(stored["total"]))
        statistics.count += int(stored["count"])
        statistics.total += stored["total"]
        square = statistics.products.shape
        if stored["products"].shape != square or statistics.count < 1:
            raise ValueError("its statistics do not fit together")
        statistics.products += stored["products"]
        return statistics


def frechet_from_statistics(
    real: GaussianStatistics, fake: GaussianStatistics
) -> float:
    """Fréchet distance of accumulated statistics, through TF-GAN.

    |m - m_w|² + Tr(C + C_w - 2 (C C_w)^½), Heusel et al. 2017
    (arXiv:1706.08500), eq. 6: the same figure as `frechet_distance` of the
    rows. About 10 seconds at D = 2048 on two CPU cores. TF-GAN takes no root
    of eigenvalues below 1e-10, which costs it about 1e-5 of the distance
    where those of a covariance span more than six decades.

    Raises:
        UserError: unlike widths, or fewer than 2 rows.
    """
    _check_widths(len(real.total), len(fake.total))
    shift = real.mean - fake.mean
    first, second = real.covariance, fake.covariance
    traces = np.trace(first) + np.trace(second)
    roots = trace_sqrt_product(first, second)
    return float(shift @ shift + traces - 2 * roots)


def _check_widths(expected: int, received: int) -> None:
    if expected != received:
        raise UserError(
            "Both sets of features must have the same width. Received: "
            f"{expected} and {received}. Use one feature network."
        )
