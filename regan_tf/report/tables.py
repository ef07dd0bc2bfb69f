"""Tables of scores, one for each section."""

from collections.abc import Iterator, Sequence
from typing import Any

from regan_tf.report.group import WHICH, Group, Mean, Section
from regan_tf.tables import Table

WORDS = ("configuration", "generator", "checkpoint")
MISSING = "missing"
_FACTS = ("images_shown", "train_seconds")


def score_table(section: Section) -> Table:
    """A row for each generator, a column for each score: means over seeds.

    Scores of a network other than TF-GAN's Inception keep their names but for
    that of the network, for which "…" stands.
    """
    names = [x for x in section.scores if not x.endswith("_std")]
    names = [*_FACTS, *names]
    columns = [*WORDS, "seeds"]
    for name in names:
        columns += [shortened(section, name), f"{shortened(section, name)}_std"]
    rows = []
    for group, kind, which, said in generators(section):
        row: dict[str, Any] = {
            "configuration": group.label,
            "generator": kind,
            "checkpoint": said,
            "seeds": len(group.lines(kind, which)),
        }
        for name in names:
            mean = group.mean(kind, which, name)
            if mean is not None:
                row |= cells(shortened(section, name), mean)
        rows.append(row)
    return Table(columns, rows, WORDS, MISSING)


def generators(section: Section) -> Iterator[tuple[Group, str, str, str]]:
    """(group, half, checkpoint, checkpoint in words) of each row; a best
    that is the last in every run is one row."""
    for group in section.groups:
        for kind in group.kinds:
            if group.best_is_last(kind):
                yield group, kind, "last", "best and last"
            else:
                for which in WHICH:
                    yield group, kind, which, which


def cells(name: str, mean: Mean) -> dict[str, Any]:
    """A mean as columns of a `Table`: whole numbers stay whole."""
    whole = mean.value.is_integer() and not mean.deviation
    found: dict[str, Any] = {name: int(mean.value) if whole else mean.value}
    if mean.deviation is not None:
        found[f"{name}_std"] = mean.deviation
    return found


def shortened(section: Section, name: str) -> str:
    """A score's name with "…" for that of its network."""
    network = section.line["protocol"].get("feature_network")
    base = name.removesuffix("_std")
    deviation = name[len(base) :]
    if not network or not base.endswith(f"_{network}"):
        return name
    return f"{base.removesuffix(network)}…{deviation}"


def all_scores(sections: Sequence[Section]) -> Table:
    """Every figure of every section: a row for each, for a CSV file."""
    columns = (
        "section configuration generator checkpoint score mean deviation seeds"
    ).split()
    rows = []
    for section in sections:
        for group in section.groups:
            for kind in group.kinds:
                for which in WHICH:
                    start = section.number, group.label, kind, which
                    for name in [*_FACTS, *section.scores]:
                        figures = _figures(group.mean(kind, which, name))
                        values = *start, name, *figures
                        rows.append(dict(zip(columns, values, strict=True)))
    return Table(columns, rows)


def _figures(mean: Mean | None) -> tuple[Any, Any, int]:
    if mean is None:
        return MISSING, "", 0
    deviation = "" if mean.deviation is None else mean.deviation
    return mean.value, deviation, mean.count


def all_runs(sections: Sequence[Section]) -> Table:
    """Which run is in which line: a row for each, for a CSV file."""
    rows = [
        {
            "section": section.number,
            "configuration": group.label,
            "run": run.label,
            "seed": run.seed,
            "tensorflow": run.versions.get("tensorflow", ""),
            "keras": run.versions.get("keras", ""),
        }
        for section in sections
        for group in section.groups
        for run in group.runs
    ]
    columns = "section configuration run seed tensorflow keras".split()
    return Table(columns, rows)
