"""Trains a kept result again and compares: python -m regan_tf.repeat FILE.

The seed, the threads and the versions that a `result.json` names make the same
training on the same kind of processor, bit for bit; on others rounding differs.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from regan_tf.command import Parser, with_status
from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import in_words
from regan_tf.report.chosen import load
from regan_tf.sweep.slots import make_slots
from regan_tf.tables import NONE, Table

# Flags of which a result keeps the last part of the path only.
_PATHS = (
    "data_path",
    "features",
    "inception_path",
    "perceptual_path",
    "masks",
    "initial_weights",
)
_EXAMPLE = """\
example:
  python -m regan_tf.repeat docs/results/X.json --data_path=FOLDER_OR_ZIP
"""
# Of a score line: how long it took, and what it was made by.
_ASIDE = ("train_seconds", "protocol")

Result = dict[str, Any]


def command_of(result: Result, paths: Sequence[str], run_dir: str) -> list[str]:
    """The words that train a result again.

    Args:
        result: a `result.json`.
        paths: flags of paths, "--data_path=…", in place of the result's.
        run_dir: of the new run; one that was interrupted goes on.

    Raises:
        UserError: other flags, or a path that is not there.
    """
    given = {x.partition("=")[0].lstrip("-"): x for x in paths}
    for name, word in given.items():
        if name not in _PATHS or "=" not in word:
            raise UserError(
                "what a result is trained with is in it; only paths may be "
                f"given: {', '.join(f'--{x}=PATH' for x in _PATHS)}. "
                f"Received: {word}"
            )
    kept = [x for x in result["flags"] if _name(x) not in given]
    for word in kept:
        _check_path(word)
    words = [*kept, *given.values(), f"--run_dir={run_dir}"]
    return [sys.executable, "-m", "regan_tf.train_main", *words]


def _name(word: str) -> str:
    return word.partition("=")[0].lstrip("-")


def _check_path(word: str) -> None:
    name, _, value = word.lstrip("-").partition("=")
    chosen = name == "features" and "." not in value
    if name in _PATHS and not chosen and not os.path.exists(value):
        raise UserError(
            f"a result has only the last part of a path: {word!r} is not "
            f"here; pass --{name}=PATH"
        )


def differences(kept: Result, again: Result) -> tuple[int, Table]:
    """Compares the last and the best scores of two results.

    Returns:
        How many figures were compared, and a table of those that differ in
        the five digits that a result keeps.
    """
    rows, compared = [], 0
    for when in ("final", "best"):
        for kind in {**kept[when], **again[when]}:
            lines = [x[when].get(kind, {}) for x in (kept, again)]
            for name, a, b in _pairs(*lines):
                compared += 1
                if a != b:
                    where = {"scores": when, "half": kind, "figure": name}
                    found = {"kept": in_words(a), "again": in_words(b)}
                    rows.append(where | found)
    words = ("scores", "half", "figure")
    return compared, Table([*words, "kept", "again"], rows, words, NONE)


def _pairs(kept: Result, again: Result) -> Iterator[tuple[str, Any, Any]]:
    for name in {**kept, **again}:
        if name not in _ASIDE:
            yield name, kept.get(name), again.get(name)


def _network(result: Result) -> str:
    """Name and hash of the network of a result's scores, in short."""
    lines = [x for when in ("final", "best") for x in result[when].values()]
    protocol = next((x.get("protocol") or {} for x in lines), {})
    found = (protocol.get(f"feature_{x}") for x in ("network", "sha256"))
    return " ".join(in_words(x) for x in found if x) or "unknown"


def _check(result: Result) -> None:
    whole = all(isinstance(result.get(x), dict) for x in ("final", "best"))
    if not whole or not isinstance(result.get("flags"), list):
        raise UserError("no result of a run: it has no flags or no scores")


def repeat(
    path: str,
    paths: Sequence[str],
    run_dir: str,
    train: Callable[[list[str], int], int],
) -> bool:
    """Trains a result again and prints how the scores compare.

    Args:
        path: a `result.json`.
        paths, run_dir: as of `command_of`.
        train: function (words, threads) that trains and gives the exit
            status.

    Returns:
        Whether all scores are the same.

    Raises:
        UserError: no result, flags that do not train it, or `run_dir` holds
            a finished run.
    """
    try:
        kept = load(path)
    except OSError as error:
        raise UserError(
            f"FILE must be a result.json. Received: {path!r} ({error.strerror})"
        ) from None
    _check(kept)
    found = os.path.join(run_dir, "result.json")
    if os.path.exists(found):
        raise UserError(
            f"--run_dir={run_dir} holds a finished run, which would train no "
            "more; name another, or move it away"
        )
    words = command_of(kept, paths, run_dir)
    print(shlex.join(words), flush=True)
    status = train(words, int(kept.get("threads") or 0))
    if status:
        raise UserError(f"training ended with status {status}, see above")
    if not os.path.exists(found):  # training that is stopped ends with 0
        raise UserError(
            "training was stopped before its end; the same command goes on"
        )
    again = load(found)
    for name in ("commit", "versions", "threads"):
        if kept.get(name) != again.get(name):
            print(f"{name}: {kept.get(name)} then, {again.get(name)} now")
    then, now = _network(kept), _network(again)
    if then != now:
        print(
            f"feature network: {then} then, {now} now, whose scores do not "
            "compare; a data set's classifier depends on how many cores it was "
            "trained on, the kept one maybe on all: score any images of the "
            "set by python -m regan_tf.evaluate first, which trains it on all"
        )
    compared, unlike = differences(kept, again)
    print(f"{compared - len(unlike.rows)} of {compared} figures are the same")
    if unlike.rows:
        print(unlike.markdown())
    return not unlike.rows


def _train(words: Sequence[str], threads: int) -> int:
    """Trains in a process with as many cores as the result had threads."""
    try:
        (slot,) = make_slots(1, threads)
    except UserError:
        raise UserError(
            f"the result is of {threads} threads, and scores depend on how "
            "many; this process has fewer cores"
        ) from None
    with subprocess.Popen(words, env=os.environ | slot.environment) as process:
        slot.pin(process.pid)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reaches it too; it saves, then ends.


@with_status
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: words after the program's name; None takes the process's.

    Returns:
        Exit status: 0 for the same scores, 1 for others, 2 for a user's
        mistake.
    """
    words, paths = _parser().parse_known_args(argv)
    stem = os.path.basename(words.result).removesuffix(".json")
    run_dir = words.run_dir or os.path.join("runs", f"repeat_{stem}")
    return 0 if repeat(words.result, paths, run_dir, _train) else 1


def _parser() -> Parser:
    parser = Parser(
        prog="python -m regan_tf.repeat",
        description="Trains a kept result again, with its seed and as many "
        "cores,\nand says which scores are not the same.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("result", metavar="FILE", help="a result.json")
    parser.add_argument(
        "--run_dir", metavar="DIR", help="default: runs/repeat_<name of FILE>"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
