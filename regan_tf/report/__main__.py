"""Tables and figures of finished runs, beside the paper's.

python -m regan_tf.report runs --out=report
python -m regan_tf.report docs/results/*.json --out=report
"""

import argparse
import sys
from collections.abc import Sequence

from regan_tf.command import Parser, with_status


def _parser() -> Parser:
    parser = Parser(
        prog="python -m regan_tf.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run directory, result.json, or folder of such",
    )
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="folder to make"
    )
    parser.add_argument(
        "--configs",
        default=None,
        metavar="FOLDER",
        help="the paper's flag files, by which runs are known "
        "[default: configs/paper]",
    )
    parser.add_argument(
        "--nofigures",
        action="store_true",
        help="tables only, without matplotlib",
    )
    return parser


@with_status
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status, 2 for a user's mistake.

    Args:
        argv: words after the program's name; None takes the process's.
    """
    from regan_tf.paper import rows
    from regan_tf.paper.runs import runs
    from regan_tf.report.page import PAGE, make_report
    from regan_tf.report.rows import FOLDER

    words = _parser().parse_intermixed_args(argv)
    sections, left_out = make_report(
        words.runs,
        words.out,
        rows(),
        wanted=[
            (run.where, run.name)
            for run in runs().values()
            if not run.where.startswith("Table")
        ],
        folder=words.configs or FOLDER,
        figures=not words.nofigures,
    )
    count = sum(len(g.runs) for section in sections for g in section.groups)
    for source, reason in left_out:
        print(f"left out: {source}: {reason}", file=sys.stderr)
    print(f"{count} runs in {len(sections)} sections: {words.out}/{PAGE}")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    sys.exit(main())
