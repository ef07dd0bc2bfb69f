"""Paths that flags give."""

import os

from regan_tf.errors import UserError


def existing(path: str, flag: str, what: str) -> str:
    """`path` made absolute.

    Args:
        path: as the flag gives it; may start with "~".
        flag: its name.
        what: it should be, in words.

    Raises:
        UserError: there is nothing.
    """
    found = os.path.abspath(os.path.expanduser(path))
    if not os.path.exists(found):
        raise UserError(
            f"--{flag} must be the path of {what}. Received: {path!r}, where "
            "there is nothing"
        )
    return found
