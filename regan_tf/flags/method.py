"""Flags of the method: Re-GAN, and what it is compared with."""

from absl import flags

from regan_tf.config import MethodConfig
from regan_tf.config.method import (
    METHODS,
    PRUNE_CHOICES,
    PRUNE_SCOPES,
    REGAN_STAGES,
    REGROW_CHOICES,
)
from regan_tf.duration import Duration
from regan_tf.flags.common import FLAGS, FROM_RECIPE, LENGTH, or_recipe
from regan_tf.flags.paths import existing
from regan_tf.recipes import Recipe


def define() -> None:
    """Defines them."""
    flags.DEFINE_enum(
        "method",
        "regan",
        list(METHODS),
        "Re-GAN, or what it is compared with: AC/DC, gradual magnitude "
        "pruning (gmp), magnitudes once (one_shot), random masks, SET, RigL, "
        "masks of a file (fixed), or lottery tickets.",
    )
    flags.DEFINE_enum(
        "prune",
        "generator",
        list(PRUNE_CHOICES),
        "Networks that are pruned; none is the dense baseline.",
    )
    flags.DEFINE_float(
        "sparsity",
        0.1,
        "Fraction of the weights that are removed, in the end or in each "
        "sparse phase.",
    )
    flags.DEFINE_enum(
        "prune_scope",
        "layer",
        list(PRUNE_SCOPES),
        "Compare magnitudes within each kernel, or over all kernels of a "
        "network.",
    )
    flags.DEFINE_string(
        "warmup", "20000", "Dense training before pruning" + LENGTH + "."
    )
    flags.DEFINE_string(
        "update_interval",
        "100",
        "From one change of masks to the next: length g of each phase"
        + LENGTH
        + ".",
    )
    flags.DEFINE_enum(
        "regan_stages",
        "last",
        list(REGAN_STAGES),
        "Networks that grow: stages that --warmup and phases are counted in.",
    )
    flags.DEFINE_enum(
        "regrow",
        "zero",
        list(REGROW_CHOICES),
        "What pruned weights start from in a dense phase: zero, their "
        "initialiser, or the values that they had.",
    )
    flags.DEFINE_float(
        "grow_lr_factor",
        0.1,
        "Learning rate of the pruned networks in a dense phase, relative.",
    )
    flags.DEFINE_list(
        "mask_exclude",
        None,
        "Layers never pruned: parts of their names." + FROM_RECIPE,
    )
    flags.DEFINE_string(
        "sparsity_schedule",
        None,
        "A tensorflow-model-optimization schedule instead of the "
        "alternation: 'polynomial(initial,final,begin,end)' or "
        "'constant(sparsity,begin)'. --sparsity, --warmup, --update_interval "
        "and --grow_lr_factor then have no say.",
    )
    flags.DEFINE_string(
        "masks",
        None,
        "--method=fixed: .npz of masks that never change, ones and zeros of "
        'each kernel by network and path, "generator/up1_conv1/kernel".',
    )
    flags.DEFINE_string(
        "initial_weights",
        None,
        "--method=fixed: .npz of weights to start at, every variable of both "
        "networks but masks, named likewise.",
    )
    flags.DEFINE_integer("rounds", 0, "--method=ticket: rounds of pruning.")
    flags.DEFINE_string(
        "rewind",
        "0",
        "--method=ticket: point of training that survivors go back to"
        + LENGTH
        + ".",
    )


def make(recipe: Recipe) -> MethodConfig:
    """The method that they ask for."""
    return MethodConfig(
        prune=FLAGS.prune,
        sparsity=FLAGS.sparsity,
        warmup=Duration.parse(FLAGS.warmup, "warmup"),
        update_interval=Duration.parse(
            FLAGS.update_interval, "update_interval"
        ),
        regrow=FLAGS.regrow,
        grow_lr_factor=FLAGS.grow_lr_factor,
        mask_exclude=_excluded(recipe),
        sparsity_schedule=FLAGS.sparsity_schedule,
        regan_stages=FLAGS.regan_stages,
        method=FLAGS.method,
        prune_scope=FLAGS.prune_scope,
        masks=_file("masks"),
        initial_weights=_file("initial_weights"),
        rounds=FLAGS.rounds,
        rewind=Duration.parse(FLAGS.rewind, "rewind"),
    )


def _file(flag: str) -> str | None:
    path = FLAGS[flag].value
    return existing(path, flag, "an .npz file") if path else None


def _excluded(recipe: Recipe) -> tuple[str, ...]:
    # A recipe's are layers of the generator.
    if FLAGS.mask_exclude is None and FLAGS.prune == "discriminator":
        return ()
    return tuple(or_recipe("mask_exclude", recipe))
