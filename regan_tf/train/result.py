"""The result of a finished run, small enough to keep with the code."""

import json
import os
import subprocess
from collections.abc import Iterable
from typing import Any

from regan_tf.metrics.score_lines import (
    Line,
    is_distance,
    is_inception_score,
    names_in,
    unlike,
)
from regan_tf.train.run_dir import versions

Curves = dict[str, dict[str, list]]


def result_of(
    name: str,
    flags_text: str,
    summary: dict[str, Any],
    curves: Curves,
) -> dict:
    """What a table of results needs to know of a run, JSON-ready.

    Args:
        name: of the run.
        flags_text: the run as a flag file.
        summary: its `summary.json`.
        curves: as `curves_of` its score lines.

    Returns:
        Dict of the name, the commit of the code (None outside of git; with
        "+" if files differ from it), threads, versions, flags, training time,
        images shown, for each half its final and its best scores, and curves.
    """
    scores = {
        when: {k: _figures(v) for k, v in summary[when].items() if v}
        for when in ("final", "best")
    }
    return {
        "name": name,
        "commit": commit(),
        "threads": threads(),
        "versions": versions(),
        "flags": flags_without_folders(flags_text),
        "steps": summary["steps"],
        "images_shown": summary["cost"]["images_shown"],
        "train_seconds": round(summary["train_seconds"]),
        **scores,
        "curves": curves,
    }


def curves_of(lines: Iterable[Line], final: dict[str, Line | None]) -> Curves:
    """What changes in training, for each half that has scores at the end.

    Args:
        lines: all score lines of a run, in order, each with its "kind",
            "of_step" and "protocol".
        final: the last ones, by half; lines of another protocol are left out.

    Returns:
        By half, columns with an entry for each generator that was scored:
        "images_shown", the distance, the Inception score and
        "mse_to_previous"; None where a line lacks one.
    """
    curves = {}
    for kind, last in final.items():
        if last is None:
            continue
        known = {
            line["of_step"]: line  # the later one is the more thorough
            for line in lines
            if line["kind"] == kind and not unlike(line, last)
        }
        found = [_figures(known[step]) for step in sorted(known)]
        curves[kind] = {
            name: [one.get(name) for one in found]
            for name in ("images_shown", *filter(_draws, names_in(found)))
        }
    return curves


def _draws(name: str) -> bool:
    moves = name == "mse_to_previous"
    return is_distance(name) or is_inception_score(name) or moves


def keep_origin(result: dict[str, Any], path: str) -> None:
    """Gives a run that was finished before, and has trained no more, the
    commit, threads and versions that it was trained with.

    Args:
        result: as `result_of`; changed in place.
        path: where the earlier one is, if there is one; one that is damaged
            counts as none.
    """
    try:
        with open(path, encoding="utf-8") as file:
            before = json.load(file)
        if all(before[x] == result[x] for x in ("flags", "images_shown")):
            result |= {x: before[x] for x in ("commit", "threads", "versions")}
    except (OSError, ValueError, KeyError, TypeError):
        return


def flags_without_folders(flags_text: str) -> list[str]:
    """The flags of a flag file; of paths among them only the last part."""
    return [_without_folders(x) for x in flags_text.splitlines() if x]


def _without_folders(flag: str) -> str:
    """A flag whose value, if it is a path, is only the path's last part."""
    name, is_set, value = flag.partition("=")
    return f"{name}{is_set}{os.path.basename(value.rstrip('/'))}"


def _figures(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores without lists and tables; of numbers five digits."""
    kept = {}
    for name, value in scores.items():
        if isinstance(value, float):
            kept[name] = float(f"{value:.5g}")
        elif isinstance(value, int | str):
            kept[name] = value
    # Whole: scores of an unlike field do not compare.
    kept["protocol"] = scores.get("protocol") or {}
    return kept


def commit() -> str | None:
    """The commit that this package is of, in short; None if unknown."""
    folder = os.path.dirname(os.path.abspath(__file__))

    def git(*words: str) -> str:
        command = ["git", "-C", folder, *words]
        found = subprocess.run(
            command, capture_output=True, check=True, text=True
        )
        return found.stdout.strip()

    try:
        # Not that of a repository which the package is only installed in.
        git("ls-files", "--error-unmatch", os.path.abspath(__file__))
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return None


def threads() -> int:
    """Threads that an operation computes with; results depend on it."""
    import tensorflow as tf

    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return chosen or len(os.sched_getaffinity(0))
    return chosen or os.cpu_count()
