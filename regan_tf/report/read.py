"""Run directories and result files, read and not believed."""

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import (
    Line,
    in_words,
    is_distance,
    like_last,
    read_scores,
    unlike,
)
from regan_tf.report.find import FILES, find_sources
from regan_tf.report.identity import Config, asked, identity, recorded
from regan_tf.tables import labels

KINDS = ("sparse", "dense")
# Where the documents hold the best and the last line of each half.
_WHEN = {"best": "best", "last": "final"}

_MOST_IMAGES = 10**12

Note = Callable[[str], None]


class LeftOut(NamedTuple):
    """What is not reported, and why, in one line."""

    source: str
    reason: str


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, as its files tell.

    Attributes:
        path: run directory or result file.
        label: the shortest end of the path that tells it from the others.
        config: its `identity`.
        seed: of its training.
        eval_every: steps from one score to the next.
        chosen: score lines by (half, "best" or "last"), alike in protocol.
        lines: score lines of all its training that compare with those; none
            of a result file.
        versions: of the packages that it was trained with.
    """

    path: str
    label: str
    config: Config
    seed: int
    eval_every: Any
    chosen: dict[tuple[str, str], Line]
    lines: list[Line] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> Line:
        """Any of the chosen lines: what it must share to compare, all have."""
        return next(iter(self.chosen.values()))


def read_runs(paths: Sequence[str]) -> tuple[list[Run], list[LeftOut]]:
    """Reads what is at some paths, as `find_sources` finds it.

    Returns:
        The runs, in order of their paths, and what of them is left out.

    Raises:
        UserError: there is nothing at a path.
    """
    sources = find_sources(paths)
    names = labels(sources)
    runs: list[Run] = []
    left_out: list[LeftOut] = []
    for path in sources:
        label = names[path].removesuffix(".json")

        def note(reason: str, label: str = label) -> None:
            left_out.append(LeftOut(label, reason))

        try:
            runs.append(_read(path, label, note))
        except UserError as error:
            note(one_line(error))
        except Exception as error:  # whatever a damaged file leads to
            note(f"damaged ({type(error).__name__}: {one_line(error)})")
    return runs, left_out


def one_line(error: Exception) -> str:
    """An error's words in one line, cut where they are many."""
    return " ".join(str(error).split())[:300]


def _read(path: str, label: str, note: Note) -> Run:
    reader = _read_folder if os.path.isdir(path) else _read_result
    return reader(path, label, note)


def _read_folder(path: str, label: str, note: Note) -> Run:
    there = {x for x in FILES if os.path.exists(os.path.join(path, x))}
    if not there & {*FILES} - {"scores.jsonl"}:
        raise UserError("no run directory: none of a run's files is there")
    for name in FILES:
        if name not in there:
            unfinished = name == "summary.json"
            more = "; the run has not finished" if unfinished else ""
            raise UserError(f"has no {name}{more}")
    record = _load(os.path.join(path, "config.json"))
    summary = _load(os.path.join(path, "summary.json"))
    with open(os.path.join(path, "flags.txt"), encoding="utf-8") as file:
        config = recorded(record["config"], file.read())
    steps = config["training.steps"], summary["steps"]
    if steps[0] != steps[1]:
        raise UserError(
            f"config.json says {steps[0]} steps, summary.json {steps[1]}"
        )
    lines = like_last(path, read_scores(path, note), note=note)
    chosen = {
        at: _among(lines, line, at) for at, line in _chosen(summary).items()
    }
    return _run(path, label, config, chosen, note, lines, record["versions"])


def _among(lines: Sequence[Line], wanted: Line, at: tuple[str, str]) -> Line:
    """The score line that the summary repeats."""
    # As text, in which not-a-number equals itself.
    text = json.dumps(wanted, sort_keys=True)
    for line in reversed(lines):
        part = {name: line.get(name) for name in wanted}
        if json.dumps(part, sort_keys=True) == text:
            return line
    kind, which = at
    raise UserError(
        f"summary.json has a {which} score of the {kind} half that "
        "scores.jsonl lacks, or has under another protocol"
    )


