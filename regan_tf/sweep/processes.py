"""Child processes, so many at once, each in a share of the machine."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from regan_tf.errors import UserError

_POLL = 0.1  # seconds


@dataclass(frozen=True)
class Slot:
    """A share of the machine for one process at a time.

    Attributes:
        cores: that it may use; empty: all.
        environment: variables that it finds beside the usual ones.
    """

    cores: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def make_slots(
    jobs: int | None, cores: int = 0, gpus: Sequence[str] = ()
) -> list[Slot]:
    """Shares of the machine that have no core and no GPU in common.

    Args:
        jobs: how many; None: one for each GPU, or 1 without.
        cores: of each; 0: all share all.
        gpus: as in CUDA_VISIBLE_DEVICES, one for each share; none: all share
            all.

    Raises:
        UserError: there are not so many.
    """
    jobs = len(gpus) or 1 if jobs is None else jobs
    _check(jobs >= 1, "jobs", "at least 1", jobs)
    if gpus:
        several = len(set(gpus)) == len(gpus) >= jobs
        _check(
            several, "gpus", f"{jobs} unlike GPUs, one a job", ",".join(gpus)
        )
    there = _cores()
    _check(
        0 <= cores <= len(there) // jobs,
        "cores_per_job",
        f"from 0 to {len(there) // jobs}: {jobs} jobs share {len(there)} cores",
        cores,
    )
    slots = []
    for i in range(jobs):
        visible = {"CUDA_VISIBLE_DEVICES": gpus[i]} if gpus else {}
        slots.append(Slot(tuple(there[cores * i : cores * (i + 1)]), visible))
    return slots


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _check(good: bool, flag: str, expected: str, value: object) -> None:
    if not good:
        raise UserError(f"--{flag} must be {expected}. Received: {value}")


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: unlike those of all others.
        command: its words.
        log: file that its output is appended to.
    """

    name: str
    command: tuple[str, ...]
    log: str


class Child:
    """A job's process, running or ended.

    Args:
        job: the job.
        slot: its share of the machine.
        keep_open: file that it holds open as long as it lives, or None.
    """

    def __init__(self, job: Job, slot: Slot, keep_open=None) -> None:
        self.job = job
        self.slot = slot
        self._started = time.monotonic()
        unbuffered = {"PYTHONUNBUFFERED": "1"}
        threads = {}
        if slot.cores and not hasattr(os, "sched_setaffinity"):
            threads = {"TF_NUM_INTRAOP_THREADS": str(len(slot.cores))}
        with open(job.log, "ab") as log:
            log.write(f"$ {shlex.join(job.command)}\n".encode())
            log.flush()
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | unbuffered | threads | slot.environment,
                pass_fds=() if keep_open is None else (keep_open.fileno(),),
                # Ctrl-C reaches this process only, which passes it on: at a
                # second one, training stops without saving.
                start_new_session=True,
            )
        if slot.cores and not threads:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(self._process.pid, slot.cores)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Exit status, negative that of a signal; None while it runs."""
        return self._process.poll()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._started

    def send(self, number: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def last_lines(self, count: int = 10) -> list[str]:
        """The last lines that it has written, without empty ones."""
        with open(self.job.log, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - 20_000))
            text = log.read().decode("utf-8", "replace")
        return [x.rstrip() for x in text.splitlines() if x.strip()][-count:]


class Watcher(Protocol):
    """Who is told what happens."""

    def started(self, child: Child) -> None: ...

    def ended(self, child: Child, stopping: bool) -> None: ...

    def tick(self, running: Sequence[Child]) -> None: ...


def run_all(
    jobs: Sequence[Job], slots: Sequence[Slot], watcher: Watcher, keep_open=None
) -> int | None:
    """Runs jobs in order, one in each slot at a time.

    SIGINT and SIGTERM are passed on to what runs, and nothing more starts.
    However this ends, so do the processes.

    Args:
        jobs: what to run.
        slots: shares of the machine.
        watcher: is told of each start and each end, and often in between.
        keep_open: file that processes hold open as long as they live, such as
            a lock, or None.

    Returns:
        The first signal received, or None.
    """
    waiting, free = deque(jobs), deque(slots)
    running: list[Child] = []
    passed_on = 0
    with _signals() as received:
        try:
            while running or (waiting and not received):
                while waiting and free and not received:
                    child = Child(waiting.popleft(), free.popleft(), keep_open)
                    running.append(child)
                    watcher.started(child)
                time.sleep(_POLL)
                for number in received[passed_on:]:
                    passed_on += 1
                    for child in running:
                        child.send(number)
                for child in [x for x in running if x.code is not None]:
                    running.remove(child)
                    free.append(child.slot)
                    watcher.ended(child, bool(received))
                watcher.tick(running)
        finally:
            for child in running:
                child.send(signal.SIGTERM)
            while any(child.code is None for child in running):
                time.sleep(_POLL)
    return received[0] if received else None


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects signals instead of ending at them."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
