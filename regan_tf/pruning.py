"""What a configuration prunes: networks joined to method, masks, weights."""

import functools

import numpy as np

from regan_tf.metrics.cost import NETWORKS
from regan_tf.regan.callback import ReGAN
from regan_tf.regan.methods import make_schedule, make_updater
from regan_tf.regan.pair import GeneratorPair
from regan_tf.regan.pruner import Pruner, excluded_layers
from regan_tf.regan.updaters import FixedUpdater
from regan_tf.weight_files import load_masks, load_weights, named_weights


def make_regan(config, gan, gradients):
    """The callback that prunes as an `ExperimentConfig` (in steps) says.

    Args:
        config: the configuration.
        gan: its `GAN`.
        gradients: a `StepGradients`, or None where no method asks.

    Returns:
        A `ReGAN`, or None for dense training.

    Raises:
        UserError: nothing can be pruned, `mask_exclude` names no layer, or
            masks of a file do not fit.
    """
    method = config.method
    if method.prune == "none":
        return None
    schedule, made = make_schedule(config), {}

    def options(network):
        def dense(step):
            return gradients(gan, network, step, made[network].pairs)

        numbers = config.training.seed, NETWORKS.index(network)
        updater = make_updater(config, schedule, numbers, dense)
        regrowth = np.random.SeedSequence(numbers).generate_state(1)
        return _training(config, gan, network) | {
            "updater": updater,
            "seed": int(regrowth[0]),
        }

    pruners = pruners_of(gan.networks, method, options)
    made.update({pruner.model.name: pruner for pruner in pruners})
    if method.masks:
        fix_masks(pruners, method.masks)
    return ReGAN(schedule, pruners, GeneratorPair(gan.delivered))


def _training(config, gan, network):
    """What the `Pruner` of a network in training has to know of training."""
    method = config.method
    average = network == "generator" and gan.average
    return {
        "optimizer": getattr(gan, f"{network}_optimizer"),
        "averages": [average.average] if average else (),
        "regrow": method.regrow,
        "forget": method.method == "acdc",
        "in_use": functools.partial(gan.layers_in_use, network)
        if method.regan_stages == "all"
        else None,
    }


def start_at(gan, path):
    """Gives both networks, and the average, the weights of a file.

    Args:
        gan: a fresh `GAN`.
        path: of an .npz with every variable of both networks but masks.

    Raises:
        UserError: the file cannot be read, or does not fit.
    """
    models = gan.generator, gan.discriminator
    variables = {n: v for m in models for n, v in named_weights(m).items()}
    weights = load_weights(path, _shapes(variables))
    for name, variable in variables.items():
        variable.assign(weights[name])
    if gan.average:
        gan.average.restart()


def fix_masks(pruners, path):
    """Lets pruners have the masks of a file, whenever they prune.

    Args:
        pruners: of all networks that are pruned.
        path: of an .npz with a mask for each of their kernels.

    Raises:
        UserError: the file cannot be read, or does not fit.
    """
    kernels = {n: k for p in pruners for n, k in p.kernels.items()}
    masks = load_masks(path, _shapes(kernels))
    for pruner in pruners:
        pruner.updater = FixedUpdater([masks[name] for name in pruner.kernels])


def mask_networks(networks, method):
    """Puts the masks that a `MethodConfig` names on untrained networks."""
    pruners = pruners_of(networks, method)
    fix_masks(pruners, method.masks)
    for pruner in pruners:
        pruner.prune(method.sparsity)


def pruners_of(networks, method, options=lambda network: {}):
    """A `Pruner` for each network that a `MethodConfig` prunes.

    Args:
        networks: the `Networks`, built with masks.
        method: the `MethodConfig`.
        options: function of a network's name: further arguments.

    Raises:
        UserError: nothing can be pruned, or `mask_exclude` names no layer.
    """
    both = networks.generator, networks.discriminator
    models = [model for model in both if method.prunes(model.name)]
    excluded = excluded_layers(models, method.mask_exclude)
    return [
        Pruner(model, exclude=excluded[model.name], **options(model.name))
        for model in models
    ]


def _shapes(variables):
    return {name: tuple(v.shape) for name, v in variables.items()}
