"""What a ticket cost and gave, over its rounds."""

import json
import os

from regan_tf.train.result import result_of

_COSTS = "images_shown train_seconds theoretical_flops theoretical_sparse_flops"


def entry_of(round_, sparsity):
    """What `ticket.json` says of a finished round.

    Args:
        round_: a `Round`.
        sparsity: dict of network to the fraction that its masks remove.
    """
    summary, result = (
        _load(os.path.join(round_.run_dir, name))
        for name in ("summary.json", "result.json")
    )
    cost = summary["cost"]
    return {
        "round": round_.number,
        "run_dir": os.path.basename(round_.run_dir),
        "removed": round_.removed,
        "sparsity": sparsity,
        "steps": summary["steps"],
        "images_shown": cost["images_shown"],
        "train_seconds": summary["train_seconds"],
        "theoretical_flops": cost["dense"]["total"],
        "theoretical_sparse_flops": cost["weighted"]["total"],
        "final": summary["final"],
        "best": summary["best"],
        "curves": result.get("curves", {}),
    }


def _load(path):
    with open(path, "rb") as file:
        return json.load(file)


def total(entries):
    """Sums of steps and costs over rounds, as `entry_of` gives them."""
    names = ["steps", *_COSTS.split()]
    sums = {name: sum(entry[name] for entry in entries) for name in names}
    return sums | {"train_seconds": round(sums["train_seconds"], 3)}


def document(config, entries):
    """All of `ticket.json`.

    Args:
        config: `ExperimentConfig` of the ticket.
        entries: of its finished rounds, at least one.
    """
    method = config.method
    settings = "prune prune_scope mask_exclude sparsity rewind".split()
    return {
        "finished": len(entries) == method.trainings,
        **{name: getattr(method, name) for name in settings},
        "total": total(entries),
        "rounds": entries,
    }


def ticket_result(name, flags_text, entries):
    """The finished ticket in the form of an ordinary run's `result.json`.

    The scores are those of its last round; what they cost, and the costs of
    the whole, include all rounds before.

    Args:
        name: of the ticket.
        flags_text: it as a flag file.
        entries: of all its rounds.
    """
    *earlier, last = entries
    before, whole = total(earlier), total(entries)
    scores = {
        when: {k: v and _later(v, before) for k, v in last[when].items()}
        for when in ("final", "best")
    }
    curves = {
        kind: columns
        | {
            "images_shown": [
                shown + before["images_shown"]
                for shown in columns["images_shown"]
            ]
        }
        for kind, columns in last["curves"].items()
    }
    summary = {**whole, "cost": whole, **scores}
    result = result_of(name, flags_text, summary, curves)
    return result | {"rounds": len(earlier), "cost": whole}


def _later(scores, before):
    """Scores with the costs of earlier rounds added to their own."""
    known = [n for n in _COSTS.split() if scores.get(n) is not None]
    return scores | {n: scores[n] + before[n] for n in known}
