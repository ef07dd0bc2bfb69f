"""What a schedule comes to over a run: phases, turns, and whether they fit.

Plain Python, importable without TensorFlow.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from regan_tf.errors import UserError
from regan_tf.regan.schedule import as_schedule


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
            new_kind = _kind(schedule, step, asked, kind)
            if new_kind != kind and step > start:
                factor = schedule.lr_factor(start)
                yield Phase(kind, start, step, sparsity, factor, True)
                start = step
            kind, sparsity = new_kind, asked
        step = schedule.next_change(step)
    complete = schedule.ends_phase(steps)
    factor = schedule.lr_factor(start)
    yield Phase(kind, start, steps, sparsity, factor, complete)


def _kind(schedule, step, asked, before):
    """Kind of the phase from a change of masks on."""
    if hasattr(schedule, "kind"):
        return schedule.kind(step)
    if asked:
        return "sparse"
    return before if before == "warm-up" else "dense"


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
        first = 0 if schedule(0)[0] else schedule.next_change(0)
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
