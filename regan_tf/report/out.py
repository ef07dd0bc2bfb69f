"""The folder of a report: whose it is."""

import json
import os

from regan_tf.errors import UserError

MARK = ".regan_tf_report"  # names the files that a report made


def check_out(out: str) -> None:
    """Refuses to replace what no report made.

    Raises:
        UserError: `out` is there, not empty, and no report's, or holds files
            that were put beside a report's.
    """
    if not os.path.lexists(out):
        return
    others: list[str] | None = None
    if os.path.isdir(out) and not os.path.islink(out):
        known = _listed(out)
        others = sorted({*os.listdir(out)} - known)
    if others is None or others:
        what = f"it holds {others[0]}" if others else "it is no folder"
        raise UserError(
            "--out must be a new folder, or one that a report made. Received: "
            f"{out!r}, which no report made: {what}"
        )


def _listed(out: str) -> set[str]:
    try:
        with open(os.path.join(out, MARK), encoding="utf-8") as file:
            return set(json.load(file))
    except (OSError, ValueError, TypeError):
        return set()


def write(path: str, text: str) -> None:
    """Writes a text as UTF-8."""
    # A label may hold what a folder's name does and UTF-8 does not.
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
