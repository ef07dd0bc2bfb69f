"""What the commands of this package share: one line for a mistake."""

import argparse
import functools
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from absl import app, logging

from regan_tf.errors import UserError
from regan_tf.flags import parse_words


class Parser(argparse.ArgumentParser):
    """A parser of commands with arguments that are no flags.

    Raises:
        UserError: instead of exiting, of words that it does not take.
    """

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows an example")


def with_status(main: Callable[..., int]) -> Callable[..., int]:
    """A command's `main` that tells a user's mistake in one line, and returns
    2 for it."""

    @functools.wraps(main)
    def told(*args: Any) -> int:
        try:
            return main(*args)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return told


def run_command(
    define: Callable[[], None], main: Callable[[list[str]], Any]
) -> None:
    """Runs a command line; a user's mistake is one line and status 2.

    Args:
        define: defines the command's flags.
        main: as `absl.app.run` takes it.
    """
    # TensorFlow's start-up notes would bury the command's own lines.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.set_verbosity(logging.WARNING)
    define()
    app.run(answering(main), flags_parser=answering(parse_words))


def answering(function: Callable[[list[str]], Any]) -> Callable:
    """`function`, which ends the process with status 2 and one line after a
    user's mistake."""

    def run(argv: list[str]) -> Any:
        try:
            return function(argv)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return run
