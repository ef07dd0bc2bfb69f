"""Scores of several runs side by side: python -m regan_tf.compare A B."""

import argparse
import csv
import io
import math
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import (
    Line,
    best_line,
    check_alike,
    fields,
    in_words,
    is_distance,
    like_last,
    names_in,
    read_scores,
    scores_file,
    unlike,
)
from regan_tf.train.run_dir import write_atomically

__all__ = ["compare", "main", "read_scores", "unlike"]

_NONE = "–"
_WORDS = ("source", "kind", "line")
_COUNTS = ("modes", "of_modes")
_FACTS = ("of_step", "images_shown")
_NO_SCORES = {*_FACTS, "step", "train_seconds", "data_fraction"}
_EXAMPLE = """\
example:
  python -m regan_tf.compare runs/sngan runs/sngan-dense --csv=scores.csv
"""


class _Table(NamedTuple):
    columns: list[str]
    rows: list[dict[str, Any]]  # without the columns that a line lacks
    protocol: str


def compare(paths: Sequence[str], across: Sequence[str] = ()) -> str:
    """A Markdown table of the best and the last scores of each generator.

    What is left out of a source, and why, is noted on stderr.

    Args:
        paths: run directories or files of score lines, at least one.
        across: names of fields that may differ, such as "num_fake"; those
            that do become columns, and lines that differ in them count as
            generators of their own.

    Returns:
        The table, an empty line, and the protocol in one line.

    Raises:
        UserError: scores that do not compare or cannot be read, or a name in
            `across` that no line has.
    """
    return _markdown(_collect(paths, across))


def _collect(paths: Sequence[str], across: Sequence[str]) -> _Table:
    across = names_in([[x.removeprefix("protocol.") for x in across]])
    # A run named by its directory and by its file, say, is one source.
    files: dict[str, str] = {}
    for path in paths:
        files.setdefault(os.path.realpath(scores_file(path)), path)
    sources = {path: read_scores(path) for path in files.values()}
    _check_names(across, [x for lines in sources.values() for x in lines])
    sources = {p: like_last(p, x, across) for p, x in sources.items()}
    check_alike(sources, across)
    labels = _labels(list(sources))
    chosen = [
        ({"source": labels[path], "kind": kind, "line": which}, line)
        for path, lines in sources.items()
        for kind, which, line in _best_and_last(lines, across)
    ]
    return _table(chosen, [n for n in across if n != "data_fraction"])


def _check_names(across: Sequence[str], lines: Sequence[Line]) -> None:
    known = names_in(map(fields, lines))
    for name in across:
        if name not in known:
            raise UserError(
                "--across must name fields of the protocol, or data_fraction. "
                f"Received: {name!r}. These lines have {', '.join(known)}"
            )


def _best_and_last(
    lines: Sequence[Line], across: Sequence[str]
) -> Iterator[tuple[str, str, Line]]:
    """(kind, "best" or "last", line) of each kind of generator."""
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        free = (in_words(fields(line).get(name, _NONE)) for name in across)
        kind = in_words(line.get("kind", _NONE))
        groups.setdefault((kind, *free), []).append(line)
    for (kind, *_), group in groups.items():
        best, last = best_line(group), group[-1]
        if best is last:
            yield kind, "best and last", last
            continue
        if best is not None:
            yield kind, "best", best
        yield kind, "last", last


def _labels(paths: Sequence[str]) -> dict[str, str]:
    """The shortest ends of the paths that tell them apart."""
    ends = {}
    for path in paths:
        parts = Path(os.path.abspath(path)).parts
        parts = parts[:-1] if parts[-1] == "scores.jsonl" else parts
        ends[path] = [
            os.path.join(*parts[-n:]) for n in range(1, len(parts) + 1)
        ]
    every = [end for group in ends.values() for end in group]
    return {
        path: next((end for end in group if every.count(end) == 1), path)
        for path, group in ends.items()
    }


def _table(
    chosen: Sequence[tuple[dict[str, Any], Line]], across: Sequence[str]
) -> _Table:
    lines = [line for _, line in chosen]
    differing = [name for name in across if len(_values(lines, name)) > 1]
    scores = [n for n in names_in(lines) if any(_is_score(n, x) for x in lines)]
    own = [*_FACTS, *scores, "data_fraction"]
    rows = []
    for start, line in chosen:
        free = {n: x for n, x in fields(line).items() if n in differing}
        figures = {n: line[n] for n in own if line.get(n) is not None}
        rows.append(start | free | figures)
    return _Table([*_WORDS, *differing, *own], rows, _in_short(lines))


