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
from regan_tf.report.identity import Config
from regan_tf.report.tables import shortened

# Lengths may follow the number of images.
_LENGTHS = frozenset(
    "training.steps training.stage_lengths method.warmup method.rewind "
    "method.update_interval".split()
)


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
        y = shortened(section, section.distance)
        panels.append(Panel(setting, y, curves, levels, log, which))
    return Picture(
        f"section-{section.number}-{name}",
        f"Scores against {setting}; dotted: without pruning",
        panels,
    )


# Groups with the place of each on the x axis.
_Family = list[tuple[float, Group]]


def _families(
    groups: Sequence[Group],
    free: Set[str],
    x_of: Callable[[Group], Any],
) -> dict[str, _Family]:
    """Groups that differ in free settings only, at two places or more."""
    found: dict[str, _Family] = {}
    for group in groups:
        x = x_of(group)
        if is_number(x):
            key = _without(group.config, free)
            found.setdefault(key, []).append((float(x), group))
    named: dict[str, _Family] = {}
    for members in found.values():
        if len({x for x, _ in members}) > 1:
            members.sort(key=lambda member: (member[0], member[1].label))
            label = label_of([group.label for _, group in members])
            while label in named:
                label += "'"
            named[label] = members
    return named


def _without(config: Config, names: Set[str]) -> str:
    kept = {n: x for n, x in config.items() if n not in names}
    return json.dumps(kept, sort_keys=True)


def _curves(
    families: dict[str, _Family], which: str, name: str
) -> Iterator[Curve]:
    for label, members in sorted(families.items()):
        kinds = dict.fromkeys(k for _, group in members for k in group.kinds)
        for kind in kinds:
            means = [(x, g.mean(kind, which, name)) for x, g in members]
            points = [Point(x, y) for x, y in means if y]
            if len(points) > 1:
                yield Curve(label, kind, points)


def _levels(
    section: Section,
    families: dict[str, _Family],
    which: str,
) -> list[Curve]:
    """Runs without pruning that are else as those of a family."""

    def rest(group: Group) -> str:
        names = {n for n in group.config if n.startswith("method.")}
        return _without(group.config, names)

    wanted = {rest(members[0][1]) for members in families.values()}
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
        known = comparable(section.line)
        alike.setdefault(_without(known, {"data_fraction"}), []).append(section)
    return [
        _over_fraction(some)
        for some in alike.values()
        if len(some) > 1 and some[0].distance
    ]


def _over_fraction(sections: Sequence[Section]) -> Picture:
    first = sections[0]
    groups = [group for section in sections for group in section.groups]
    subset = {"data.fraction", "data.num_images"}
    loose = _families(groups, subset | _LENGTHS, _fraction)
    # Lengths tell apart what would be two runs at one place.
    families = {}
    for label, members in loose.items():
        places = [x for x, _ in members]
        if len({*places}) == len(places):
            families[label] = members
        else:
            some = [group for _, group in members]
            families |= _families(some, subset, _fraction)
    panels = [
        Panel(
            "fraction of the images",
            shortened(first, first.distance),
            list(_curves(families, which, first.distance)),
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
