"""What a round removes: the smallest magnitudes of the survivors."""

import numpy as np
import tensorflow as tf

from regan_tf.regan.masks import global_magnitude_masks, magnitude_mask
from regan_tf.regan.pruner import Pruner, excluded_layers
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
    method = config.method
    with tf.device("CPU:0"):
        networks = build(config)
    both = networks.generator, networks.discriminator
    models = [model for model in both if method.prunes(model.name)]
    excluded = excluded_layers(models, method.mask_exclude)
    return {
        f"{model.name}/{kernel.path}": tuple(kernel.shape)
        for model in models
        for kernel, _ in Pruner(model, exclude=excluded[model.name]).pairs
    }


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
    scores = {n: _scores(kernels[n], mask) for n, mask in masks.items()}
    if scope == "layer":
        new = {n: magnitude_mask(s, removed) for n, s in scores.items()}
    else:
        new = _global_masks(scores, removed)
    return {name: new[name].astype(bool) for name in masks}


def _scores(kernel, mask):
    """Magnitudes; a survivor that is zero still goes after all removed."""
    least = np.finfo(kernel.dtype).tiny
    return np.where(mask, np.maximum(np.abs(kernel), least), 0)


def _global_masks(scores, removed):
    new = {}
    for network in {name.partition("/")[0] for name in scores}:
        names = [n for n in scores if n.partition("/")[0] == network]
        found = global_magnitude_masks([scores[n] for n in names], removed)
        new |= dict(zip(names, found, strict=True))
    return new
