"""When, and how much: from a step to "prune now?" and a sparsity.

Plain Python, importable without TensorFlow. `step` counts completed steps:
a schedule is asked with 0 before the first step.

The protocol is that of tensorflow-model-optimization: an object that, called
with a step, returns `(prune_now, sparsity)`. "Prune now" at sparsity 0 means
that every mask becomes ones, which is Re-GAN's growing.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from regan_tf.errors import UserError
from regan_tf.regan.steady import SteadySchedule


@dataclass(frozen=True)
class Phase:
    """A stretch of training of one kind.

    Attributes:
        kind: "warm-up", "sparse" or "dense".
        start: step at which it begins.
        end: step at which it ends (exclusive).
        sparsity: fraction removed at its end, in [0, 1).
        lr_factor: multiplies the pruned networks' learning rate.
        complete: whether training reaches the phase's own end.
    """

    kind: str
    start: int
    end: int
    sparsity: float
    lr_factor: float
    complete: bool


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


def phases(schedule: Callable, steps: int) -> Iterator[Phase]:
    """The timetable of a run of `steps` steps, one phase after another.

    Args:
        schedule: an answer of `as_schedule`.
        steps: total steps of the run.

    Yields:
        Phases that cover [0, steps) without gaps.
    """
    start, step, sparsity, kind = 0, 0, 0.0, "warm-up"
    while step < steps:
        prune_now, asked = schedule(step)
        if prune_now:
            new_kind = "sparse" if asked else "dense"
            if asked == 0 and kind == "warm-up":
                new_kind = kind
            if new_kind != kind and step > start:
                factor = schedule.lr_factor(start)
                yield Phase(kind, start, step, sparsity, factor, True)
                start = step
            kind, sparsity = new_kind, asked
        step = schedule.next_change(step)
    complete = schedule.ends_phase(steps)
    factor = schedule.lr_factor(start)
    yield Phase(kind, start, steps, sparsity, factor, complete)


@dataclass(frozen=True)
class EachStage:
    """A schedule that starts anew in some stages of training.

    Before the first of them, and at the start of each, training is dense.

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


def make_schedule(config) -> Callable | None:
    """The schedule that an `ExperimentConfig` (in steps) asks for.

    Methods, each counted from the start of the last stage of training but for
    "regan", which may have phases in all:

    - "regan": `AlternatingSchedule` of the paper, or --sparsity_schedule.
    - "acdc" (Peste et al. 2021, arXiv:2106.12379): the same at one learning
      rate. Nothing ends the last sparse phase that has its full length: it
      goes on to the end of training, for less than three. (The authors' CIFAR
      runs do so; on ImageNet they lengthen the last dense phase too.)
    - "gmp" (Zhu & Gupta 2017, arXiv:1710.01878): `PolynomialDecay` of
      tensorflow-model-optimization.
    - "one_shot", "random": `SteadySchedule`, whose masks stay.
    - "set", "rigl": `SteadySchedule`, whose masks change until three quarters
      of the run.
    - "fixed": `SteadySchedule` from step 0 of all stages.

    Returns:
        None if nothing is pruned.

    Raises:
        UserError: the run is too short for its method.
    """
    method = config.method
    if method.prune == "none":
        return None
    return _MAKERS[method.method](config)


def _regan(config) -> Callable:
    method = config.method
    if method.sparsity_schedule:
        # Loads TensorFlow, which the alternation does not need.
        from regan_tf.regan.tfmot_bridge import schedule_from_text

        return schedule_from_text(method.sparsity_schedule)
    alternation = AlternatingSchedule(
        method.sparsity,
        method.warmup,
        method.update_interval,
        method.grow_lr_factor,
    )
    starts = tuple(stage.start for stage in config.stages)
    if method.regan_stages == "last":
        starts = starts[-1:]
    return alternation if starts == (0,) else EachStage(alternation, starts)


def _acdc(config) -> Callable:
    method, begin = config.method, _begin(config)
    interval = method.update_interval
    whole = (config.training.steps - begin) // interval
    last = begin + (whole - 1) // 2 * 2 * interval
    return AlternatingSchedule(
        method.sparsity,
        begin,
        interval,
        grow_lr_factor=1.0,
        last=last if whole > 0 else sys.maxsize,
    )


def _gmp(config) -> Callable:
    from regan_tf.regan.tfmot_bridge import gradual_schedule

    begin, end = _changing(config)
    interval = config.method.update_interval
    # The sparsity asked for is reached at a turn or never.
    end = begin + (end - begin) // interval * interval
    return gradual_schedule(config.method.sparsity, begin, end, interval)


def _steady(config) -> Callable:
    return SteadySchedule(config.method.sparsity, _begin(config))


def _fixed(config) -> Callable:
    return SteadySchedule(config.method.sparsity, 0)


def _exchanging(config) -> Callable:
    method = config.method
    begin, end = _changing(config)
    return SteadySchedule(method.sparsity, begin, method.update_interval, end)


def _begin(config) -> int:
    """Step of the first masks, in the last stage."""
    return config.stages.last.start + config.method.warmup


def _changing(config) -> tuple[int, int]:
    """Steps from and until which masks change."""
    method, start = config.method, config.stages.last.start
    begin = _begin(config)
    end = start + 3 * (config.training.steps - start) // 4
    if end - begin <= method.update_interval:
        raise UserError(
            f"--method={method.method} must change masks again before three "
            f"quarters of the run, step {end}; raise --steps, or lower "
            "--warmup or --update_interval. Received: first masks at step "
            f"{begin}, --update_interval={method.update_interval}"
        )
    return begin, end


_MAKERS = {
    "regan": _regan,
    "acdc": _acdc,
    "gmp": _gmp,
    "one_shot": _steady,
    "random": _steady,
    "set": _exchanging,
    "rigl": _exchanging,
    "fixed": _fixed,
}


def turns(schedule: Callable, steps: int) -> Iterator[tuple[int, float]]:
    """(step, sparsity from it) of each change of masks in a run."""
    step = 0
    while step < steps:
        prune_now, sparsity = schedule(step)
        if prune_now:
            yield step, sparsity
        step = schedule.next_change(step)


def check_timetable(schedule: Callable, steps: int, start: int = 0) -> None:
    """Refuses a run that cannot end with the generators of its method: a
    sparse one, and a dense one where the method alternates.

    Args:
        schedule: of the run.
        steps: total steps of the run.
        start: step from which on generators are of the last resolution, with
            all layers faded in; phases that end before do not count.

    Raises:
        UserError: no sparse phase completes, or nothing dense comes before
            or after it.
    """
    schedule = as_schedule(schedule)
    complete, dense = False, not getattr(schedule, "needs_dense", True)
    for phase in phases(schedule, steps):
        if phase.end <= start:
            continue
        complete |= phase.kind == "sparse" and phase.complete
        dense |= phase.kind != "sparse"
        if complete and dense:
            return
    if start and not complete:
        raise UserError(
            f"--steps={steps} completes no sparse phase after step {start}, "
            "where the last resolution has faded in; raise --steps, or lower "
            "--warmup, --update_interval or --fade_kimg, or pass --prune=none"
        )
    if not complete:
        first = schedule.next_change(0)
        when = f"step {first}" if first < sys.maxsize else "no step"
        raise UserError(
            f"--steps={steps} completes no sparse phase (masks first change at "
            f"{when}); raise --steps, or lower --warmup or --update_interval, "
            "or pass --prune=none. A --sparsity_schedule changes masks every "
            "100 steps from its begin to its end"
        )
    raise UserError(
        f"--steps={steps} has no dense phase to take the dense generator "
        "from; raise --steps or --warmup"
    )


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
