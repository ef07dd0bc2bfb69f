"""Figures of training: over images shown, against cost, and at its end."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.prd import Curve as PRD
from regan_tf.metrics.score_lines import is_inception_score
from regan_tf.report.curves import Curve, Panel, Picture, Point
from regan_tf.report.group import (
    WHICH,
    Group,
    Mean,
    Section,
    is_number,
    mean_of,
)
from regan_tf.report.read import LeftOut, Run, one_line

_EVERY = 10  # of the 1,001 points of a precision-recall curve


def over_images(section: Section) -> Picture:
    """Scores of training, of the runs that have them."""
    names = [section.distance, *filter(is_inception_score, section.scores)]
    panels = [
        Panel(
            "real images shown (thousands)",
            name,
            list(_series(section, name)),
        )
        for name in names
        if name
    ]
    return Picture(
        f"section-{section.number}-images",
        "Scores against real images shown",
        panels,
    )


def _series(section: Section, name: str) -> Iterator[Curve]:
    """A score of training, for each half of each group that has two."""
    for group in section.groups:
        for kind in group.kinds:
            points = _means([_by_images(run, kind, name) for run in group.runs])
            if len(points) > 1:
                yield Curve(group.label, kind, points)


def _by_images(run: Run, kind: str, name: str) -> dict[float, float]:
    # Of two scores of one generator the later is the more thorough.
    return {
        line["images_shown"] / 1000: line[name]
        for line in run.lines
        if line.get("kind") == kind
        and is_number(line.get(name))
        and is_number(line.get("images_shown"))
    }


def _means(series: Sequence[dict[float, float]]) -> list[Point]:
    """Means at each x that all series have, but for empty ones."""
    known = [one for one in series if one]
    shared = set.intersection(*map(set, known)) if known else set()
    found = ((x, mean_of([one[x] for one in known])) for x in sorted(shared))
    return [Point(x, y) for x, y in found if y]


def cost(section: Section) -> Picture:
    """Figure 1: what the best and the last checkpoint cost."""
    axes = {
        "theoretical_sparse_flops": (
            1e12,
            "operations (TFLOP), zeros uncounted",
        ),
        "train_seconds": (60, "minutes on the machine of each run"),
    }
    name = section.distance
    panels = [
        Panel(
            said,
            name,
            [
                Curve(
                    group.label, kind, _chosen(group, kind, figure, unit, name)
                )
                for group in section.groups
                for kind in group.kinds
            ],
        )
        for figure, (unit, said) in axes.items()
        if name
    ]
    return Picture(
        f"section-{section.number}-cost",
        "Scores against cost, of the best and the last checkpoint",
        panels,
    )


def _chosen(
    group: Group, kind: str, figure: str, unit: float, name: str
) -> list[Point]:
    pairs = [
        (group.mean(kind, which, figure), group.mean(kind, which, name))
        for which in WHICH
    ]
    points = {Point(x.value / unit, y) for x, y in pairs if x and y}
    return sorted(points, key=lambda point: point.x)


def stability(section: Section) -> list[Picture]:
    """Figure 7: a figure for each distance between scores, since images move
    further in more steps."""
    by_distance: dict[Any, list[Group]] = {}
    for group in section.groups:
        for every in sorted({run.eval_every for run in group.runs}):
            by_distance.setdefault(every, []).append(group)
    return [
        Picture(
            f"section-{section.number}-stability-{every}",
            f"Movement of images of fixed latents in {every:,} steps",
            [
                Panel(
                    "real images shown (thousands)",
                    "MSE to the score before",
                    list(_moves(groups, every)),
                )
            ],
        )
        for every, groups in sorted(by_distance.items())
    ]


def _moves(groups: Sequence[Group], every: int) -> Iterator[Curve]:
    for group in groups:
        runs = [x for x in group.runs if x.eval_every == every]
        for kind in group.kinds:
            series = [_by_images(run, kind, "mse_to_previous") for run in runs]
            points = _means(series)
            if len(points) > 1:
                yield Curve(group.label, kind, points)


def precision_recall(section: Section, left_out: list[LeftOut]) -> Picture:
    """The curves beside the last scores; damaged ones are left out."""
    curves = []
    for group in section.groups:
        for run in group.runs:
            for kind in group.kinds:
                try:
                    points = _prd_points(section, run, kind)
                except Exception as error:  # whatever damage leads to
                    reason = f"no curve of its {kind} half: {one_line(error)}"
                    left_out.append(LeftOut(run.label, reason))
                    continue
                if points:
                    curves.append(Curve(group.label, kind, points))
    return Picture(
        f"section-{section.number}-precision-recall",
        "Precision-recall curves at the end, one of each seed",
        [Panel("recall", "precision", curves, shares=True)],
    )


def _prd_points(section: Section, run: Run, kind: str) -> list[Point]:
    """The curve of a run's last generator; none where it has no file.

    Raises:
        UserError: a curve that is not of its score line.
    """
    line = run.chosen.get((kind, "last"), {})
    name = f"step-{line.get('step', 0):07d}-{kind}-prd.json"
    path = os.path.join(run.path, "evaluation", name)
    if not run.lines or not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    curve = PRD(*(np.array(found[x], "f8") for x in PRD._fields))
    score = next((x for x in line if x.startswith("prd_f8")), None)
    if score is None or not np.isclose(curve.f8, line[score], rtol=1e-6):
        raise UserError(
            f"evaluation/{name} is not the curve of its score line: F8 is "
            f"{curve.f8:.4g} and {line.get(score)}"
        )
    pairs = zip(curve.recall[::_EVERY], curve.precision[::_EVERY], strict=True)
    return [Point(float(x), Mean(float(y), None, 1)) for x, y in pairs]
