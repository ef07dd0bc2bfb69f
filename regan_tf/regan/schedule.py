"""When, and how much: from a step to "prune now?" and a sparsity.

Plain Python, importable without TensorFlow. `step` counts completed steps:
a schedule is asked with 0 before the first step.

The protocol is that of tensorflow-model-optimization: an object that, called
with a step, returns `(prune_now, sparsity)`. "Prune now" at sparsity 0 means
that every mask becomes ones, which is Re-GAN's growing.
"""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass

from regan_tf.errors import UserError


@dataclass(frozen=True)
class AlternatingSchedule:
    """Re-GAN's: warm-up, then sparse and dense phases in turn.

    Phase k = floor((step − warmup) / interval) is sparse if k is even and
    dense if odd, as the paper's text and figures say (section 3.2); its
    Algorithm 1, taken literally, would prune for one iteration in every
    `interval`, see docs/decisions.md.

    Attributes:
        sparsity: ρ, fraction of each kernel removed, in (0, 1).
        warmup: dense steps before the first sparse phase, at least 0.
        interval: g, steps of each phase, at least 1.
        grow_lr_factor: learning-rate factor of dense phases (paper: 1/10).
        last: step at which a sparse phase begins that nothing ends.
    """

    sparsity: float
    warmup: int
    interval: int
    grow_lr_factor: float = 0.1
    last: int = sys.maxsize

    def __post_init__(self) -> None:
        if not 0 < self.sparsity < 1:
            raise ValueError(
                "`sparsity` must be in (0, 1). Received: "
                f"sparsity={self.sparsity}"
            )
        if self.warmup < 0 or self.interval < 1:
            raise ValueError(
                "`warmup` must be at least 0 and `interval` at least 1. "
                f"Received: warmup={self.warmup}, interval={self.interval}"
            )

    def kind(self, step: int) -> str:
        """Kind of the phase that `step` falls into."""
        if step < self.warmup:
            return "warm-up"
        odd = (min(step, self.last) - self.warmup) // self.interval % 2
        return "dense" if odd else "sparse"

    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks change before this step, and the sparsity from it."""
        step = int(step)
        turn = self.warmup <= step <= self.last and (
            (step - self.warmup) % self.interval == 0
        )
        return turn, self.sparsity if self.kind(step) == "sparse" else 0.0

    def lr_factor(self, step: int) -> float:
        """Factor of the pruned networks' learning rate at `step`."""
        return self.grow_lr_factor if self.kind(step) == "dense" else 1.0

    def next_change(self, step: int) -> int:
        """First step after `step` at which masks change."""
        if step < self.warmup:
            return self.warmup
        done = (step - self.warmup) // self.interval
        turn = self.warmup + (done + 1) * self.interval
        return turn if turn <= self.last else sys.maxsize

    def ends_phase(self, step: int) -> bool:
        """Whether a phase is complete once `step` steps are done."""
        return bool(step) and (step > self.last or self(step)[0])


class GeneralSchedule:
    """Gives any `(prune_now, sparsity)` schedule what the callback asks.

    Learning rates stay as they are, and a sparse stretch that the schedule
    never ends counts as complete when training ends.

    Args:
        function: callable of a step. If it has integers `begin_step` and
            `frequency`, as tensorflow-model-optimization's have, only its
            turns are asked; otherwise every step is, once.
        needs_dense: whether a run must end with a dense generator too.
    """

    def __init__(self, function: Callable, needs_dense: bool = True) -> None:
        self.function = function
        self.needs_dense = needs_dense
        self.begin = int(getattr(function, "begin_step", 0))
        self.stride = int(getattr(function, "frequency", 1))
        end = int(getattr(function, "end_step", -1))
        self.end = end if end >= 0 else sys.maxsize

    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks change before this step, and the sparsity from it."""
        prune_now, sparsity = self.function(step)
        # Their sparsities are float32 tensors: 0.7 arrives as 0.69999999.
        return bool(prune_now), round(float(sparsity), 6)

    def lr_factor(self, step: int) -> float:
        """Factor of the pruned networks' learning rate: always 1."""
        return 1.0

    def next_change(self, step: int) -> int:
        """First step after `step` at which masks may change.

        Gives up looking after 1,000 turns and names that step instead, which
        is harmless: the schedule is asked again there.
        """
        if step < self.begin:
            return self.begin
        candidate = step
        for _ in range(1000):
            done = (candidate - self.begin) // self.stride
            candidate = self.begin + (done + 1) * self.stride
            if candidate > self.end:
                return sys.maxsize
            if self(candidate)[0]:
                break
        return candidate

    def ends_phase(self, step: int) -> bool:
        """Whether a phase is complete once `step` steps are done: always."""
        return True


