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
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from regan_tf.errors import UserError

_KEYS = ("flags", "run_root", "axes", "exclude", "only")
_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)  # a folder's, on any machine
_VARIABLE = re.compile(r"\$\{(\w+)\}")


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


class _Choice(NamedTuple):
    part: str  # of the run's name
    words: tuple[str, ...]


_Axes = dict[str, dict[str, _Choice]]


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
        return _grid(_expanded(table), path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _grid(table: dict[str, Any], path: str) -> Grid:
    for key in table:
        _check(
            key in _KEYS, "the file's keys", "among " + ", ".join(_KEYS), key
        )
    stem, _ = os.path.splitext(os.path.basename(path))
    run_root = table.get("run_root", os.path.join("runs", stem))
    good = isinstance(run_root, str) and run_root
    _check(good, "run_root", "a folder's name", run_root)
    beside = os.path.dirname(path)
    base = _words(table.get("flags", []), "flags", beside)
    axes = _axes(table.get("axes"), beside)
    only, exclude = (
        _rules(table.get(x, []), x, axes) for x in ("only", "exclude")
    )
    runs = [
        run
        for run in _product(base, axes)
        if not _matches(run, exclude) and (not only or _matches(run, only))
    ]
    _check(runs, "only and exclude", "such that a run is left", len(runs))
    names = [run.name for run in runs]
    for name in names:
        unlike = names.count(name) == 1
        _check(unlike, "names of choices", "unlike when joined", name)
    return Grid(run_root, tuple(runs))


def _product(base: tuple[str, ...], axes: _Axes) -> list[Run]:
    runs = []
    for chosen in itertools.product(*(axis.items() for axis in axes.values())):
        labels, choices = zip(*chosen, strict=True)
        words = itertools.chain(base, *(choice.words for choice in choices))
        name = "-".join(choice.part for choice in choices)
        by_axis = dict(zip(axes, labels, strict=True))
        runs.append(Run(name, by_axis, tuple(words)))
    return runs


def _axes(table: Any, beside: str) -> _Axes:
    expected = "a table of at least one axis, such as seed = [0, 1, 2]"
    _check(isinstance(table, dict) and table, "[axes]", expected, table)
    return {name: _axis(name, value, beside) for name, value in table.items()}


def _axis(name: str, value: Any, beside: str) -> dict[str, _Choice]:
    said = f"axes.{name}"
    expected = "a list of a flag's values, or a table of choices, not empty"
    _check(isinstance(value, list | dict) and value, said, expected, value)
    if isinstance(value, list):
        labels = [_label(x, said) for x in value]
        _check(len({*labels}) == len(labels), said, "unlike values", value)
        axis = {x: _Choice(f"{name}_{x}", (f"--{name}={x}",)) for x in labels}
    else:
        axis = {
            label: _Choice(label, _words(words, f"{said}.{label}", beside))
            for label, words in value.items()
        }
    for label, choice in axis.items():
        expected = "of letters, digits and _.+- (give a name to other values)"
        good = _NAME.fullmatch(choice.part)
        _check(good, f"names in {said}", expected, label)
    return axis


def _label(value: Any, said: str) -> str:
    """A flag's value as a command line has it."""
    good = isinstance(value, str | int | float)
    _check(good, f"values of {said}", "numbers, texts or booleans", value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(value: Any, said: str, beside: str) -> tuple[str, ...]:
    good = isinstance(value, list) and all(
        isinstance(word, str) and word.startswith("--") for word in value
    )
    _check(good, said, 'a list of flags, such as ["--seed=1"]', value)
    return tuple(_located(word, beside) for word in value)


def _located(word: str, beside: str) -> str:
    """A flag whose flag file, if it is one, is found from here."""
    name, _, path = word.partition("=")
    if name != "--flagfile" or os.path.exists(path):
        return word
    other = os.path.join(beside, path)
    return f"{name}={other}" if os.path.exists(other) else word


_Rule = dict[str, list[str]]


def _rules(value: Any, key: str, axes: _Axes) -> list[_Rule]:
    good = isinstance(value, list) and all(isinstance(x, dict) for x in value)
    _check(good, key, f"tables, each after a line [[{key}]]", value)
    return [
        {axis: _wanted(axis, x, key, axes) for axis, x in rule.items()}
        for rule in value
    ]


def _wanted(axis: str, value: Any, key: str, axes: _Axes) -> list[str]:
    _check(axis in axes, key, "of axes " + ", ".join(axes), axis)
    values = value if isinstance(value, list) else [value]
    labels = [_label(x, f"{key}.{axis}") for x in values]
    expected = "among " + ", ".join(axes[axis])
    for label in labels:
        _check(label in axes[axis], f"{key}.{axis}", expected, label)
    return labels


def _matches(run: Run, rules: Sequence[_Rule]) -> bool:
    return any(
        all(run.choices[axis] in wanted for axis, wanted in rule.items())
        for rule in rules
    )


def _expanded(value: Any) -> Any:
    """A value of the file with variables of the environment put in."""
    if isinstance(value, dict):
        return {key: _expanded(x) for key, x in value.items()}
    if isinstance(value, list):
        return [_expanded(x) for x in value]
    return _VARIABLE.sub(_value, value) if isinstance(value, str) else value


def _value(match: re.Match[str]) -> str:
    name = match[1]
    if name not in os.environ:
        raise UserError(
            f"the environment has no {name}, which ${{{name}}} asks for; set "
            "it in front of the command"
        )
    return os.environ[name]


def _check(good: Any, said: str, expected: str, value: Any) -> None:
    if not good:
        raise UserError(f"{said} must be {expected}. Received: {value!r}")
