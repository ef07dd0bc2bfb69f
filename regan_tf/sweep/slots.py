"""Shares of the machine that runs of a sweep have for themselves."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from regan_tf.config.checks import check

_CAN_PIN = hasattr(os, "sched_setaffinity")  # not everywhere


@dataclass(frozen=True)
class Slot:
    """A share of the machine for one process at a time.

    Attributes:
        cores: that it may use; empty: all.
        environment: variables that it finds beside the usual ones.
    """

    cores: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def pin(self, pid: int) -> None:
        """Keeps a process on the cores, where the system can."""
        if self.cores and _CAN_PIN:
            os.sched_setaffinity(pid, self.cores)


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
    check(jobs >= 1, "jobs", "at least 1", jobs)
    if gpus:
        several = len(set(gpus)) == len(gpus) >= jobs
        check(several, "gpus", f"{jobs} unlike GPUs, one a job", ",".join(gpus))
    there = _cores()
    check(
        0 <= cores <= len(there) // jobs,
        "cores_per_job",
        f"from 0 to {len(there) // jobs}: {jobs} jobs share {len(there)} cores",
        cores,
    )
    return [
        Slot(
            tuple(there[cores * i : cores * (i + 1)]),
            _environment(cores, gpus[i : i + 1]),
        )
        for i in range(jobs)
    ]


def _environment(cores: int, gpus: Sequence[str]) -> dict[str, str]:
    found = {"CUDA_VISIBLE_DEVICES": gpus[0]} if gpus else {}
    if cores and not _CAN_PIN:
        found["TF_NUM_INTRAOP_THREADS"] = str(cores)
    return found


def _cores() -> list[int]:
    if _CAN_PIN:
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
