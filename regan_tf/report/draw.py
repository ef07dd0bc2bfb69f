"""Figures as PNG files, by matplotlib, which loads with the first one."""

import itertools
from typing import Any

from regan_tf.report.curves import Curve, Panel, Picture

_SIZE = 5.0, 3.6  # inches of a panel
_LINES = {"sparse": "-", "dense": "--"}
_MARKERS = {"sparse": "o", "dense": "s"}
_DOTS = 120  # points of a curve above which they are not marked
_WIDE = 20  # ratio of values above which an axis is logarithmic
_ROWS = 6  # of the legend, before it takes another column


def draw(picture: Picture, path: str) -> None:
    """Draws panels side by side: a colour for each label, solid for the
    sparse half, dashed for the dense one; bars are deviations over seeds.

    Args:
        picture: what to draw.
        path: of the PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = _SIZE
    count = len(picture.panels)
    figure = Figure((width * count, height), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    colours = _colours(picture)
    shown: dict[str, Any] = {}
    for number, panel in enumerate(picture.panels, 1):
        axes = figure.add_subplot(1, count, number)
        for curve in panel.curves:
            artist = _line(axes, curve, colours[curve.label])
            shown.setdefault(f"{curve.label}, {curve.kind}", artist)
        for level in panel.levels:
            artist = _level(axes, level, colours[level.label])
            shown.setdefault(f"{level.label}, {level.kind}", artist)
        _label(axes, panel)
    figure.legend(
        shown.values(),
        shown.keys(),
        loc="outside lower center",
        ncols=min(2 * count, -(-len(shown) // _ROWS)),
        fontsize="small",
        frameon=False,
    )
    # Without the name of the software, which would change with its version.
    canvas.print_png(path, metadata={"Software": None})


def _colours(picture: Picture) -> dict[str, Any]:
    from matplotlib import colormaps

    labels = {
        curve.label
        for panel in picture.panels
        for curve in [*panel.curves, *panel.levels]
    }
    few = len(labels) <= 10
    palette = colormaps["tab10" if few else "tab20"].colors
    return dict(zip(sorted(labels), itertools.cycle(palette), strict=False))


def _line(axes: Any, curve: Curve, colour: Any) -> Any:
    points = curve.points
    marked = len(points) < _DOTS
    artist = axes.errorbar(
        [point.x for point in points],
        [point.y.value for point in points],
        [point.y.deviation or 0.0 for point in points]
        if any(point.y.deviation for point in points)
        else None,
        color=colour,
        linestyle=_LINES[curve.kind],
        marker=_MARKERS[curve.kind] if marked else "",
        markersize=4,
        linewidth=1.2,
        capsize=2,
    )
    return artist.lines[0]


def _level(axes: Any, level: Curve, colour: Any) -> Any:
    (point,) = level.points
    if point.y.deviation:
        low = point.y.value - point.y.deviation
        high = point.y.value + point.y.deviation
        axes.axhspan(low, high, color=colour, alpha=0.12, linewidth=0)
    return axes.axhline(point.y.value, color=colour, linestyle=":")


def _label(axes: Any, panel: Panel) -> None:
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_title(panel.title, fontsize="medium")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    points = [point for curve in panel.curves for point in curve.points]
    if _is_wide([point.y.value for point in points]):
        axes.set_yscale("log")
    if panel.log:
        axes.set_xscale("log")


def _is_wide(values: list[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) > _WIDE
