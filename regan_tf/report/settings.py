"""Figures of scores against a setting: sparsity, interval, fraction."""

import json
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from regan_tf.metrics.score_lines import comparable
from regan_tf.report.curves import Curve, Panel, Picture, Point
from regan_tf.report.group import (
    WHICH,
    Group,
    Section,
    is_number,
    label_of,
)

_SUBSET = frozenset(("data.fraction", "data.num_images"))
# Lengths may follow the number of images.
_LENGTHS = frozenset(
    "training.steps training.stage_lengths method.warmup method.rewind "
    "method.update_interval".split()
)


# Groups with the place of each on the x axis.
_Family = list[tuple[float, Group]]


def across_setting(
    section: Section, name: str, setting: str, log: bool
) -> Picture:
    """Figure 6: scores against a setting, where runs differ in no other."""
    pruned = [x for x in section.groups if setting in x.config]
    families = _families(pruned, {setting}, lambda x: x.config[setting])
    panels = []
    for which in WHICH if section.distance else ():
        curves = list(_curves(families, which, section.distance))
        levels = _levels(section, families, which) if curves else []
        panels.append(
            Panel(setting, section.distance, curves, levels, log, title=which)
        )
    return Picture(
        f"section-{section.number}-{name}",
        f"Scores against {setting}; dotted: without pruning",
        panels,
    )


def _families(
    groups: Sequence[Group], free: Set[str], place: Callable[[Group], Any]
) -> list[_Family]:
    """Groups that differ in free settings only, at two places or more."""
    found: dict[str, _Family] = {}
    for group in groups:
        x = place(group)
        if is_number(x):
            found.setdefault(group.key(free), []).append((float(x), group))
    return [
        sorted(family, key=lambda member: (member[0], member[1].label))
        for family in found.values()
        if len(_places(family)) > 1
    ]


def _places(family: _Family) -> set[float]:
    return {x for x, _ in family}


def _curves(
    families: Sequence[_Family], which: str, name: str
) -> Iterator[Curve]:
    labels = [label_of([group.label for _, group in x]) for x in families]
    for label, family in sorted(zip(labels, families, strict=True), key=_first):
        every = ", ".join(group.label for _, group in family)
        said = label if labels.count(label) == 1 else every
        kinds = dict.fromkeys(k for _, group in family for k in group.kinds)
        for kind in kinds:
            means = [(x, g.mean(kind, which, name)) for x, g in family]
            points = [Point(x, y) for x, y in means if y]
            if len(points) > 1:
                yield Curve(said, kind, points)


def _first(pair: tuple[str, _Family]) -> tuple[str, str]:
    label, family = pair
    return label, family[0][1].label


def _levels(
    section: Section, families: Sequence[_Family], which: str
) -> list[Curve]:
    """Runs without pruning that are else as those of a family."""

    def rest(group: Group) -> str:
        names = {n for n in group.config if n.startswith("method.")}
        return group.key(names)

    wanted = {rest(family[0][1]) for family in families}
    found = []
    for group in section.groups:
        if group.config["method.prune"] == "none" and rest(group) in wanted:
            mean = group.mean("dense", which, section.distance)
            if mean:
                found.append(Curve(group.label, "dense", [Point(0.0, mean)]))
    return found


def over_fractions(sections: Sequence[Section]) -> list[Picture]:
    """Figure 4: sections that differ in the fraction of images only, as one."""
    alike: dict[str, list[Section]] = {}
    for section in sections:
        known = {**comparable(section.line), "data_fraction": None}
        key = json.dumps(known, sort_keys=True)
        alike.setdefault(key, []).append(section)
    return [
        _over_fraction(some)
        for some in alike.values()
        if len(some) > 1 and some[0].distance
    ]


def _over_fraction(sections: Sequence[Section]) -> Picture:
    name = sections[0].distance
    groups = [group for section in sections for group in section.groups]
    families = []
    for family in _families(groups, _SUBSET | _LENGTHS, _fraction):
        if len(_places(family)) == len(family):
            families.append(family)
        else:  # lengths tell apart what would be two runs at one place
            some = [group for _, group in family]
            families += _families(some, _SUBSET, _fraction)
    panels = [
        Panel(
            "fraction of the images",
            name,
            list(_curves(families, which, name)),
            title=which,
        )
        for which in WHICH
    ]
    numbers = "-".join(str(section.number) for section in sections)
    return Picture(
        f"sections-{numbers}-fraction",
        "Scores against the fraction of the images trained on",
        panels,
    )


def _fraction(group: Group) -> Any:
    return group.runs[0].line.get("data_fraction")
