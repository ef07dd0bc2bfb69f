"""Run directories and result files, read and not believed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import (
    Line,
    in_words,
    like_last,
    read_scores,
)
from regan_tf.report.chosen import (
    Note,
    among,
    any_of,
    check_chosen,
    chosen_of,
    finite,
    in_five_digits,
    load,
    whole,
)
from regan_tf.report.find import FILES, find_sources, is_ticket
from regan_tf.report.identity import Config, asked, identity, recorded
from regan_tf.tables import labels
from regan_tf.train.result import flags_without_folders


class LeftOut(NamedTuple):
    """What is not reported, and why, in one line."""

    source: str
    reason: str


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, as its files tell.

    Attributes:
        path: run directory or result file.
        label: the shortest end of the path that tells it from the others.
        config: its `identity`.
        seed: of its training.
        eval_every: steps from one score to the next.
        chosen: score lines by (half, "best" or "last"), alike in protocol.
        lines: score lines of all its training that compare with those; of a
            result file and a ticket those figures alone that its curves hold.
        versions: of the packages that it was trained with.
    """

    path: str
    label: str
    config: Config
    seed: int
    eval_every: Any
    chosen: dict[tuple[str, str], Line]
    lines: list[Line] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> Line:
        """Any of the chosen lines, which all compare."""
        return any_of(self.chosen)


def read_runs(paths: Sequence[str]) -> tuple[list[Run], list[LeftOut]]:
    """Reads what is at some paths, as `find_sources` finds it.

    Returns:
        The runs, in order of their paths, and what of them is left out.

    Raises:
        UserError: there is nothing at a path.
    """
    sources = find_sources(paths)
    names = labels(sources)
    runs: list[Run] = []
    left_out: list[LeftOut] = []
    for path in sources:
        label = names[path].removesuffix(".json")

        def note(reason: str, label: str = label) -> None:
            left_out.append(LeftOut(label, reason))

        try:
            runs.append(_read(path, label, note))
        except UserError as error:
            note(one_line(error))
        except Exception as error:  # whatever a damaged file leads to
            note(f"damaged ({type(error).__name__}: {one_line(error)})")
    return runs, left_out


def one_line(error: Exception) -> str:
    """An error's words in one line, cut where they are many."""
    return " ".join(str(error).split())[:300]


def _read(path: str, label: str, note: Note) -> Run:
    if is_ticket(path):
        return _read_ticket(path, label, note)
    reader = _read_folder if os.path.isdir(path) else _read_result
    return reader(path, label, note)


def _read_ticket(path: str, label: str, note: Note) -> Run:
    """A ticket: the scores of its last round, the costs of all."""
    result, flags = (
        os.path.join(path, x) for x in ("result.json", "flags.txt")
    )
    if not os.path.exists(result):
        raise UserError("has no result.json; the ticket has not finished")
    with open(flags, encoding="utf-8") as file:
        known = flags_without_folders(file.read())
    if load(result).get("flags") != known:
        raise UserError("result.json and flags.txt are of unlike runs")
    return _read_result(result, label, note)


def _read_folder(path: str, label: str, note: Note) -> Run:
    there = {x for x in FILES if os.path.exists(os.path.join(path, x))}
    if not there & {*FILES} - {"scores.jsonl"}:
        raise UserError("no run directory: none of a run's files is there")
    for name in FILES:
        if name not in there:
            unfinished = name == "summary.json"
            more = "; the run has not finished" if unfinished else ""
            raise UserError(f"has no {name}{more}")
    record = load(os.path.join(path, "config.json"))
    summary = load(os.path.join(path, "summary.json"))
    with open(os.path.join(path, "flags.txt"), encoding="utf-8") as file:
        config = recorded(record["config"], file.read()) | _of_ticket(path)
    steps = config["training.steps"], summary["steps"]
    if steps[0] != steps[1]:
        raise UserError(
            f"config.json says {steps[0]} steps, summary.json {steps[1]}"
        )
    lines = like_last(path, read_scores(path, note), note=note)
    chosen = {
        at: among(lines, line, at) for at, line in chosen_of(summary).items()
    }
    return _run(path, label, config, chosen, note, lines, record["versions"])


def _of_ticket(path: str) -> Config:
    """How the masks and weights of a ticket's round were made, which its own
    settings do not tell: they name files, of the same names in all tickets."""
    ticket = os.path.join(path, os.pardir)
    if not is_ticket(ticket):
        return {}
    made = load(os.path.join(ticket, "ticket.json"))
    names = "prune_scope", "rewind"
    return {f"method.{x}": made[x] for x in names if x in made}


def _read_result(path: str, label: str, note: Note) -> Run:
    result = load(path)
    missing = [x for x in ("flags", "final", "best") if x not in result]
    if missing:
        raise UserError(f"no result of a run: it has no {missing[0]!r}")
    chosen = chosen_of(result)
    config = asked(result["flags"], any_of(chosen)["num_training"])
    steps = config["training.steps"] * _trainings(config)
    if steps != result["steps"]:
        raise UserError(
            f"its flags say {steps} steps, the result {result['steps']}"
        )
    chosen = {at: whole(line, config) for at, line in chosen.items()}
    lines = _drawn(result.get("curves", {}))  # which results once had not
    return _run(path, label, config, chosen, note, lines, result["versions"])


def _drawn(curves: Any) -> list[Line]:
    """The curves of a result as score lines."""
    try:
        return [
            {"kind": kind} | dict(zip(columns, figures, strict=True))
            for kind, columns in curves.items()
            for figures in zip(*columns.values(), strict=True)
        ]
    except (AttributeError, TypeError, ValueError):
        raise UserError(
            "its curves are no columns of one length for each half"
        ) from None


def _trainings(config: Config) -> int:
    """Trainings that a run is made of: a ticket has one more than rounds."""
    is_ticket = config["method.method"] == "ticket"
    dense = config["method.prune"] == "none"
    return config["method.rounds"] + 1 if is_ticket and not dense else 1


def _run(path, label, config, chosen, note, lines, versions) -> Run:
    check_chosen(chosen)
    _check_counts(config)
    return Run(
        path,
        label,
        identity(config),
        config["training.seed"],
        config["output.eval_every"],
        {
            at: in_five_digits(finite(line, at, note))
            for at, line in chosen.items()
        },
        lines,
        dict(versions),
    )


def _check_counts(config: Config) -> None:
    for name in ("training.seed", "training.steps", "output.eval_every"):
        if type(config[name]) is not int:
            raise UserError(
                f"its configuration has a {name} of {in_words(config[name])}"
            )
