"""Exceptions that `train_main.py` tells in one line."""


class UserError(ValueError):
    """A mistake of the user, told in one line.

    The message says what came, what was expected and how to mend it. Command
    lines print it without a traceback and exit with status 2; as a subclass
    of `ValueError` it can be caught as usual from Python.
    """


class Diverged(RuntimeError):
    """Training produced values that are not finite.

    The message names the step and the last good checkpoint.
    """
