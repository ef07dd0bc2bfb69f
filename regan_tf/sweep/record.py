"""`sweep.json`: what has become of each run of a sweep."""

import json
import os
from collections.abc import Sequence
from typing import Any

from regan_tf.sweep.plan import CHANGED, DONE, Plan
from regan_tf.train.run_dir import write_atomically, writing

FILE = "sweep.json"


class Record:
    """What has become of each run, kept in a file that is always whole.

    Each run has its `choices`; its `state`: "waiting", "running", "done",
    "failed", "refused" (the directory holds a run with other flags) or
    "interrupted"; the `seconds` that its processes have taken, in all sweeps
    (of one that was killed until its last note, a minute before at most); a
    `reason` where it failed or is refused; the process `pid` of a running
    one; and the last lines of a failed one's log. What an earlier sweep noted
    stays until the run starts again.

    Args:
        run_root: folder of the sweep.
        plans: all its runs.
    """

    def __init__(self, run_root: str, plans: Sequence[Plan]) -> None:
        self._path = os.path.join(run_root, FILE)
        before = self._read()
        self.runs = {
            plan.run.name: {
                "choices": plan.run.choices,
                "run_dir": os.path.basename(plan.run_dir),
                **_since(before.get(plan.run.name), plan),
            }
            for plan in plans
        }

    def _read(self) -> dict[str, Any]:
        try:
            with open(self._path, encoding="utf-8") as file:
                return dict(json.load(file)["runs"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def refuse(self, plans: Sequence[Plan]) -> None:
        """Notes that some runs do not start, and why."""
        for plan in plans:
            self.note(
                plan.run.name,
                state="refused",
                reason="its directory holds a run with other flags "
                f"({plan.changed}); go back to them, name another run_root, "
                "or pass --overwrite",
            )

    def expect(self, plan: Plan) -> None:
        """Notes that a run is going to start; afresh, if its flags have
        changed."""
        if plan.state == CHANGED:
            afresh = {"seconds": 0.0, "reason": None, "last_lines": None}
            self.note(plan.run.name, state="waiting", **afresh)

    def note(self, name: str, **fields: Any) -> None:
        """Notes fields of a run; of None, that there is none any more."""
        run = self.runs[name] | fields
        self.runs[name] = {k: v for k, v in run.items() if v is not None}

    def write(self) -> None:
        """Writes the file."""
        runs = {
            name: run | {"seconds": round(run["seconds"], 1)}
            for name, run in self.runs.items()
        }
        with writing(self._path):
            text = json.dumps({"runs": runs}, indent=1, ensure_ascii=False)
            write_atomically(self._path, text + "\n")

    def table(self, names: Sequence[str]) -> str:
        """A Markdown table of some runs, and their count by state."""
        rows = [("run", "state", "minutes", "reason")]
        for name in names:
            run = self.runs[name]
            minutes = f"{run['seconds'] / 60:.1f}" if run["seconds"] else "–"
            reason = run.get("reason", "").replace("|", "\\|")
            rows.append((name, run["state"], minutes, reason))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"| {row[0]:<{widths[0]}} | {row[1]:<{widths[1]}} "
            f"| {row[2]:>{widths[2]}} | {row[3]} |"
            for row in rows
        ]
        rule = f"|{'-' * (widths[0] + 2)}|{'-' * (widths[1] + 2)}"
        lines.insert(1, f"{rule}|{'-' * (widths[2] + 1)}:|---|")
        return "\n".join([*lines, "", self.counts(names)])

    def counts(self, names: Sequence[str]) -> str:
        """How many of some runs are in which state, in words."""
        states = [self.runs[name]["state"] for name in names]
        each = [f"{states.count(x)} {x}" for x in dict.fromkeys(states)]
        return f"{len(states)} runs: {', '.join(each)}"


def _since(before: Any, plan: Plan) -> dict[str, Any]:
    """What is still true of a run's last entry, if it has one."""
    before = before if isinstance(before, dict) else {}
    seconds = before.get("seconds")
    kept = {"seconds": seconds if isinstance(seconds, int | float) else 0.0}
    if plan.state == DONE:
        return {"state": "done", **kept}
    state = before.get("state")
    if state in ("running", "interrupted"):  # or killed with its sweep
        return {"state": "interrupted", **kept}
    if state == "failed":
        told = {k: before[k] for k in ("reason", "last_lines") if k in before}
        return {"state": state, **kept, **told}
    return {"state": "waiting", **kept}
