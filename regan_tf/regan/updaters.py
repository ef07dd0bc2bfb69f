"""Which weights: the masks that come next, by each method.

An updater is called with all kernels of a network, their masks (arrays of the
kernels' shapes), the fraction to remove and the completed steps; it gives the
new masks. Arrays only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from regan_tf.regan.masks import exchanged_mask, global_masks, magnitude_mask

Arrays = Sequence[np.ndarray]

# Purposes of random numbers.
_FIRST, _GROW = range(2)


@dataclass(frozen=True)
class MagnitudeUpdater:
    """Removes the smallest magnitudes.

    Attributes:
        scope: "layer": of each kernel; "global": of all kernels together.
    """

    scope: str = "layer"

    def __call__(
        self, kernels: Arrays, masks: Arrays, sparsity: float, step: int
    ) -> list[np.ndarray]:
        if self.scope == "global":
            return global_masks(kernels, sparsity)
        return [magnitude_mask(kernel, sparsity) for kernel in kernels]


@dataclass(frozen=True)
class RandomUpdater:
    """Removes entries at random, as many of each kernel as magnitudes would.

    Attributes:
        seed: integers of which alone the masks are a function.
    """

    seed: tuple[int, ...]

    def __call__(
        self, kernels: Arrays, masks: Arrays, sparsity: float, step: int
    ) -> list[np.ndarray]:
        return [
            magnitude_mask(_uniform(self.seed, _FIRST, 0, i, kernel), sparsity)
            for i, kernel in enumerate(kernels)
        ]


@dataclass(frozen=True)
class FixedUpdater:
    """The same masks always.

    Attributes:
        masks: one of each kernel's shape, bool.
    """

    masks: Arrays

    def __call__(
        self, kernels: Arrays, masks: Arrays, sparsity: float, step: int
    ) -> list[np.ndarray]:
        return [
            mask.astype(kernel.dtype)
            for mask, kernel in zip(self.masks, kernels, strict=True)
        ]


@dataclass(frozen=True)
class ExchangingUpdater:
    """SET and RigL: the weakest connections give way to as many others.

    First masks are random (uniform: the same sparsity in each kernel). Later
    the smallest magnitudes in use are dropped, and among all that are then
    out of use those of largest score grow: a random number (SET, Mocanu et
    al. 2018, as in Evci et al. 2020, arXiv:1911.11134) or the magnitude of
    the dense gradient (RigL, of the same). One that grows right where it was
    dropped keeps its value, as in the code of RigL's authors; all others are
    zero. SET as first published drops the smallest of either sign and starts
    new weights at random.

    Attributes:
        seed: integers of which, with the step, random numbers are a function.
        fraction: function of a step: share of the connections in use to drop.
        gradients: function of a step: gradients of all kernels, as if nothing
            were masked; None: scores are random.
    """

    seed: tuple[int, ...]
    fraction: Callable[[int], float]
    gradients: Callable[[int], Arrays] | None = None

    def __call__(
        self, kernels: Arrays, masks: Arrays, sparsity: float, step: int
    ) -> list[np.ndarray]:
        if all(mask.all() for mask in masks):
            return RandomUpdater(self.seed)(kernels, masks, sparsity, step)
        fraction = self.fraction(step)
        return [
            exchanged_mask(kernel, mask, score, fraction)
            for kernel, mask, score in zip(
                kernels, masks, self._scores(kernels, step), strict=True
            )
        ]

    def _scores(self, kernels: Arrays, step: int) -> list[np.ndarray]:
        if self.gradients is None:
            return [
                _uniform(self.seed, _GROW, step, i, kernel)
                for i, kernel in enumerate(kernels)
            ]
        # An overflow of float16 says nothing of which gradient is larger.
        found = [np.abs(x) for x in self.gradients(step)]
        return [np.where(np.isfinite(x), x, 0) for x in found]


def _uniform(
    seed: tuple[int, ...], purpose: int, step: int, index: int, like: np.ndarray
) -> np.ndarray:
    """U[0, 1) of the shape and dtype of `like`."""
    entropy = np.random.SeedSequence((*seed, purpose, step, index))
    return np.random.default_rng(entropy).random(like.shape, like.dtype)
