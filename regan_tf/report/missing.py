"""What runs lack that others beside them have."""

from collections.abc import Sequence

from regan_tf.report.group import WHICH, Group, Section


def missing_in(section: Section) -> list[str]:
    """A line for each seed or score that other lines of the section have."""
    seeds = sorted({x for group in section.groups for x in group.seeds})
    found = []
    for group in section.groups:
        lacking = [x for x in seeds if x not in group.seeds]
        if lacking:
            found.append(f"{group.label}: no run of {_seeds(lacking)}")
        for kind in group.kinds:
            for which in WHICH:
                where = f"{group.label}, {kind}, {which}"
                lines = _lacking(section, group, kind, which)
                found += [f"{where}: {line}" for line in lines]
        if (
            "sparse" not in group.kinds
            and group.config["method.prune"] != "none"
        ):
            found.append(f"{group.label}: no score of the sparse half")
    return found


def _lacking(
    section: Section, group: Group, kind: str, which: str
) -> list[str]:
    """What runs of a group lack at a checkpoint, with their seeds."""
    lacking: dict[str, list[int]] = {}
    for run in group.runs:
        line = run.chosen.get((kind, which))
        if line is None:
            lacking.setdefault("no score", []).append(run.seed)
            continue
        names = ", ".join(x for x in section.scores if x not in line)
        if names:
            lacking.setdefault(f"no {names}", []).append(run.seed)
    return [f"{what} ({_seeds(seeds)})" for what, seeds in lacking.items()]


def _seeds(seeds: Sequence[int]) -> str:
    numbers = ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {numbers}"
