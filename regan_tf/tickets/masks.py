"""What a round removes: the smallest magnitudes of the survivors."""

import math

import numpy as np
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.pruning import pruners_of
from regan_tf.regan.masks import num_pruned
from regan_tf.regan.updaters import MagnitudeUpdater
from regan_tf.train.gan import build


def prunable_kernels(config):
    """The kernels that a ticket may prune.

    Args:
        config: `ExperimentConfig` of the ticket.

    Returns:
        Dict of "<network>/<path>" to shape.

    Raises:
        UserError: there are none, or `mask_exclude` names no layer.
    """
    with tf.device("CPU:0"):
        networks = build(config)
        pruners = pruners_of(networks, config.method)
    return {
        name: tuple(kernel.shape)
        for pruner in pruners
        for name, kernel in pruner.kernels.items()
    }


def check_removes(kernels, removed, scope):
    """Refuses a first round that removes nothing, before it costs a training.

    Args:
        kernels: as `prunable_kernels` gives them.
        removed: fraction of all entries that the round removes.
        scope: as of `next_masks`.

    Raises:
        UserError: the fraction is less than an entry of any kernel, or of any
            network.
    """
    sizes = {name: math.prod(shape) for name, shape in kernels.items()}
    if scope == "global":
        sizes = {k: sum(v.values()) for k, v in by_network(sizes).items()}
    largest = max(sizes.values())
    if not num_pruned(largest, removed):
        raise UserError(
            "--sparsity must remove a weight in the first round. Received: one "
            f"that removes {removed:.3g} of {largest:,}; ask for more, or for "
            "fewer --rounds"
        )


def next_masks(kernels, masks, removed, scope):
    """Masks that remove more of the survivors, by their magnitudes.

    What was removed stays removed.

    Args:
        kernels: dict of name to trained values, float arrays.
        masks: dict of name to mask so far, bool.
        removed: fraction of all entries that the new masks remove, those
            removed before among them.
        scope: "layer": that of each kernel; "global": of all kernels of a
            network together, as in the source of GAN tickets (Chen et al.
            2021), where one magnitude is the limit for all layers.

    Returns:
        Dict of name to mask, bool.
    """
    updater, new = MagnitudeUpdater(scope), {}
    for mine in by_network(masks).values():
        scores = [_scores(kernels[n], mask) for n, mask in mine.items()]
        found = updater(scores, list(mine.values()), removed, 0)
        new |= dict(zip(mine, found, strict=True))
    return {name: mask.astype(bool) for name, mask in new.items()}


def by_network(named):
    """Splits a dict of "<network>/<path>" to anything: a dict a network."""
    split = {}
    for name, value in named.items():
        split.setdefault(name.partition("/")[0], {})[name] = value
    return split


def _scores(kernel, mask):
    """Magnitudes; a survivor that is zero still goes after all removed."""
    least = np.finfo(kernel.dtype).tiny
    return np.where(mask, np.maximum(np.abs(kernel), least), 0)
