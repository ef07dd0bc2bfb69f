"""Figure 1: what runs cost by data fraction, ours and the paper's."""

from collections.abc import Sequence

from regan_tf.paper import Row
from regan_tf.report.curves import Curve, Panel, Picture, Point
from regan_tf.report.group import Mean, Section, is_number, mean_of
from regan_tf.report.rows import FOLDER, groups_of

_UNIT = 1e15


def cost_by_fraction(
    rows: Sequence[Row], sections: Sequence[Section], folder: str = FOLDER
) -> list[Picture]:
    """The published bars, and beside them what our runs of the same rows cost
    until their best score; no picture without any.

    In panels of their own: the paper's count for StyleGAN2 is not identified,
    ours is that of kernels, forward and backward, zeros left out.
    """
    published: dict[str, list[Point]] = {}
    ours: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        if row.figure != 1 or row.data_fraction is None:
            continue
        bar = Mean(row.metrics["flops_total"].value / _UNIT, None, 1)
        bars = published.setdefault(row.method, [])
        bars.append(Point(row.data_fraction, bar))
        for group in groups_of(row, sections, folder).values():
            for kind in group.kinds:
                lines = group.lines(kind, "best")
                flops = [x.get("theoretical_sparse_flops") for x in lines]
                mean = mean_of([x / _UNIT for x in flops if is_number(x)])
                if mean:
                    points = ours.setdefault((row.method, kind), [])
                    points.append(Point(row.data_fraction, mean))
    if not ours:
        return []
    theirs = [Curve(x, "published", sorted(published[x])) for x in published]
    mine = [Curve(*x, sorted(ours[x])) for x in ours]
    said = "fraction of the images"
    panels = [
        Panel(said, "PFLOP, the paper's count", theirs, log=True),
        Panel(said, "PFLOP, zeros uncounted", mine, log=True),
    ]
    caption = "Figure 1, cost until the best score: published, and ours"
    return [Picture("sections-figure-1", caption, panels)]
