"""Figures of scores against a setting: sparsity, interval, fraction."""

import json
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from regan_tf.metrics.score_lines import comparable
from regan_tf.report.curves import Curve, Panel, Picture, Point
from regan_tf.report.group import WHICH, Group, Section, is_number, label_of

_SUBSET = frozenset(("data.fraction", "data.num_images"))
# Lengths may follow the number of images.
_LENGTHS = frozenset(
    "training.steps training.stage_lengths method.warmup method.rewind "
    "method.update_interval".split()
)

_LOOSEST_FIRST = (
    _SUBSET | _LENGTHS,
    (_SUBSET | _LENGTHS) - {"method.update_interval"},
    _SUBSET,
)
_FEW = 3  # settings in the label of a curve

# Groups with the place of each on the x axis.
_Family = list[tuple[float, Group]]


def across_setting(
    section: Section, name: str, said: str, log: bool
) -> Picture:
    """Figure 6: scores against a setting of the method, where runs differ in
    no other.

    Args:
        section: of runs that compare.
        name: of the setting.
        said: it, in words.
        log: whether it is drawn logarithmically.
    """
    setting = f"method.{name}"
    pruned = [x for x in section.groups if setting in x.config]
    families = _families(pruned, {setting}, lambda x: x.config[setting])
    panels = []
    for which in WHICH if section.distance else ():
        curves = list(_curves(families, which, section.distance))
        levels = _levels(section, families, which) if curves else []
        panels.append(
            Panel(said, section.distance, curves, levels, log, title=which)
        )
    return Picture(
        f"section-{section.number}-{name}",
        f"Scores against --{name}; dotted: without pruning",
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
    labels = _labels(families)
    for label, family in sorted(zip(labels, families, strict=True), key=_first):
        kinds = dict.fromkeys(k for _, group in family for k in group.kinds)
        for kind in kinds:
            means = [(x, g.mean(kind, which, name)) for x, g in family]
            points = [Point(x, y) for x, y in means if y]
            if len(points) > 1:
                yield Curve(label, kind, points)


def _labels(families: Sequence[_Family]) -> list[str]:
    """Names of families: the network, and the settings by which they differ;
    where these are many or do not tell, their runs."""
    configs = [family[0][1].config for family in families]
    labels = []
    for family, config in zip(families, configs, strict=True):
        unlike = [
            f"{name.partition('.')[2]}={value}"
            for name, value in sorted(config.items())
            if name not in _SUBSET | _LENGTHS
            and _fixed(family, name)
            and any(name in x and x[name] != value for x in configs)
        ]
        names = [group.label for _, group in family]
        few = ", ".join([config["network.arch"], *unlike])
        labels.append(few if len(unlike) <= _FEW else label_of(names))
    return [
        label if labels.count(label) == 1 else _all_of(family)
        for label, family in zip(labels, families, strict=True)
    ]


def _fixed(family: _Family, name: str) -> bool:
    first = family[0][1].config.get(name)
    return all(group.config.get(name) == first for _, group in family)


def _all_of(family: _Family) -> str:
    return ", ".join(group.label for _, group in family)


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
    families = _of_one_kind(groups, _LOOSEST_FIRST)
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


def _of_one_kind(
    groups: Sequence[Group], settings: Sequence[Set[str]]
) -> list[_Family]:
    """Families whose lengths may follow the images, where that leaves one
    group at each place; else fewer settings may differ."""
    families = []
    free, *tighter = settings
    for family in _families(groups, free, _fraction):
        if len(_places(family)) == len(family) or not tighter:
            families.append(family)
        else:
            some = [group for _, group in family]
            families += _of_one_kind(some, tighter)
    return families


def _fraction(group: Group) -> Any:
    return group.runs[0].line.get("data_fraction")
