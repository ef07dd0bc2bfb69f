"""Runs what is left of a sweep, and tells how it goes."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from regan_tf.sweep.plan import CHANGED, DONE, Plan
from regan_tf.sweep.processes import Child, Job, Slot, run_all
from regan_tf.sweep.record import FILE, Record
from regan_tf.tickets.plan import wants_ticket
from regan_tf.train.run_dir import RunDir, lock_folder, writing

_TELL = 60  # seconds from one line on what runs to the next
_TAIL = 65_536  # bytes that surely hold a line of metrics


def train_command(plan: Plan, overwrite: bool = False) -> tuple[str, ...]:
    """The command that trains a run.

    Args:
        plan: the run.
        overwrite: move aside what its directory holds.
    """
    words = [*plan.words, *["--overwrite"] * overwrite]
    return (sys.executable, "-m", "regan_tf.train_main", *words)


def execute(
    run_root: str,
    plans: Sequence[Plan],
    slots: Sequence[Slot],
    *,
    chosen: Sequence[str],
    overwrite: bool = False,
    command: Callable[[Plan, bool], tuple[str, ...]] = train_command,
) -> bool:
    """Runs those of the chosen runs that are not done.

    Args:
        run_root: folder of the sweep.
        plans: all its runs.
        slots: shares of the machine to run them in.
        chosen: names of the runs.
        overwrite: start runs afresh whose directory holds another one.
        command: of a plan, and whether it starts afresh.

    Returns:
        Whether all chosen runs are done now.

    Raises:
        UserError: another sweep uses the folder, or it cannot be written to.
    """
    with writing(run_root):
        os.makedirs(run_root, exist_ok=True)
        lock = lock_folder(
            run_root,
            f"another sweep runs in {run_root}, or training that one has left "
            f"behind; wait for it, stop it (its pid is in {FILE}), or name "
            "another run_root",
        )
    record = Record(run_root, plans)
    mine = [x for x in plans if x.run.name in chosen and x.state != DONE]
    refused = [x for x in mine if x.state == CHANGED and not overwrite]
    record.refuse(refused)
    jobs = []
    for plan in mine:
        if plan not in refused:
            record.expect(plan)
            words = command(plan, plan.state == CHANGED)
            log = os.path.join(run_root, f"{plan.run.name}.log")
            jobs.append(Job(plan.run.name, words, log))
    record.write()
    _say(f"{record.counts(chosen)}, in {run_root}")
    watcher = _Watcher(plans, record, jobs, len(slots))
    try:
        number = run_all(jobs, slots, watcher, keep_open=lock)
    finally:
        record.write()
        if lock is not None:
            lock.close()
    if number is not None:
        _say(
            f"stopped by {signal.Signals(number).name}; the same command "
            "goes on from there"
        )
    _say(record.table(chosen))
    return all(record.runs[name]["state"] == "done" for name in chosen)


def last_step(run_dir: str) -> int | None:
    """The step that a run has last logged, or None."""
    try:
        with open(RunDir(run_dir).metrics, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            return int(json.loads(line)["step"])
        except (ValueError, KeyError, TypeError):
            continue  # being written, or cut off
    return None


def _progress(plan: Plan) -> str:
    """How far a run is, such as " step 4 of 10"; "" before its first log."""
    config = plan.config
    trainings = [("", "")]
    if wants_ticket(config):
        rounds = config.method.rounds
        trainings = [
            (f"round_{x}", f" round {x} of {rounds},")
            for x in reversed(range(rounds + 1))
        ]
    for folder, said in trainings:
        step = last_step(os.path.join(plan.run_dir, folder))
        if step is not None:
            return f"{said} step {step} of {config.training.steps}"
    return ""


class _Watcher:
    """Notes and tells what happens; see `processes.Watcher`."""

    def __init__(
        self,
        plans: Sequence[Plan],
        record: Record,
        jobs: Sequence[Job],
        at_once: int,
    ) -> None:
        self._plans = {plan.run.name: plan for plan in plans}
        self._record = record
        self._total = len(jobs)
        self._at_once = at_once
        self._took: list[float] = []
        self._before = {n: run["seconds"] for n, run in record.runs.items()}
        self._told = time.monotonic()

    def started(self, child: Child) -> None:
        cleared = {"reason": None, "last_lines": None}
        self._note(child, state="running", pid=child.pid, **cleared)

    def ended(self, child: Child, stopping: bool) -> None:
        plan = self._plans[child.job.name]
        self._took.append(child.seconds)
        if plan.is_done():
            facts = {"state": "done"}
        elif stopping or child.code == 0:
            # Training that a signal has stopped saves and ends with 0.
            facts = {"state": "interrupted"}
        else:
            lines = child.last_lines()
            facts = {
                "state": "failed",
                "reason": _reason(child.code, lines),
                "last_lines": lines,
            }
        self._note(child, pid=None, **facts)
        self._tell_end(child, facts)

    def _tell_end(self, child: Child, facts: dict) -> None:
        ended = len(self._took)
        left = (self._total - ended) * sum(self._took) / ended / self._at_once
        reason = f": {facts['reason']}" if "reason" in facts else ""
        rest = f"; about {_lasting(left)} left" if left else ""
        _say(
            f"[{ended}/{self._total}] {child.job.name} {facts['state']} after "
            f"{_lasting(child.seconds)}{reason}{rest}"
        )

    def tick(self, running: Sequence[Child]) -> None:
        if not running or time.monotonic() - self._told < _TELL:
            return
        self._told = time.monotonic()
        steps = []
        for child in running:
            self._note(child)
            name = child.job.name
            steps.append(f"{name}{_progress(self._plans[name])}")
        _say(f"{time.strftime('%H:%M')} {', '.join(steps)}")

    def _note(self, child: Child, **facts) -> None:
        name = child.job.name
        seconds = self._before[name] + child.seconds
        self._record.note(name, seconds=seconds, **facts)
        self._record.write()


def _reason(code: int, lines: Sequence[str]) -> str:
    """Why a process has failed, in a line."""
    said = lines[-1][:300] if lines else "it said nothing"
    ending = f"signal {-code}" if code < 0 else f"status {code}"
    return f"{said} ({ending})"


def _lasting(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _say(text: str) -> None:
    print(text, flush=True)