def as_schedule(schedule: Callable) -> Callable:
    """`schedule` itself if it answers all that the callback asks."""
    if hasattr(schedule, "next_change"):
        return schedule
    return GeneralSchedule(schedule)


@dataclass(frozen=True)
class EachStage:
    """A schedule that starts anew in some stages of training.

    Before the first of them training is dense; each begins with the inner
    schedule's warm-up.

    Attributes:
        inner: the `AlternatingSchedule` within a stage.
        starts: steps at which these stages begin, ascending.
    """

    inner: AlternatingSchedule
    starts: tuple[int, ...]

    def _within(self, step: int) -> tuple[int, int]:
        """(start of the stage of `step`, steps since then); before the first
        stage the steps are negative."""
        start = [self.starts[0], *(s for s in self.starts if s <= step)][-1]
        return start, step - start

    def kind(self, step: int) -> str:
        """Kind of the phase that `step` falls into."""
        return self.inner.kind(self._within(step)[1])

    def __call__(self, step: int) -> tuple[bool, float]:
        """Whether masks change before this step, and the sparsity from it."""
        step = int(step)
        turn, sparsity = self.inner(self._within(step)[1])
        return turn or step in self.starts, sparsity

    def lr_factor(self, step: int) -> float:
        """Factor of the pruned networks' learning rate at `step`."""
        return self.inner.lr_factor(self._within(step)[1])

    def next_change(self, step: int) -> int:
        """First step after `step` at which masks may change."""
        start, within = self._within(step)
        later = [s for s in self.starts if s > step]
        return min([start + self.inner.next_change(within), *later])

    def ends_phase(self, step: int) -> bool:
        """Whether a phase is complete once `step` steps are done."""
        return bool(step) and self(step)[0]


def parse_schedule(text: str) -> tuple[str, tuple[float, ...]]:
    """Reads `"polynomial(0,0.8,1000,50000)"` into its name and numbers.

    `polynomial(initial, final, begin, end)` and `constant(sparsity, begin)`
    follow tensorflow-model-optimization's `PolynomialDecay` (power 3) and
    `ConstantSparsity`; masks change every 100 steps, its default.

    Raises:
        UserError: another name, count or range of numbers.
    """
    expected = (
        "--sparsity_schedule must be polynomial(initial,final,begin,end) or "
        "constant(sparsity,begin), sparsities in [0, 1) and steps from 0, "
        f"end after begin. Received: {text!r}"
    )
    name, bracket, rest = text.replace(" ", "").partition("(")
    count = {"polynomial": 4, "constant": 2}.get(name)
    if not count or not bracket or not rest.endswith(")"):
        raise UserError(expected)
    try:
        numbers = ast.literal_eval(f"({rest[:-1]},)")
    except (SyntaxError, ValueError):
        raise UserError(expected) from None
    real = all(type(n) in (int, float) for n in numbers)
    if not real or len(numbers) != count:
        raise UserError(expected)
    sparsities, steps = numbers[: count // 2], numbers[count // 2 :]
    if not all(0 <= s < 1 for s in sparsities) or not all(
        type(n) is int and n >= 0 for n in steps
    ):
        raise UserError(expected)
    if not any(sparsities) or (count == 4 and steps[1] <= steps[0]):
        raise UserError(expected)
    return name, numbers