def _read_result(path: str, label: str, note: Note) -> Run:
    result = _load(path)
    missing = [x for x in ("flags", "final", "best") if x not in result]
    if missing:
        raise UserError(f"no result of a run: it has no {missing[0]!r}")
    chosen = _chosen(result)
    config = asked(result["flags"], _any_of(chosen)["num_training"])
    if config["training.steps"] != result["steps"]:
        raise UserError(
            f"its flags say {config['training.steps']} steps, the result "
            f"{result['steps']}"
        )
    chosen = {at: _whole(line, config) for at, line in chosen.items()}
    return _run(path, label, config, chosen, note, [], result["versions"])


def _run(path, label, config, chosen, note, lines, versions) -> Run:
    _check_chosen(chosen)
    _check_counts(config)
    return Run(
        path,
        label,
        identity(config),
        config["training.seed"],
        config["output.eval_every"],
        {at: _finite(line, at, note) for at, line in chosen.items()},
        lines,
        dict(versions),
    )


def _load(path: str) -> dict[str, Any]:
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError):
        raise UserError(f"{name} is cut off, or no JSON") from None
    if not isinstance(document, dict):
        raise UserError(f"{name} is no JSON object")
    return document


def _chosen(document: dict[str, Any]) -> dict[tuple[str, str], Line]:
    """The best and the last line of each half that has one."""
    found = {
        (kind, which): _without_distance({"kind": kind} | line)
        for kind in KINDS
        for which, name in _WHEN.items()
        if (line := document[name].get(kind))
    }
    if not found:
        raise UserError("has no scores")
    for (kind, which), line in found.items():
        right = isinstance(line.get("protocol"), dict)
        if not right or line["kind"] != kind:
            raise UserError(f"the {which} {kind} score is no score line of it")
    return found


def _without_distance(line: Line) -> Line:
    # A copy of the figure that the best was chosen by.
    return {name: x for name, x in line.items() if name != "distance"}


def _any_of(chosen: dict[tuple[str, str], Line]) -> Line:
    return next(iter(chosen.values()))


def _check_counts(config: Config) -> None:
    for name in ("training.seed", "training.steps", "output.eval_every"):
        if type(config[name]) is not int:
            raise UserError(
                f"its configuration has a {name} of {in_words(config[name])}"
            )


def _check_chosen(chosen: dict[tuple[str, str], Line]) -> None:
    """Refuses mixed protocols, and a best that is worse than the last."""
    first = _any_of(chosen)
    for line in chosen.values():
        count = line.get("num_training")
        if type(count) is not int or not 1 <= count < _MOST_IMAGES:
            raise UserError(
                "its scores do not say how many images it was trained on: "
                f"num_training is {in_words(count)}"
            )
        for name, a, b in unlike(first, line):
            raise UserError(
                f"its best and last scores do not compare: {name} is "
                f"{in_words(a)} and {in_words(b)}"
            )
    for kind in KINDS:
        best, last = (chosen.get((kind, which), {}) for which in _WHEN)
        for name in filter(is_distance, best):
            if last.get(name, math.inf) < best[name]:
                raise UserError(
                    f"the best {name} of the {kind} half is {best[name]:g}, "
                    f"and its last {last[name]:g}"
                )


def _whole(line: Line, config: Config) -> Line:
    """A line of a result that has its protocol in part, as those before
    version 0.2: with what its flags tell of reference and network."""
    protocol = line["protocol"]
    if "reference_sha256" in protocol:
        return line
    images = os.path.basename(config["data.path"] or config["data.dataset"])
    distance = next(filter(is_distance, line), "")
    network = distance.removeprefix("fd_")
    known = {
        "reference_set": f"{images} {protocol.get('reference')}",
        "reference_images": [images, *config["data.classes"]],
        "resolution": config["data.resolution"],
        "feature_network": "inception" if distance == "fid" else network,
    }
    return line | {"protocol": known | protocol}


def _finite(line: Line, at: tuple[str, str], note: Note) -> Line:
    """The line without figures that are not finite."""
    bad = [
        name
        for name, value in line.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    if bad:
        kind, which = at
        note(
            f"of the {which} {kind} score: {', '.join(bad)} (not finite; the "
            "rest is reported)"
        )
    return {n: x for n, x in line.items() if n not in bad}
