"""What a ticket is going to do, in words: `--dry_run`."""

import dataclasses

from regan_tf.costs import RunCost
from regan_tf.describe import describe_config, describe_network
from regan_tf.tickets.masks import prunable_kernels
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
    rounds, count = list(rounds_of(config)), _prunable(config)
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
            _total(costs),
        ]
    )
