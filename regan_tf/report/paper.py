"""The paper's tables, with ours beside the published figures."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from regan_tf.paper import Row
from regan_tf.report.group import WHICH, Group, Mean, is_number, mean_of
from regan_tf.report.rows import Part, method_of
from regan_tf.report.tables import MISSING, WORDS, cells
from regan_tf.tables import NONE, Table


class _Compared(NamedTuple):
    """A published figure that a score line has as well.

    Attributes:
        ours: its name in the line.
        said: its column.
        unit: of the column, in the line's.
        theirs: the same in the published file's.
    """

    ours: str
    said: str
    unit: float = 1
    theirs: float = 1


# Of FLOPs only `paper_flops`, which counts as the paper does.
_COMPARED = {
    "fid": _Compared("fid", "FID"),
    "is": _Compared("is", "IS"),
    "images_shown": _Compared("images_shown", "images (M)", 1e6, 1e6),
    "train_hours": _Compared("train_seconds", "hours", 3600, 1),
    "flops_total": _Compared("paper_flops", "PFLOP", 1e15, 1e15),
}

_ELSEWHERE = "train_hours"  # a difference would be that of two machines


def paper_table(part: Part, section: int) -> Table:
    """Ours of one section beside the published figures.

    Under "difference" is ours less the published figure. Published figures
    stand in the rows of every checkpoint.
    """
    rows = list(_lines(part, section))
    names = [
        name
        for name, known in _COMPARED.items()
        if any(isinstance(row.get(known.said), float) for row in rows)
    ]
    columns = ["method", *WORDS[1:], "seeds"]
    for name in names:
        said = _COMPARED[name].said
        for column in (said, f"{said} published"):
            columns += [column, f"{column}_std"]
        if name != _ELSEWHERE:
            columns.append(f"{said} difference")
    return Table(columns, rows, ("method", *WORDS), MISSING)


def _lines(part: Part, section: int) -> Iterator[dict[str, Any]]:
    for row, groups in part.found:
        published = _published(row)
        group = groups.get(section)
        if group is None:
            yield published
            continue
        for kind, which in itertools.product(group.kinds, WHICH):
            said = {"generator": kind, "checkpoint": which}
            count = {"seeds": len(group.lines(kind, which))}
            yield published | said | count | _ours(row, group, kind, which)


def _published(row: Row) -> dict[str, Any]:
    """What is printed of a row; "–" where nothing is, or nothing can be."""
    found: dict[str, Any] = {"method": method_of(row)}
    if row.config is None:
        found |= dict.fromkeys(("generator", "checkpoint", "seeds"), NONE)
    for name, known in _COMPARED.items():
        column = f"{known.said} published"
        metric = row.metrics.get(name)
        if metric is None or row.config is None:
            found[known.said] = found[f"{known.said} difference"] = NONE
        if metric is None:
            found[column] = NONE
            continue
        found[column] = metric.value / known.theirs
        if metric.std is not None:
            found[f"{column}_std"] = metric.std
    return found


def _ours(row: Row, group: Group, kind: str, which: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in filter(_COMPARED.get, row.metrics):
        known = _COMPARED[name]
        mean = our_mean(group, kind, which, name)
        if mean is not None:
            gap = mean.value - row.metrics[name].value / known.theirs
            found |= {known.said: mean.value} | _deviation(known.said, mean)
            if name != _ELSEWHERE:
                found[f"{known.said} difference"] = f"{gap:+.2f}"
        elif _absent(name) == NONE:
            found[known.said] = found[f"{known.said} difference"] = NONE
    return found


def _absent(name: str) -> str:
    """What stands for a figure that a run of ours has not: "–" where none
    can have it, as FLOPs whose count in the paper is not identified."""
    return NONE if name.startswith("flops") else MISSING


def _deviation(said: str, mean: Mean) -> dict[str, float]:
    return {n: x for n, x in cells(said, mean).items() if n.endswith("_std")}


def our_mean(group: Group, kind: str, which: str, name: str) -> Mean | None:
    """Our mean of a published figure, in the table's unit."""
    known = _COMPARED[name]
    values = (x.get(known.ours) for x in group.lines(kind, which))
    return mean_of([x / known.unit for x in values if is_number(x)])


def all_rows(parts: Sequence[Part]) -> Table:
    """Every published figure, for a CSV file; with ours, or "missing"."""
    columns = (
        "where data method learning_rate config section generator checkpoint "
        "score published published_deviation mean deviation seeds difference"
    ).split()
    rows = []
    for part in parts:
        for row, groups in part.found:
            for name in row.metrics:
                start = {
                    "where": part.where,
                    "data": part.data,
                    "method": row.method,
                    "learning_rate": row.learning_rate,
                    "config": row.config,
                    "score": name,
                    "published": row.metrics[name].value,
                    "published_deviation": row.metrics[name].std,
                }
                rows += [start | x for x in _all_ours(row, groups, name)]
    return Table(columns, rows)


def _all_ours(
    row: Row, groups: dict[int, Group], name: str
) -> list[dict[str, Any]]:
    found = []
    for number, group in sorted(groups.items()):
        for kind, which in itertools.product(group.kinds, WHICH):
            at = {"section": number, "generator": kind, "checkpoint": which}
            known = name in _COMPARED
            mean = our_mean(group, kind, which, name) if known else None
            found.append(at | _in_base_units(row, name, mean))
    return found or [{"mean": MISSING}]


def _in_base_units(row: Row, name: str, mean: Mean | None) -> dict[str, Any]:
    """Ours in the published file's own units: images, not millions."""
    if mean is None:
        return {"mean": _absent(name)}
    unit = _COMPARED[name].theirs
    value = mean.value * unit
    return {
        "mean": value,
        "deviation": mean.deviation and mean.deviation * unit,
        "seeds": mean.count,
        "difference": None
        if name == _ELSEWHERE
        else value - row.metrics[name].value,
    }
