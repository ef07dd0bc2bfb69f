"""What there is to do: the runs of a grid checked, and how far each is."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from regan_tf import flags, train_main  # noqa: F401 (defines the flags)
from regan_tf.config import ExperimentConfig
from regan_tf.config.record import may_change
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.run import checked_ahead
from regan_tf.sweep.grid import Grid, Run
from regan_tf.tickets.plan import wants_ticket
from regan_tf.train.result import flags_without_folders
from regan_tf.train.run_dir import RunDir

DONE, BEGUN, NEW, CHANGED = "done", "begun", "new", "changed"


@dataclass(frozen=True)
class Plan:
    """A checked run.

    Attributes:
        run: as the grid has it.
        run_dir: its directory.
        config: its configuration; durations are steps if that is known
            without loading images.
        flags: as a result records them, of paths only the last part.
        state: `DONE`: its result is there, made with these very flags;
            `CHANGED`: the directory holds a run with flags that no resume may
            change; `BEGUN`: with others at most; `NEW`: no run.
        changed: which flags, in words.
    """

    run: Run
    run_dir: str
    config: ExperimentConfig
    flags: tuple[str, ...]
    state: str
    changed: str = ""

    def is_done(self) -> bool:
        """Whether its result is there by now."""
        return _is_done(RunDir(self.run_dir), self.flags)

    @property
    def words(self) -> list[str]:
        """What `train_main.py` is called with."""
        return [*self.run.words, f"--run_dir={self.run_dir}"]

    @property
    def images_shown(self) -> int | None:
        """Real images that all its training shows; None if not known."""
        steps = self.config.training.steps
        if isinstance(steps, Duration):
            return None
        images = self.config.stages.images_at(steps)
        return self.config.method.trainings * images


def make_plans(grid: Grid) -> list[Plan]:
    """Checks every run of a grid, and looks how far each is.

    Raises:
        UserError: the flags of a run do not make one, or two runs are the
            same; it names them.
    """
    plans: list[Plan] = []
    seen: dict[str, str] = {}
    for run in grid.runs:
        run_dir = grid.run_dir(run)
        try:
            config, text = flags.read(run.words, run_dir)
            with _no_gpu():
                config = checked_ahead(config)
        except UserError as error:
            raise UserError(f"run {run.name}: {error}") from None
        if text in seen:
            raise UserError(
                f"runs {seen[text]} and {run.name} are the same: all their "
                "flags are; leave one out, or look for a flag that both an "
                "axis and a later one set"
            )
        seen[text] = run.name
        short = tuple(flags_without_folders(text))
        state = _state(RunDir(run_dir), short, _may_change(config))
        plans.append(Plan(run, run_dir, config, short, *state))
    return plans


def check_paths(plans: Sequence[Plan]) -> None:
    """Checks that the images of all runs are there.

    Raises:
        UserError: they are not.
    """
    for plan in plans:
        path = plan.config.data.path
        if path and not os.path.exists(os.path.expanduser(path)):
            raise UserError(
                f"run {plan.run.name}: --data_path must be a folder or zip of "
                f"images. Received: {path!r}, where there is nothing"
            )


@contextlib.contextmanager
def _no_gpu() -> Iterator[None]:
    """Hides GPUs from TensorFlow, which some schedules load to be checked.

    It would take the memory that the runs need.
    """
    name = "CUDA_VISIBLE_DEVICES"
    before = os.environ.get(name)
    os.environ[name] = ""
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def _is_done(run_dir: RunDir, new: Sequence[str]) -> bool:
    try:
        with open(run_dir.result, encoding="utf-8") as file:
            return json.load(file)["flags"] == list(new)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not there or damaged: training writes it anew


def _may_change(config: ExperimentConfig) -> set[str]:
    """Flags that `train_main.py` lets a resume of a run change."""
    settings = may_change(config.method.prune, config.method.method)
    names = {x.partition(".")[2] for x in settings} | {"data_path"}
    # Its rounds would be of unlike lengths.
    return names - {"steps"} if wants_ticket(config) else names


def _state(
    run_dir: RunDir, new: Sequence[str], free: Set[str]
) -> tuple[str, str]:
    """The state of a run, and what has changed that is not free to."""
    if _is_done(run_dir, new):
        return DONE, ""
    try:
        with open(run_dir.flags, encoding="utf-8") as file:
            old = flags_without_folders(file.read())
    except (OSError, ValueError):
        return NEW, ""
    gone, come = _without(old, new, free), _without(new, old, free)
    if gone or come:
        return CHANGED, f"{gone or 'no flag'} → {come or 'no flag'}"
    return BEGUN, ""


def _without(
    flags_: Sequence[str], others: Sequence[str], free: Set[str]
) -> str:
    """What must not change of some flags, but for what is among others."""
    return " ".join(
        flag
        for flag in flags_
        if flag not in others and flag.partition("=")[0].lstrip("-") not in free
    )
