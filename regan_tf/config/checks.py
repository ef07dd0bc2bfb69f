"""Checks of single settings, worded as answers to a flag."""

from typing import Any

from regan_tf.errors import UserError


def check(condition: bool, flag: str, expected: str, value: Any) -> None:
    """Raises `UserError` unless `condition` holds.

    Args:
        condition: what must be true of the value.
        flag: name of the flag that gave it.
        expected: the condition in words, after "must be".
        value: what came.
    """
    if not condition:
        raise UserError(f"--{flag} must be {expected}. Received: {value!r}")


def check_choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises `UserError` unless `value` is one of `choices`."""
    check(value in choices, flag, "one of " + ", ".join(choices), value)
