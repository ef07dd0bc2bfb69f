"""Training that starts from the masks and weights of files."""

from regan_tf.regan.pruner import Pruner, excluded_layers
from regan_tf.regan.updaters import FixedUpdater
from regan_tf.weight_files import load_masks, load_weights, named_weights


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


def pruners_of(networks, method):
    """A `Pruner` for each network that a `MethodConfig` prunes.

    Args:
        networks: the `Networks`, built with masks.
        method: the `MethodConfig`.

    Raises:
        UserError: nothing can be pruned, or `mask_exclude` names no layer.
    """
    both = networks.generator, networks.discriminator
    models = [model for model in both if method.prunes(model.name)]
    excluded = excluded_layers(models, method.mask_exclude)
    return [Pruner(model, exclude=excluded[model.name]) for model in models]


def _shapes(variables):
    return {name: tuple(v.shape) for name, v in variables.items()}
