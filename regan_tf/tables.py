"""Tables of scores, as Markdown and CSV; what commands print is one.

Importable without TensorFlow.
"""

import csv
import io
import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regan_tf.metrics.score_lines import Line, fields, in_words, is_distance

NONE = "–"
COUNTS = ("modes", "of_modes")
FACTS = ("of_step", "images_shown")
_NO_SCORES = {*FACTS, "step", "train_seconds", "data_fraction"}


class Table(NamedTuple):
    """Rows of named values.

    Attributes:
        columns: their names, in order.
        rows: dicts, without the columns that a row lacks.
        words: columns that are set to the left.
        absent: what stands for a value that a row lacks.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    words: Collection[str] = ()
    absent: str = NONE

    def markdown(self) -> str:
        """The table, aligned; "x_std" stands behind "x", as x ± x_std."""
        folded = {f"{name}_std" for name in self.columns}
        columns = []
        for name in self.columns:
            if name in folded:
                continue
            cells = [name, *self._cells(name)]
            width = max(map(len, cells))
            if name in self.words:
                padded, rule = [c.ljust(width) for c in cells], "-" * width
            else:
                padded = [c.rjust(width) for c in cells]
                rule = "-" * (width - 1) + ":"
            columns.append([padded[0], rule, *padded[1:]])
        lines = zip(*columns, strict=True)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

    def _cells(self, name: str) -> list[str]:
        """A column's texts; all floats with as many decimals."""
        deviations = [row.get(f"{name}_std") for row in self.rows]
        values = [row.get(name) for row in self.rows]
        plain = name == "data_fraction"
        decimals = 0 if plain else _decimals(values + deviations)
        cells = []
        for value, deviation in zip(values, deviations, strict=True):
            if isinstance(value, float) and not plain:
                cell = f"{value:.{decimals}f}"
                if isinstance(deviation, float):
                    cell += f" ± {deviation:.{decimals}f}"
            else:
                cell = self.absent if value is None else in_words(value)
            cells.append(cell.replace("|", "\\|"))
        return cells

    def csv(self) -> str:
        """The same with every digit, and deviations in their own columns."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        # A folder's name need not be UTF-8; a CSV file must.
        return text.getvalue().encode("utf-8", "replace").decode()


def _decimals(values: Sequence[Any]) -> int:
    """2, or what gives the largest of small figures three digits."""
    floats = (abs(x) for x in values if isinstance(x, float))
    largest = max((x for x in floats if 0 < x < math.inf), default=1.0)
    return min(8, max(2, 2 - math.floor(math.log10(largest))))


def labels(paths: Sequence[str]) -> dict[str, str]:
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


def is_score(name: str, line: Line) -> bool:
    """Whether a figure of a line is a score of its generator."""
    named = name in line and (name in COUNTS or is_distance(name))
    return named or (
        isinstance(line.get(name), float) and name not in _NO_SCORES
    )


def values_of(lines: Sequence[Line], name: str) -> list[str]:
    """The unlike values of a field, in words."""
    texts = [in_words(fields(line).get(name, NONE)) for line in lines]
    return list(dict.fromkeys(texts))


def in_short(lines: Sequence[Line]) -> str:
    """The protocol in one line, with "a/b" for a field that differs."""

    def value(name, end=None):
        return "/".join(text[:end] for text in values_of(lines, name))

    return (
        f"protocol {value('name')}: {value('num_fake')} images against "
        f"{value('num_reference')} of {value('reference_set')} "
        f"({value('reference_sha256', 8)}), resize {value('resize')}, "
        f"features of {value('feature_network')} "
        f"({value('feature_sha256', 8)})"
    )
