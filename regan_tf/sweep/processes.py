"""Child processes, so many at once, each in a share of the machine."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

from regan_tf.sweep.slots import Slot
from regan_tf.train.run_dir import writing

_POLL = 0.1  # seconds


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

    def __init__(
        self, job: Job, slot: Slot, keep_open: IO | None = None
    ) -> None:
        self.job = job
        self.slot = slot
        self._started = time.monotonic()
        with _opened(job.log) as log:
            log.write(f"$ {shlex.join(job.command)}\n".encode())
            log.flush()
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | slot.environment | {"PYTHONUNBUFFERED": "1"},
                pass_fds=() if keep_open is None else (keep_open.fileno(),),
                # Ctrl-C reaches this process only, which passes it on: at a
                # second one, training stops without saving.
                start_new_session=True,
            )
        with contextlib.suppress(ProcessLookupError):  # it has ended
            slot.pin(self._process.pid)

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
        """The last lines that it has written, without empty ones; none if
        its log is gone."""
        try:
            with open(self.job.log, "rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, size - 20_000))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return []
        return [x.rstrip() for x in text.splitlines() if x.strip()][-count:]


def _opened(path: str) -> IO[bytes]:
    with writing(path):
        return open(path, "ab")


class Watcher(Protocol):
    """Who is told what happens."""

    def started(self, child: Child) -> None: ...

    def ended(self, child: Child, stopping: bool) -> None: ...

    def tick(self, running: Sequence[Child]) -> None: ...


def run_all(
    jobs: Sequence[Job],
    slots: Sequence[Slot],
    watcher: Watcher,
    keep_open: IO | None = None,
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
