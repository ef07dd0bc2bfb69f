"""The axes of a sweep: their choices, and the flags of each."""

import os
import re
from typing import Any, NamedTuple

from regan_tf.errors import UserError

_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)  # a folder's, on any machine
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Choice(NamedTuple):
    """A choice of an axis: its part of a run's name, and its flags."""

    part: str
    words: tuple[str, ...]


Axes = dict[str, dict[str, Choice]]  # by axis, by label


def make_axes(table: Any, beside: str) -> Axes:
    """The axes that a table of the file describes.

    Args:
        table: as the file has it.
        beside: folder of the file.

    Raises:
        UserError: it is no such table, or holds no axis.
    """
    expected = "a table of at least one axis, such as seed = [0, 1, 2]"
    check(isinstance(table, dict) and table, "[axes]", expected, table)
    return {name: _axis(name, value, beside) for name, value in table.items()}


def _axis(name: str, value: Any, beside: str) -> dict[str, Choice]:
    said = f"axes.{name}"
    expected = "a list of a flag's values, or a table of choices, not empty"
    check(isinstance(value, list | dict) and value, said, expected, value)
    if isinstance(value, list):
        labels = [label_of(x, said) for x in value]
        check(len({*labels}) == len(labels), said, "unlike values", value)
        axis = {x: Choice(f"{name}_{x}", (f"--{name}={x}",)) for x in labels}
    else:
        axis = {
            label: Choice(label, words_of(words, f"{said}.{label}", beside))
            for label, words in value.items()
        }
    for label, choice in axis.items():
        expected = "of letters, digits and _.+- (give a name to other values)"
        good = _NAME.fullmatch(choice.part)
        check(good, f"names in {said}", expected, label)
    return axis


def label_of(value: Any, said: str) -> str:
    """A value as a command line has it.

    Raises:
        UserError: it is a table, a list or a date.
    """
    good = isinstance(value, str | int | float)
    check(good, f"values of {said}", "numbers, texts or booleans", value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def words_of(value: Any, said: str, beside: str) -> tuple[str, ...]:
    """A list of flags; flag files among them are looked for in `beside` too.

    Raises:
        UserError: it is none; `said` is what it is called.
    """
    good = isinstance(value, list) and all(
        isinstance(word, str) and word.startswith("--") for word in value
    )
    check(good, said, 'a list of flags, such as ["--seed=1"]', value)
    return tuple(_located(word, beside) for word in value)


def _located(word: str, beside: str) -> str:
    """A flag whose flag file, if it is one, is found from here."""
    name, _, path = word.partition("=")
    if name != "--flagfile" or os.path.exists(path):
        return word
    other = os.path.join(beside, path)
    return f"{name}={other}" if os.path.exists(other) else word


def expanded(value: Any) -> Any:
    """A value of the file with variables of the environment put in.

    Raises:
        UserError: one is not set.
    """
    if isinstance(value, dict):
        return {key: expanded(x) for key, x in value.items()}
    if isinstance(value, list):
        return [expanded(x) for x in value]
    return _VARIABLE.sub(_value, value) if isinstance(value, str) else value


def _value(match: re.Match[str]) -> str:
    name = match[1]
    if name not in os.environ:
        raise UserError(
            f"the environment has no {name}, which ${{{name}}} asks for; set "
            "it in front of the command"
        )
    return os.environ[name]


def check(good: Any, said: str, expected: str, value: Any) -> None:
    """Raises `UserError` unless something is good, in the file's words."""
    if not good:
        raise UserError(f"{said} must be {expected}. Received: {value!r}")
