"""Writes the flag files and the page of the paper's runs.

python -m regan_tf.paper.write

To be run in the root of the repository whenever `regan_tf.paper.runs`, the
published figures or the files of `configs/` change.
"""

import glob
import os
import textwrap

from regan_tf import flags
from regan_tf.command import run_command
from regan_tf.errors import UserError
from regan_tf.metrics.gpu_hours import ASSUMED
from regan_tf.paper import rows_of
from regan_tf.paper.expected import config_of, expected
from regan_tf.paper.page import PAGE, page
from regan_tf.paper.run_file import FOLDER, Run
from regan_tf.paper.runs import runs
from regan_tf.paper.said import said_figures, said_protocol
from regan_tf.train.run_dir import write_atomically


def main(argv: list[str]) -> None:
    """Writes what differs, and says which files that were.

    Raises:
        UserError: this is not the root of the repository, or the folder
            holds files of runs that are no longer there.
    """
    del argv
    if not os.path.isdir(os.path.dirname(FOLDER)):
        raise UserError(
            "python -m regan_tf.paper.write must be run in the root of the "
            f"repository. Received: {os.getcwd()!r}, without configs/"
        )
    os.makedirs(FOLDER, exist_ok=True)
    texts = {run.path: flag_file(run) for run in runs().values()}
    texts[PAGE] = page()
    for path, text in texts.items():
        if _read(path) != text:
            write_atomically(path, text)
            print(path)
    stale = set(glob.glob(f"{FOLDER}/*.flags")) - set(texts)
    if stale:
        raise UserError(
            f"{FOLDER} must hold files of these runs only. Received: "
            f"{', '.join(sorted(stale))}; remove them"
        )


def flag_file(run: Run) -> str:
    """The text of a run's flag file; flags must be defined."""
    header = [_comment("", f"{run.title} (Saxena et al. 2023, {run.where}).")]
    command = f"python train_main.py --flagfile={run.path}"
    header.append(f"# Command:   {command}")
    published = said_figures(rows_of(run.name)) or "no figures"
    header.append(_comment("Published: ", f"{published}."))
    if run.same_as:
        said = f"the run of {run.same_as}.flags, in its run directory."
        header.append(_comment("Same as:   ", said))
    protocol = said_protocol(config_of(run))
    header.append(_comment("Protocol:  ", f"{protocol}."))
    header.append(_comment("Cost:      ", _cost(run)))
    header += [_comment("", note) for note in run.notes]
    return "\n".join([*header, *run.lines]) + "\n"


def _cost(run: Run) -> str:
    cost = expected(run)
    made = f" in {cost.trainings} trainings" * (cost.trainings > 1)
    return f"{cost}{made} on one {ASSUMED}: assumed; docs/paper.md."


def _comment(name: str, text: str) -> str:
    return "\n".join(
        textwrap.wrap(
            text,
            width=80,
            initial_indent=f"# {name}",
            subsequent_indent="# " + " " * len(name),
            break_on_hyphens=False,
            break_long_words=False,
        )
    )


def _read(path: str) -> str | None:
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    run_command(flags.define, main)
