"""Runs a grid of runs: python -m regan_tf.sweep FILE.

    IMAGES=FOLDER_OR_ZIP python -m regan_tf.sweep configs/sweeps/small.toml

The file is described in `regan_tf.sweep.grid`.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence

from regan_tf.command import Parser, with_status
from regan_tf.errors import UserError
from regan_tf.sweep import grid
from regan_tf.sweep.execute import execute, train_command
from regan_tf.sweep.plan import CHANGED, DONE, Plan, check_paths, make_plans
from regan_tf.sweep.slots import make_slots

_EXAMPLE = """\
examples:
  python -m regan_tf.sweep configs/sweeps/small.toml --dry_run
  python -m regan_tf.sweep configs/sweeps/small.toml --jobs=2 --cores_per_job=1
  python -m regan_tf.sweep configs/sweeps/small.toml --gpus=0,1 --only=dense

The same command goes on where it stopped: finished runs are skipped, others
resume.

"""


@with_status
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: words after the program's name; None takes the process's.

    Returns:
        Exit status: 0 if all chosen runs are done, 1 if not, 2 for a user's
        mistake.
    """
    words = _parser().parse_intermixed_args(argv)
    gpus = [x.strip() for x in words.gpus.split(",") if x.strip()]
    slots = make_slots(words.jobs, words.cores_per_job, gpus)
    spanned = grid.read_grid(words.file)
    plans = make_plans(spanned)
    chosen = _chosen(words.only, [run.name for run in spanned.runs])
    if words.dry_run:
        mine = [plan for plan in plans if plan.run.name in chosen]
        print(_describe(mine, words.overwrite))
        return 0
    check_paths(plans)
    done = execute(
        spanned.run_root,
        plans,
        slots,
        chosen=chosen,
        overwrite=words.overwrite,
    )
    return 0 if done else 1


def _chosen(pattern: str, names: Sequence[str]) -> list[str]:
    try:
        chosen = [name for name in names if re.search(pattern, name)]
    except re.error as error:
        raise UserError(
            f"--only must be a regular expression. Received: {pattern!r} "
            f"({error})"
        ) from None
    if not chosen:
        raise UserError(
            f"--only must match the name of a run, such as {names[0]}. "
            f"Received: {pattern!r}"
        )
    return chosen


def _describe(plans: Sequence[Plan], overwrite: bool) -> str:
    """What would be run."""
    lines = []
    for plan in plans:
        changed = plan.state == CHANGED
        note = f" ({plan.changed})" if changed else ""
        lines.append(f"# {plan.run.name}: {plan.state}{note}")
        if plan.state != DONE and (overwrite or not changed):
            _, *rest = train_command(plan, overwrite=changed)
            lines.append(shlex.join(["python", *rest]))
    shown = [plan.images_shown for plan in plans if plan.state != DONE]
    known = None not in shown
    cost = f", {sum(shown):,} images to show" if known else ""
    done = len(plans) - len(shown)
    lines.append(f"# {len(plans)} runs, {done} of them done{cost}")
    return "\n".join(lines)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m regan_tf.sweep",
        description="Runs every combination of the choices in a file.",
        epilog=_EXAMPLE + (grid.__doc__ or ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="TOML file of the grid")
    add("--jobs", type=int, help="runs at once [1, or one for each GPU]")
    add(
        "--cores_per_job",
        type=int,
        default=0,
        help="cores of each run, its own [0: all runs share all]",
    )
    add("--gpus", default="", help="GPUs, one for each run, such as 0,1")
    add("--only", default="", metavar="REGEX", help="runs whose name matches")
    add(
        "--overwrite",
        action="store_true",
        help="start runs afresh whose flags are others than in their "
        "directory, which is moved aside; finished and interrupted ones with "
        "the same flags are left alone",
    )
    add("--dry_run", action="store_true", help="print the commands, and stop")
    return parser


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # for consoles without "→"
    sys.exit(main())
