"""Figures as PNG files, by matplotlib, which loads with the first one."""

import itertools
from typing import Any

from regan_tf.report.curves import Curve, Panel, Picture

_SIZE = 5.0, 3.6  # inches of a panel
_LINES = {"sparse": "-", "dense": "--", "published": ":"}
_MARKERS = {"sparse": "o", "dense": "s", "published": "^"}
_DOTS = 40  # points of a curve above which they are not marked
_WIDE = 20  # ratio of values above which an axis is logarithmic
_ROWS = 6  # of the legend, before it takes another column
_ROW, _LETTER, _MARGIN = 0.2, 0.075, 0.7  # inches of the legend
_CROWD = 12  # curves of a panel above which deviations are not drawn


def draw(picture: Picture, path: str) -> None:
    """Draws panels side by side: a colour for each label, solid for the
    sparse half, dashed for the dense one, dotted for published figures; bars
    are deviations over seeds.

    Args:
        picture: what to draw.
        path: of the PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = _SIZE
    count = len(picture.panels)
    names = _names(picture)
    longest = max(len(", ".join(name)) for name in names)
    most = int(width * count / (_MARGIN + _LETTER * longest))
    columns = min(max(1, most), -(-len(names) // _ROWS))
    height += _ROW * -(-len(names) // columns)
    figure = Figure((width * count, height), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    colours = _colours({label for label, _ in names})
    shown: dict[tuple[str, str], Any] = {}
    for number, panel in enumerate(picture.panels, 1):
        axes = figure.add_subplot(1, count, number)
        bars = len(panel.curves) <= _CROWD
        for curve in panel.curves:
            artist = _line(axes, curve, colours[curve.label], bars)
            shown.setdefault((curve.label, curve.kind), artist)
        for level in panel.levels:
            artist = _level(axes, level, colours[level.label])
            shown.setdefault((level.label, level.kind), artist)
        _label(axes, panel)
    figure.legend(
        shown.values(),
        [", ".join(name) for name in shown],
        loc="outside lower center",
        ncols=columns,
        fontsize="small",
        frameon=False,
    )
    # Without the name of the software, which would change with its version.
    canvas.print_png(path, metadata={"Software": None})


def _names(picture: Picture) -> set[tuple[str, str]]:
    """Label and half of each curve."""
    return {
        (curve.label, curve.kind)
        for panel in picture.panels
        for curve in [*panel.curves, *panel.levels]
    }


def _colours(labels: set[str]) -> dict[str, Any]:
    from matplotlib import colormaps

    few = len(labels) <= 10
    palette = colormaps["tab10" if few else "tab20"].colors
    return dict(zip(sorted(labels), itertools.cycle(palette), strict=False))


def _line(axes: Any, curve: Curve, colour: Any, bars: bool) -> Any:
    points = curve.points
    bars = bars and any(point.y.deviation for point in points)
    marked = len(points) < _DOTS
    artist = axes.errorbar(
        [point.x for point in points],
        [point.y.value for point in points],
        [point.y.deviation or 0.0 for point in points] if bars else None,
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
    from matplotlib.ticker import LogLocator

    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.set_title(panel.title, fontsize="medium")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    points = [point for curve in panel.curves for point in curve.points]
    if panel.shares:
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01))
    elif _is_wide(panel):
        axes.set_yscale("log")
        # A label at every digit would be written over the next one.
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.minorticks_off()
    if panel.log:
        axes.set_xscale("log")
        places = sorted({point.x for point in points})
        axes.set_xticks(places, [f"{x:g}" for x in places])
        axes.xaxis.minorticks_off()


def _is_wide(panel: Panel) -> bool:
    curves = [*panel.curves, *panel.levels]
    values = [point.y.value for curve in curves for point in curve.points]
    return min(values) > 0 and max(values) / min(values) > _WIDE
