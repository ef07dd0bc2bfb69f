"""The file of a sweep, and the runs that it spans.

    flags = ["--flagfile=configs/small_sngan.flags", "--data_path=${IMAGES}"]
    run_root = "runs/small"  # by default runs/<name of the file>

    [axes]
    method = { re = [], dense = ["--prune=none"] }  # choices: flags by name
    seed = [0, 1, 2]  # or the values of one flag

    [[exclude]]  # leave out what matches; [[only]]: leave out all else
    method = "dense"
    seed = [1, 2]

Every choice of an axis is combined with every one of the others. A run's flags
are `flags`, then those of its choices in order of the axes; of a flag that is
given twice, the later counts. ${NAME} is a variable of the environment. Paths
are as in flags, relative to where the command runs; a flag file is also looked
for beside the file.
"""

import itertools
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regan_tf.errors import UserError
from regan_tf.sweep.axes import (
    Axes,
    check,
    expanded,
    label_of,
    make_axes,
    words_of,
)

# Bytes of a run's name, from which those of its files are made.
_LONGEST = 200
_KEYS = ("flags", "run_root", "axes", "exclude", "only")


@dataclass(frozen=True)
class Run:
    """One run of a grid.

    Attributes:
        name: names of its choices, joined by "-"; its directory's name.
        choices: by axis, its choice.
        words: its flags, but for --run_dir.
    """

    name: str
    choices: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """The runs of a sweep.

    Attributes:
        run_root: folder of their run directories.
        runs: in the order in which they start.
    """

    run_root: str
    runs: tuple[Run, ...]

    def run_dir(self, run: Run) -> str:
        """The run's directory."""
        return os.path.join(self.run_root, run.name)


def read_grid(path: str) -> Grid:
    """Reads the file of a sweep.

    Raises:
        UserError: it cannot be read, or does not describe a grid.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UserError(
            "a sweep must be a file such as configs/sweeps/small.toml. "
            f"Received: {path!r} ({error.strerror})"
        ) from None
    except ValueError as error:  # with the line
        raise UserError(f"{path} is not TOML: {error}") from None
    try:
        return _grid(expanded(table), path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _grid(table: dict[str, Any], path: str) -> Grid:
    for key in table:
        check(key in _KEYS, "the file's keys", "among " + ", ".join(_KEYS), key)
    stem, _ = os.path.splitext(os.path.basename(path))
    run_root = table.get("run_root", os.path.join("runs", stem))
    good = isinstance(run_root, str) and run_root
    check(good, "run_root", "a folder's name", run_root)
    beside = os.path.dirname(path)
    base = words_of(table.get("flags", []), "flags", beside)
    axes = make_axes(table.get("axes"), beside)
    only, exclude = (
        _rules(table.get(x, []), x, axes) for x in ("only", "exclude")
    )
    runs = [
        run
        for run in _product(base, axes)
        if not _matches(run, exclude) and (not only or _matches(run, only))
    ]
    check(runs, "only and exclude", "such that a run is left", len(runs))
    names = [run.name for run in runs]
    for name in names:
        unlike = names.count(name) == 1
        check(unlike, "names of choices", "unlike when joined", name)
        short = len(os.fsencode(name)) <= _LONGEST
        check(
            short, "names of choices", f"at most {_LONGEST} bytes joined", name
        )
    return Grid(run_root, tuple(runs))


def _product(base: tuple[str, ...], axes: Axes) -> list[Run]:
    runs = []
    for chosen in itertools.product(*(axis.items() for axis in axes.values())):
        labels, choices = zip(*chosen, strict=True)
        words = itertools.chain(base, *(choice.words for choice in choices))
        name = "-".join(choice.part for choice in choices)
        by_axis = dict(zip(axes, labels, strict=True))
        runs.append(Run(name, by_axis, tuple(words)))
    return runs


_Rule = dict[str, list[str]]


def _rules(value: Any, key: str, axes: Axes) -> list[_Rule]:
    good = isinstance(value, list) and all(isinstance(x, dict) for x in value)
    check(good, key, f"tables, each after a line [[{key}]]", value)
    return [
        {axis: _wanted(axis, x, key, axes) for axis, x in rule.items()}
        for rule in value
    ]


def _wanted(axis: str, value: Any, key: str, axes: Axes) -> list[str]:
    check(axis in axes, key, "of axes " + ", ".join(axes), axis)
    values = value if isinstance(value, list) else [value]
    labels = [label_of(x, f"{key}.{axis}") for x in values]
    expected = "among " + ", ".join(axes[axis])
    for label in labels:
        check(label in axes[axis], f"{key}.{axis}", expected, label)
    return labels


def _matches(run: Run, rules: Sequence[_Rule]) -> bool:
    return any(
        all(run.choices[axis] in wanted for axis, wanted in rule.items())
        for rule in rules
    )
