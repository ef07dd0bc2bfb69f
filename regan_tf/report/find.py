"""Paths of the command line to the runs that are there."""

import os
from collections.abc import Iterator, Sequence

from regan_tf.errors import UserError

FILES = ("config.json", "flags.txt", "scores.jsonl", "summary.json")
_MARKS = ("config.json", "flags.txt", "summary.json")
_TICKET = "ticket.json"
_DEEPEST = 3  # a sweep of tickets: folder, run, round
# What a run that is moved aside, and a write that is cut off, leave behind.
_LEFTOVERS = (".tmp", ".old")


def find_sources(paths: Sequence[str]) -> list[str]:
    """The run directories and result files at some paths, sorted.

    A ticket's directory stands for itself and for its rounds. A folder that
    is no run directory stands for those in it, and for the JSON files in it
    where it holds no run directory; one with neither stands for itself.

    Args:
        paths: run directories, result files, or folders of such.

    Raises:
        UserError: there is nothing at a path.
    """
    found: dict[str, str] = {}
    for path in paths:
        if not os.path.exists(path):
            raise UserError(
                f"no such file or directory: {path!r}; name run directories, "
                "result files, or folders of such"
            )
        for source in _sources(path, _DEEPEST):
            found.setdefault(os.path.realpath(source), os.path.normpath(source))
    return sorted(found.values())


def _sources(path: str, depth: int) -> Iterator[str]:
    inside = _inside(path) if os.path.isdir(path) and depth else []
    folders = [x for x in inside if os.path.isdir(x)]
    holds_runs = any(map(_is_run, folders))
    if not inside or (_is_run(path) and not holds_runs):
        yield path
        return
    found = [x for folder in folders for x in _sources(folder, depth - 1)]
    if is_ticket(path):
        found.append(path)
    elif not holds_runs:  # what is beside runs is of their sweep or ticket
        found += [x for x in inside if x.endswith(".json")]
    yield from found or [path]


def _inside(path: str) -> list[str]:
    names = [x for x in sorted(os.listdir(path)) if not _left_over(x)]
    return [os.path.join(path, name) for name in names]


def _is_run(path: str) -> bool:
    return any(os.path.exists(os.path.join(path, name)) for name in _MARKS)


def is_ticket(path: str) -> bool:
    """Whether a folder is the directory of a lottery ticket."""
    return os.path.exists(os.path.join(path, _TICKET))


def _left_over(name: str) -> bool:
    return name.startswith(".") or name.endswith(_LEFTOVERS) or ".old-" in name
