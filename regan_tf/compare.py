"""Scores of several runs side by side: python -m regan_tf.compare A B."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from regan_tf.command import Parser, with_status
from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import (
    Line,
    best_line,
    check_alike,
    fields,
    in_words,
    like_last,
    names_in,
    read_scores,
    scores_file,
    unlike,
)
from regan_tf.tables import (
    FACTS,
    NONE,
    Table,
    in_short,
    is_score,
    labels,
    values_of,
)
from regan_tf.train.run_dir import write_atomically

__all__ = ["compare", "main", "read_scores", "unlike"]

_WORDS = ("source", "kind", "line")
_EXAMPLE = """\
example:
  python -m regan_tf.compare runs/sngan runs/sngan-dense --csv=scores.csv
"""


class _Compared(NamedTuple):
    table: Table
    protocol: str

    def __str__(self) -> str:
        return f"{self.table.markdown()}\n\n{self.protocol}"


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
    return str(_collect(paths, across))


def _collect(paths: Sequence[str], across: Sequence[str]) -> _Compared:
    across = names_in([[x.removeprefix("protocol.") for x in across]])
    # A run named by its directory and by its file, say, is one source.
    files: dict[str, str] = {}
    for path in paths:
        files.setdefault(os.path.realpath(scores_file(path)), path)
    sources = {path: read_scores(path) for path in files.values()}
    _check_names(across, [x for lines in sources.values() for x in lines])
    sources = {p: like_last(p, x, across) for p, x in sources.items()}
    check_alike(sources, across)
    names = labels(list(sources))
    chosen = [
        ({"source": names[path], "kind": kind, "line": which}, line)
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
        free = (in_words(fields(line).get(name, NONE)) for name in across)
        kind = in_words(line.get("kind", NONE))
        groups.setdefault((kind, *free), []).append(line)
    for (kind, *_), group in groups.items():
        best, last = best_line(group), group[-1]
        if best is last:
            yield kind, "best and last", last
            continue
        if best is not None:
            yield kind, "best", best
        yield kind, "last", last


def _table(
    chosen: Sequence[tuple[dict[str, Any], Line]], across: Sequence[str]
) -> _Compared:
    lines = [line for _, line in chosen]
    differing = [name for name in across if len(values_of(lines, name)) > 1]
    scores = [n for n in names_in(lines) if any(is_score(n, x) for x in lines)]
    own = [*FACTS, *scores, "data_fraction"]
    rows = []
    for start, line in chosen:
        free = {n: x for n, x in fields(line).items() if n in differing}
        figures = {n: line[n] for n in own if line.get(n) is not None}
        rows.append(start | free | figures)
    table = Table([*_WORDS, *differing, *own], rows, _WORDS)
    return _Compared(table, in_short(lines))


def _write_csv(path: str, table: Table) -> None:
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
        write_atomically(path, table.csv())
    except OSError as error:
        raise UserError(
            f"--csv={path} cannot be written ({error.strerror}); name a file "
            "in a folder that exists and may be written to"
        ) from None


def _parser() -> Parser:
    parser = Parser(
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


@with_status
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status, 2 for a user's mistake.

    Args:
        argv: words after the program's name; None takes the process's.
    """
    words = _parser().parse_intermixed_args(argv)
    across = [x.strip() for x in words.across.split(",") if x.strip()]
    found = _collect(words.runs, across)
    if words.csv is not None:
        _write_csv(words.csv, found.table)
    print(found)
    return 0


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):  # `| head` ends the command quietly
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.reconfigure(errors="replace")  # for consoles without "±"
    sys.exit(main())
