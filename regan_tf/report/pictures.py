"""All figures that runs give."""

import dataclasses
from collections.abc import Sequence

from regan_tf.report.curves import Panel, Picture
from regan_tf.report.group import Section
from regan_tf.report.read import LeftOut
from regan_tf.report.settings import across_setting, over_fractions
from regan_tf.report.training import (
    cost,
    over_images,
    precision_recall,
    stability,
)

_INTERVAL = "steps from one change of masks to the next"


def pictures_of(
    sections: Sequence[Section],
) -> tuple[list[Picture], list[LeftOut]]:
    """All figures that the runs give, those of one section after another."""
    left_out: list[LeftOut] = []
    found = []
    for section in sections:
        found += [
            over_images(section),
            cost(section),
            *stability(section),
            precision_recall(section, left_out),
            across_setting(section, "sparsity", "fraction removed", log=False),
            across_setting(section, "update_interval", _INTERVAL, log=True),
        ]
    found += over_fractions(sections)
    drawn = []
    for picture in found:
        panels = [_of_points(panel) for panel in picture.panels]
        panels = [panel for panel in panels if panel.curves]
        if panels:
            drawn.append(picture._replace(panels=panels))
    return drawn, left_out


def _of_points(panel: Panel) -> Panel:
    return dataclasses.replace(
        panel, curves=[x for x in panel.curves if x.points]
    )
