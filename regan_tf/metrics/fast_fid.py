"""The Fréchet distance from accumulated statistics, and fast."""

import os
import uuid

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.checks import check_matrix


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

    def save(self, path: str) -> None:
        """Writes an npz file under a temporary name and renames it."""
        temporary = f"{path}.tmp-{uuid.uuid4().hex}"
        try:
            with open(temporary, "wb") as file:
                np.savez(file, **vars(self))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.remove(temporary)

    @classmethod
    def load(cls, path: str) -> "GaussianStatistics":
        """Reads what `save` wrote; `UserError` where it is damaged."""
        try:
            with np.load(path) as arrays:
                statistics = cls(len(arrays["total"]))
                statistics.count += int(arrays["count"])
                statistics.total += arrays["total"]
                square = statistics.products.shape
                statistics.products += arrays["products"].reshape(square)
            return statistics
        except FileNotFoundError:
            raise
        except Exception as error:  # zip, key, shape and type errors alike
            raise UserError(
                "Statistics must be a file of `GaussianStatistics.save`. "
                f"Received: {path!r}, unreadable. Delete it to compute anew."
            ) from error


def fast_frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Fréchet distance of features, equal to TF-GAN's but faster.

    `frechet_from_statistics`, or directly from the rows where N M ≤ D².

    Args:
        real: (N, D) features of the reference images, N at least 2.
        fake: (M, D) features of the generated images, M at least 2.

    Returns:
        The distance; rounding below 0 is cut off.

    Raises:
        UserError: wrong shapes, too few rows, unlike D, non-finite values.
    """
    real = check_matrix(real, "features of the reference images", 2)
    fake = check_matrix(fake, "features of the generated images", 2)
    _check_widths(real.shape[1], fake.shape[1])
    if len(real) * len(fake) <= real.shape[1] ** 2:
        return _from_rows(*sorted((real, fake), key=len))
    both = [GaussianStatistics(real.shape[1]) for _ in range(2)]
    for statistics, features in zip(both, (real, fake), strict=True):
        statistics.add(features - real.mean(axis=0))  # saves digits
    return frechet_from_statistics(*both)


def _from_rows(few: np.ndarray, many: np.ndarray) -> float:
    """Tr (C C_w)^½ = ‖A Bᵀ‖_* for A, B the centred rows / √(N - 1).

    The eigenvalues of AᵀA BᵀB are the squared singular values of A Bᵀ.
    """
    shift = few.mean(axis=0) - many.mean(axis=0)
    few = (few - few.mean(axis=0)) / np.sqrt(len(few) - 1)
    many = (many - many.mean(axis=0)) / np.sqrt(len(many) - 1)
    axes = np.linalg.eigh(few @ few.T).eigenvectors
    product = (axes.T @ few) @ many.T  # rows ascend, as columns do below
    values = np.linalg.eigvalsh(product @ product.T, UPLO="U")
    traces = np.sum(few**2) + np.sum(many**2)
    roots = _roots(values, len(few)).sum()
    return max(0.0, float(shift @ shift + traces - 2 * roots))


def frechet_from_statistics(
    real: GaussianStatistics, fake: GaussianStatistics
) -> float:
    """Fréchet distance of accumulated statistics; `UserError` if n < 2.

    |m - m_w|² + Tr(C + C_w - 2 (C C_w)^½), Heusel et al. 2017
    (arXiv:1706.08500), eq. 6, with the eigenvalues of Lᵀ C_w L for C = L Lᵀ.
    L's columns ascend and UPLO reduces from the large end: small eigenvalues
    keep their digits. TF-GAN takes no root below 1e-10, which costs it about
    1e-5 where eigenvalues of a covariance span more than six decades.
    """
    _check_widths(len(real.total), len(fake.total))
    shift = real.mean - fake.mean
    first, second = real.covariance, fake.covariance
    values, vectors = np.linalg.eigh(first)
    factor = vectors * _roots(values, real.count)
    values = np.linalg.eigvalsh(factor.T @ second @ factor, UPLO="U")
    traces = np.trace(first) + np.trace(second)
    roots = _roots(values, min(real.count, fake.count)).sum()
    return max(0.0, float(shift @ shift + traces - 2 * roots))


def _roots(ascending: np.ndarray, count: int) -> np.ndarray:
    """Square roots of eigenvalues, of which `count` rows allow count - 1."""
    surplus = np.arange(len(ascending)) <= len(ascending) - count
    return np.sqrt(np.where(surplus, 0, np.maximum(ascending, 0)))


def _check_widths(expected: int, received: int) -> None:
    if expected != received:
        raise UserError(
            "Both sets of features must have the same width. Received: "
            f"{expected} and {received}. Use one feature network."
        )
