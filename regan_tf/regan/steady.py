"""The schedule of methods that are sparse from some step to the end."""

import math
import sys
from dataclasses import dataclass
from typing import ClassVar

# Evci et al. 2020, arXiv:1911.11134, section 4: of the connections in use.
DROP_FRACTION = 0.3


@dataclass(frozen=True)
class SteadySchedule:
    """Dense until a step, from there sparse to the end of training.

    Attributes:
        sparsity: fraction removed, in (0, 1).
        begin: step before which the first masks are made.
        interval: steps from one change of masks to the next; None: they stay.
        end: step before which the last change is, with an interval.
    """

    sparsity: float
    begin: int
    interval: int | None = None
    end: int = 0

    needs_dense: ClassVar[bool] = False

    def kind(self, step: int) -> str:
        """Kind of the phase that `step` falls into."""
        return "sparse" if step >= self.begin else "warm-up"

    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks change before this step, and the sparsity from it."""
        step = int(step)
        turn = step == self.next_change(step - 1)
        return turn, self.sparsity if step >= self.begin else 0.0

    def lr_factor(self, step: int) -> float:
        """Factor of the pruned networks' learning rate: always 1."""
        return 1.0

    def next_change(self, step: int) -> int:
        """First step after `step` at which masks change."""
        if step < self.begin:
            return self.begin
        if self.interval is None:
            return sys.maxsize
        done = (step - self.begin) // self.interval
        turn = self.begin + (done + 1) * self.interval
        return turn if turn < self.end else sys.maxsize

    def ends_phase(self, step: int) -> bool:
        """Whether a phase is complete once `step` steps are done: any that is
        sparse."""
        return step > self.begin

    def drop_fraction(self, step: int) -> float:
        """Connections to exchange at a change, of those in use: falls from
        0.3 at `begin` to 0 at `end` as half a cosine (Evci et al. 2020)."""
        share = (step - self.begin) / (self.end - self.begin)
        return DROP_FRACTION / 2 * (1 + math.cos(math.pi * share))