def _values(lines: Sequence[Line], name: str) -> list[str]:
    """The unlike values of a field, in words."""
    texts = [in_words(fields(line).get(name, _NONE)) for line in lines]
    return list(dict.fromkeys(texts))


def _is_score(name: str, line: Line) -> bool:
    named = name in line and (name in _COUNTS or is_distance(name))
    return named or (
        isinstance(line.get(name), float) and name not in _NO_SCORES
    )


def _in_short(lines: Sequence[Line]) -> str:
    """The protocol in one line, with "a/b" for a field that differs."""

    def value(name, end=None):
        return "/".join(text[:end] for text in _values(lines, name))

    return (
        f"protocol {value('name')}: {value('num_fake')} images against "
        f"{value('num_reference')} of {value('reference_set')} "
        f"({value('reference_sha256', 8)}), resize {value('resize')}, "
        f"features of {value('feature_network')} "
        f"({value('feature_sha256', 8)})"
    )


def _markdown(table: _Table) -> str:
    folded = {f"{name}_std" for name in table.columns}
    columns = []
    for name in table.columns:
        if name not in folded:
            cells = [name, *_cells(table.rows, name)]
            width = max(map(len, cells))
            if name in _WORDS:
                padded, rule = [c.ljust(width) for c in cells], "-" * width
            else:
                padded = [c.rjust(width) for c in cells]
                rule = "-" * (width - 1) + ":"
            columns.append([padded[0], rule, *padded[1:]])
    lines = [f"| {' | '.join(c)} |" for c in zip(*columns, strict=True)]
    return "\n".join([*lines, "", table.protocol])


def _cells(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    """A column's texts; all floats with as many decimals."""
    deviations = [row.get(f"{name}_std") for row in rows]
    values = [row.get(name) for row in rows]
    decimals = 0 if name == "data_fraction" else _decimals(values + deviations)
    cells = []
    for value, deviation in zip(values, deviations, strict=True):
        if isinstance(value, float) and name != "data_fraction":
            cell = f"{value:.{decimals}f}"
            if isinstance(deviation, float):
                cell += f" ± {deviation:.{decimals}f}"
        else:
            cell = _NONE if value is None else in_words(value)
        cells.append(cell.replace("|", "\\|"))
    return cells


def _decimals(values: Sequence[Any]) -> int:
    """2, or what gives the largest of small figures three digits."""
    floats = (abs(x) for x in values if isinstance(x, float))
    largest = max((x for x in floats if 0 < x < math.inf), default=1.0)
    return min(8, max(2, 2 - math.floor(math.log10(largest))))


def _csv(table: _Table) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, table.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.rows)
    # A folder's name need not be UTF-8; a CSV file must.
    return text.getvalue().encode("utf-8", "replace").decode()


def _write_csv(path: str, table: _Table) -> None:
    # `--csv a.jsonl b.jsonl` would replace scores by their table, and a link
    # such as /dev/stdout would be renamed over.
    plain = os.path.isfile(path) and not os.path.islink(path)
    free = path and not os.path.lexists(path)
    if path.endswith(".jsonl") or not (plain or free):
        raise UserError(
            "--csv must be a plain file to write, such as scores.csv. "
            f"Received: {path!r}"
        )
    try:
        write_atomically(path, _csv(table))
    except OSError as error:
        raise UserError(
            f"--csv={path} cannot be written ({error.strerror}); name a file "
            "in a folder that exists and may be written to"
        ) from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows an example")


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m regan_tf.compare",
        description="Prints the best and the last scores of each run's "
        "generators,\nand refuses scores that do not compare.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run directory or .jsonl file"
    )
    parser.add_argument(
        "--across",
        default="",
        metavar="FIELD[,FIELD]",
        help="fields that may differ, such as data_fraction",
    )
    parser.add_argument("--csv", metavar="FILE", help="write the table there")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status, 2 for a user's mistake.

    Args:
        argv: words after the program's name; None takes the process's.
    """
    try:
        words = _parser().parse_intermixed_args(argv)
        across = [x.strip() for x in words.across.split(",") if x.strip()]
        table = _collect(words.runs, across)
        if words.csv is not None:
            _write_csv(words.csv, table)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(_markdown(table))
    return 0


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):  # `| head` ends the command quietly
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.reconfigure(errors="replace")  # for consoles without "±"
    sys.exit(main())
