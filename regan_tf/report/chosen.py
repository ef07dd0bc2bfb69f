"""The best and the last score lines of a run, checked."""

import json
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import Line, in_words, is_distance, unlike
from regan_tf.report.identity import Config

KINDS = ("sparse", "dense")
# Where the documents hold the best and the last line of each half.
_WHEN = {"best": "best", "last": "final"}
_MOST_IMAGES = 10**12

Note = Callable[[str], None]


def among(lines: Sequence[Line], wanted: Line, at: tuple[str, str]) -> Line:
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


def load(path: str) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        UserError: the file is no such, or cut off.
    """
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError):
        raise UserError(f"{name} is cut off, or no JSON") from None
    if not isinstance(document, dict):
        raise UserError(f"{name} is no JSON object")
    return document


def chosen_of(document: dict[str, Any]) -> dict[tuple[str, str], Line]:
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


def any_of(chosen: dict[tuple[str, str], Line]) -> Line:
    """Any of the lines: what they must share to compare, all have."""
    return next(iter(chosen.values()))


def check_chosen(chosen: dict[tuple[str, str], Line]) -> None:
    """Refuses mixed protocols, and a best that is worse than the last."""
    first = any_of(chosen)
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


def whole(line: Line, config: Config) -> Line:
    """A line of a result that holds a part of its protocol, as all once did:
    with what the flags tell of reference and network."""
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


def in_five_digits(line: Line) -> Line:
    """The line with its fraction of the images as result files have it, so
    that a run directory and a result of one fraction compare."""
    share = line.get("data_fraction")
    known = isinstance(share, float) and math.isfinite(share)
    return line | {"data_fraction": float(f"{share:.5g}")} if known else line


def finite(line: Line, at: tuple[str, str], note: Note) -> Line:
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
