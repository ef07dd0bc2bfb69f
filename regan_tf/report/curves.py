"""What figures are made of: points, curves, panels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from regan_tf.report.group import Mean
from regan_tf.tables import Table


class Point(NamedTuple):
    """A point of a curve."""

    x: float
    y: Mean


class Curve(NamedTuple):
    """A line of a figure.

    Attributes:
        label: of its group or groups.
        kind: half of the pair, or "published".
        points: in order of x; of a precision-recall curve along it.
    """

    label: str
    kind: str
    points: list[Point]


@dataclass(frozen=True)
class Panel:
    """One pair of axes; all its curves compare.

    Attributes:
        x, y: what the axes show.
        curves: drawn as lines.
        levels: curves of one point, drawn across the panel.
        log: whether x is logarithmic.
        shares: whether both axes go from 0 to 1.
        title: what tells it from the panel beside it.
    """

    x: str
    y: str
    curves: list[Curve]
    levels: list[Curve] = field(default_factory=list)
    log: bool = False
    shares: bool = False
    title: str = ""


class Picture(NamedTuple):
    """A file of panels side by side."""

    name: str
    caption: str
    panels: list[Panel]


def all_points(pictures: Sequence[Picture]) -> Table:
    """Every point of every figure: a row for each, for a CSV file."""
    columns = "figure panel label generator x y deviation seeds".split()
    rows = [
        {
            "figure": picture.name,
            "panel": " ".join(
                [panel.title, panel.y, "against", panel.x]
            ).strip(),
            "label": curve.label,
            "generator": curve.kind,
            "x": point.x,
            "y": point.y.value,
            "deviation": point.y.deviation,
            "seeds": point.y.count,
        }
        for picture in pictures
        for panel in picture.panels
        for curve in panel.curves
        for point in curve.points
    ]
    return Table(columns, rows)
