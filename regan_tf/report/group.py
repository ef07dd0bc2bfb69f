"""Runs that are one line of a table, and lines that are one table."""

import json
import os
import re
import statistics
import sys
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from regan_tf.metrics.score_lines import Line, comparable, is_distance, names_in
from regan_tf.report.chosen import KINDS
from regan_tf.report.identity import Config
from regan_tf.report.read import LeftOut, Run
from regan_tf.tables import in_short, is_score

WHICH = ("best", "last")
# The end of a name that tells a seed.
_SEED = re.compile(r"[-_./]*(s|seed)?[-_=.]*\d*$", re.IGNORECASE)
# Not of one generator, but of two at a distance that runs choose.
_NO_SCORES = ("mse_to_previous",)


class Mean(NamedTuple):
    """A figure over seeds.

    Attributes:
        value: the mean.
        deviation: the sample standard deviation; None for one value.
        count: values.
    """

    value: float
    deviation: float | None
    count: int


def is_number(value: Any) -> bool:
    """Whether a figure can be averaged and drawn."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


def mean_of(values: Sequence[float]) -> Mean | None:
    """The mean of some values; None for none."""
    if not values:
        return None
    many = len(values) > 1
    deviation = statistics.stdev(values) if many else None
    return Mean(statistics.fmean(values), deviation, len(values))


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ by their seed only, scored alike.

    Attributes:
        label: of the runs, without their seeds.
        runs: in order of their seeds.
    """

    label: str
    runs: list[Run]

    @property
    def config(self) -> Config:
        """Settings that all share."""
        return self.runs[0].config

    def key(self, aside: Set[str] = frozenset()) -> str:
        """Settings that all share, but for some, as text."""
        return _key(self.runs[0], aside)

    @property
    def seeds(self) -> list[int]:
        """Of the runs."""
        return [run.seed for run in self.runs]

    @property
    def kinds(self) -> list[str]:
        """Halves that any of the runs has a score of."""
        kinds = {kind for run in self.runs for kind, _ in run.chosen}
        return [kind for kind in KINDS if kind in kinds]

    def lines(self, kind: str, which: str) -> list[Line]:
        """The score lines of a half at a checkpoint, of the runs that have
        one."""
        found = (run.chosen.get((kind, which)) for run in self.runs)
        return [line for line in found if line]

    def mean(self, kind: str, which: str, name: str) -> Mean | None:
        """A figure over the seeds that have it."""
        lines = self.lines(kind, which)
        return mean_of([x[name] for x in lines if is_number(x.get(name))])

    def best_is_last(self, kind: str) -> bool:
        """Whether that holds for the half in every run."""
        chosen = (
            [run.chosen.get((kind, which), {}) for which in WHICH]
            for run in self.runs
        )
        return all(_same_generator(*pair) for pair in chosen)


def _same_generator(a: Line, b: Line) -> bool:
    return a.get("of_step") == b.get("of_step")


@dataclass(frozen=True, eq=False)
class Section:
    """Groups whose scores compare.

    Attributes:
        number: of the section, from 1.
        groups: in order of their labels.
    """

    number: int
    groups: list[Group]

    @property
    def line(self) -> Line:
        """Any line: what it must share to compare, all have."""
        return self.groups[0].runs[0].line

    @property
    def title(self) -> str:
        """The protocol in one line, with the fraction of the images."""
        share = self.line.get("data_fraction")
        said = f"{100 * share:.4g}%" if is_number(share) else "an unknown part"
        return f"{in_short([self.line])}, trained on {said} of the images"

    @property
    def scores(self) -> list[str]:
        """Names of the scores that any line has, in order."""
        lines = [
            line
            for group in self.groups
            for run in group.runs
            for line in run.chosen.values()
        ]
        return [
            name
            for name in names_in(lines)
            if name not in _NO_SCORES and any(is_score(name, x) for x in lines)
        ]

    @property
    def distance(self) -> str | None:
        """The name of the Fréchet distance; None if no line has it."""
        return next(filter(is_distance, self.scores), None)


def setting(run: Run) -> str:
    """What two runs must share for their scores to compare, as text."""
    return _text(comparable(run.line))


def _key(run: Run, aside: Set[str] = frozenset()) -> str:
    """Settings, but for some, and minor versions, which compute otherwise."""
    kept = {n: x for n, x in run.config.items() if n not in aside}
    versions = (
        str(run.versions.get(name)).rpartition(".")[0]
        for name in ("tensorflow", "keras")
    )
    return _text([kept, *versions])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def sections_of(runs: Iterable[Run]) -> tuple[list[Section], list[LeftOut]]:
    """Sorts runs into sections and groups.

    Of runs with one configuration, seed and setting the first counts, run
    directories before result files.

    Returns:
        The sections, and the runs that are left out.
    """
    left_out: list[LeftOut] = []
    sorted_in: dict[str, dict[str, dict[int, Run]]] = {}
    for run in sorted(runs, key=lambda x: (not os.path.isdir(x.path), x.label)):
        groups = sorted_in.setdefault(setting(run), {})
        seeds = groups.setdefault(_key(run), {})
        first = seeds.setdefault(run.seed, run)
        if first is not run:
            left_out.append(
                LeftOut(
                    run.label,
                    f"configuration, seed ({run.seed}) and protocol are those "
                    f"of {first.label}, which is taken",
                )
            )
    ordered = sorted(sorted_in.items())
    sections = [
        Section(number, _groups(groups.values()))
        for number, (_, groups) in enumerate(ordered, 1)
    ]
    return sections, left_out


def _groups(groups: Iterable[dict[int, Run]]) -> list[Group]:
    found = [[seeds[x] for x in sorted(seeds)] for seeds in groups]
    names = [label_of([run.label for run in runs]) for runs in found]
    made = [
        Group(name if names.count(name) == 1 else _joined(runs), runs)
        for name, runs in zip(names, found, strict=True)
    ]
    return sorted(made, key=lambda group: group.label)


def label_of(names: Sequence[str]) -> str:
    """What the names of some runs share at both ends, without the word
    "seed"; all of them, if they share nothing."""
    if len(names) == 1:
        return names[0]
    start = os.path.commonprefix(names)  # noqa: RUF071 (not of paths)
    rests = [name[len(start) :][::-1] for name in names]
    end = os.path.commonprefix(rests)[::-1]  # noqa: RUF071
    parts = _SEED.sub("", start), end.lstrip("-_.0123456789")
    return "…".join(filter(None, parts)) or ", ".join(names)


def _joined(runs: Sequence[Run]) -> str:
    return ", ".join(run.label for run in runs)
