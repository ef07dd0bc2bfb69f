"""Lines of scores: reading them, and which of them compare.

Importable without TensorFlow.
"""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from regan_tf.errors import UserError

Line = dict[str, Any]

MISSING = "missing"  # what `unlike` gives for a field that a line lacks
# Another draw under the same protocol; and a name, where the hash counts.
_FREE = ("latent_seed", "reference_set")
_MEND = "name a run directory with a scores.jsonl, or a file of score lines"


def note(text: str) -> None:
    """Prints a remark that stops nothing."""
    print(f"note: {text}", file=sys.stderr)


def scores_file(path: str) -> str:
    """The file of score lines in a run directory; a file is its own.

    Raises:
        UserError: there is none.
    """
    if not os.path.exists(path):
        raise UserError(f"no such file or directory: {path!r}; {_MEND}")
    if not os.path.isdir(path):
        return path
    file = os.path.join(path, "scores.jsonl")
    if not os.path.exists(file):
        raise UserError(f"{path} holds no scores.jsonl; {_MEND}")
    return file


def read_scores(path: str, note: Callable[[str], None] = note) -> list[Line]:
    """Reads the score lines of a run.

    A cut-off last line, which a running process may be writing, is left out
    with a note.

    Args:
        path: a run directory or a file of score lines.
        note: takes the note; by default it goes to stderr.

    Returns:
        At least one line, in the file's order; each has a dict "protocol".

    Raises:
        UserError: no such file, no lines in it, or a line that is no score.
    """
    file = scores_file(path)
    try:
        with open(file, "rb") as stream:
            texts = stream.readlines()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    lines = []
    for number, text in enumerate(texts, 1):
        where = f"{file}, line {number},"
        try:
            line = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            if number < len(texts) or text.endswith(b"\n"):
                raise UserError(
                    f"{where} is not JSON; a score is one JSON object a line"
                ) from None
            note(f"{where} is cut off, and left out")
            continue
        if text.strip():
            lines.append(_checked(line, where))
    if not lines:
        raise UserError(f"{file} holds no score line yet; score the run first")
    return lines


def _checked(line: Any, where: str) -> Line:
    if not isinstance(line, dict):
        raise UserError(f"{where} is not a JSON object, as a line of scores is")
    if not isinstance(line.get("protocol"), dict):
        raise UserError(
            f'{where} has no "protocol", without which scores do not compare; '
            "score the generator again with python -m regan_tf.evaluate"
        )
    return line


def in_words(value: Any) -> str:
    """A value in one line; hashes cut to 12 digits."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split())
    return text[:12] if re.fullmatch("[0-9a-f]{40,}", text) else text


def names_in(lines: Iterable[Iterable[str]]) -> list[str]:
    """The names in any of the lines, in order of first occurrence."""
    return list(dict.fromkeys(name for line in lines for name in line))


def fields(line: Line) -> dict[str, Any]:
    """What must be equal for scores to compare, by name.

    The fields of "protocol", and "data_fraction" if the line has it.
    """
    own = {n: line[n] for n in ("data_fraction",) if n in line}
    return line["protocol"] | own


def comparable(line: Line) -> dict[str, Any]:
    """The same without what may differ."""
    return {n: x for n, x in fields(line).items() if n not in _FREE}


def same_protocol(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether scores of two protocols compare."""
    return not unlike({"protocol": a}, {"protocol": b})


def unlike(
    a: Line, b: Line, across: Collection[str] = ()
) -> list[tuple[str, Any, Any]]:
    """The fields for which two lines do not compare.

    A field must be in both lines, and equal. `latent_seed` and
    `reference_set` may differ.

    Args:
        a: a score line.
        b: another.
        across: names of fields that may differ, with or without "protocol.".

    Returns:
        (field, value in a, value in b) of each, such as
        ("protocol.num_fake", 1000, 10000); `MISSING` stands for no value.
    """
    left, right = comparable(a), comparable(b)
    free = {name.removeprefix("protocol.") for name in across}
    pairs = [
        (name, left.get(name, MISSING), right.get(name, MISSING))
        for name in left | right
        if name not in free
    ]
    # In lists, so that not-a-number equals itself.
    return [(_full(name), x, y) for name, x, y in pairs if [x] != [y]]


def _full(name: str) -> str:
    return name if name == "data_fraction" else f"protocol.{name}"


def like_last(
    path: str,
    lines: Sequence[Line],
    across: Collection[str] = (),
    note: Callable[[str], None] = note,
) -> list[Line]:
    """The lines that compare with the last one; notes how many do not."""
    differ = [unlike(lines[-1], line, across) for line in lines]
    left_out = [[name for name, _, _ in found] for found in differ if found]
    if left_out:
        note(
            f"{len(left_out)} of {len(lines)} lines of {path} are left out: "
            "they were scored otherwise than its last line "
            f"({', '.join(names_in(left_out))})"
        )
    return [x for x, found in zip(lines, differ, strict=True) if not found]


def check_alike(
    sources: Mapping[str, Sequence[Line]], across: Collection[str] = ()
) -> None:
    """Checks that the last lines of all sources compare.

    Raises:
        UserError: two do not; it names them and each field that differs.
    """
    first, *others = sources
    for other in others:
        found = unlike(sources[first][-1], sources[other][-1], across)
        if not found:
            continue
        what = ", ".join(
            f"{name} is {in_words(a)} and {in_words(b)}" for name, a, b in found
        )
        names = [name.removeprefix("protocol.") for name, _, _ in found]
        mend = (
            "score both under one --protocol with python -m regan_tf.evaluate"
        )
        if names == ["data_fraction"]:
            mend = "name runs that were trained on one fraction of the images"
        raise UserError(
            f"scores of {first} and {other} do not compare: {what}; {mend}, or "
            f"pass --across={','.join([*across, *names])} to print them all "
            "the same"
        )


def is_distance(name: str) -> bool:
    """Whether a figure is the Fréchet distance, by which lines are chosen."""
    return name == "fid" or (
        name.startswith("fd_") and not name.endswith("_std")
    )


def is_inception_score(name: str) -> bool:
    """Whether a figure is the Inception score, of any network."""
    return f"{name}_".startswith("is_") and not name.endswith("_std")


def best_line(lines: Sequence[Line]) -> Line | None:
    """The line of the least "fid", else of the least figure "fd_…".

    Args:
        lines: of one protocol.

    Returns:
        The last of the least; None if no line has a finite distance.
    """
    names = filter(is_distance, names_in(reversed(lines)))
    for name in sorted(names, key=lambda name: name != "fid"):
        finite = [line for line in lines if _finite(line.get(name))]
        if finite:
            # Of equals the last, which is the more thorough one.
            return min(reversed(finite), key=lambda line: line[name])
    return None


def _finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -math.inf < value < math.inf
