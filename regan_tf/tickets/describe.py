"""What a ticket is going to do, in words: `--dry_run`."""

import dataclasses
import math

from regan_tf.costs import RunCost
from regan_tf.describe import (
    describe_config,
    describe_hours,
    describe_network,
)
from regan_tf.tickets.masks import check_removes, prunable_kernels
from regan_tf.tickets.plan import rounds_of
from regan_tf.train.gan import build


def describe_ticket(config):
    """Configuration, networks and rounds of a ticket.

    What rounds cost is counted as if every kernel lost the same share.

    Args:
        config: `ExperimentConfig` of the ticket, durations in steps.

    Raises:
        UserError: nothing can be pruned, or the rounds do not fit training.
    """
    method = config.method
    rounds, kernels = list(rounds_of(config)), prunable_kernels(config)
    check_removes(kernels, rounds[1].removed, method.prune_scope)
    count = sum(map(math.prod, kernels.values()))
    built = build(config)
    costs = [_cost(config, round_) for round_ in rounds]
    start = f"step {method.rewind:,}" if method.rewind else "the start"
    return "\n".join(
        [
            "configuration:",
            describe_config(config),
            *map(describe_network, (built.generator, built.discriminator)),
            f"rounds, {count:,} weights that may be pruned, survivors rewound "
            f"to {start}:",
            *map(_line, rounds, costs),
            _figures("in total", costs),
            describe_hours(_total(costs, "dense")),
        ]
    )


def _cost(config, round_):
    """Cost of a round, as if every kernel lost the same share."""
    method = config.method
    if round_.number:
        # The same as masks that stay, of which there are none yet.
        method = dataclasses.replace(
            method,
            method="one_shot",
            sparsity=round_.removed,
            # One-shot masks begin in the last stage, a round's at its start.
            warmup=-config.stages.last.start,
            rounds=0,
            rewind=0,
        )
    else:
        method = round_.config.method
    config = dataclasses.replace(config, method=method)
    return RunCost(config).at(config.training.steps)


def _line(round_, cost):
    kind = f"{100 * round_.removed:.4g}% removed" if round_.number else "dense"
    return _figures(f"round {round_.number}: {kind}", [cost])


def _total(costs, name):
    return sum(getattr(cost, name).as_dict()["total"] for cost in costs)


def _figures(of, costs):
    steps = sum(cost.steps for cost in costs)
    shown = sum(cost.images_shown for cost in costs)
    dense, kept = (_total(costs, name) for name in ("dense", "weighted"))
    return (
        f"  {of:<23} {steps:>9,} steps {shown:>13,} images shown, "
        f"theoretical FLOPs {dense:.4g} (kept entries {kept:.4g})"
    )
