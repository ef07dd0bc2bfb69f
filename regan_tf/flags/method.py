"""Flags of Re-GAN."""

from absl import flags

from regan_tf.config import MethodConfig
from regan_tf.config.method import (
    PRUNE_CHOICES,
    REGAN_STAGES,
    REGROW_CHOICES,
)
from regan_tf.duration import Duration
from regan_tf.flags.common import FLAGS, FROM_RECIPE, LENGTH, or_recipe
from regan_tf.recipes import Recipe


def define() -> None:
    """Defines them."""
    flags.DEFINE_enum(
        "prune",
        "generator",
        list(PRUNE_CHOICES),
        "Networks that Re-GAN prunes; none is the dense baseline.",
    )
    flags.DEFINE_float(
        "sparsity", 0.1, "Fraction of each kernel that a sparse phase removes."
    )
    flags.DEFINE_string(
        "warmup", "20000", "Dense training before pruning" + LENGTH + "."
    )
    flags.DEFINE_string(
        "update_interval", "100", "Length g of each phase" + LENGTH + "."
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
        "What pruned weights start from in a dense phase.",
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


def make(recipe: Recipe) -> MethodConfig:
    """What they ask of Re-GAN."""
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
    )


def _excluded(recipe: Recipe) -> tuple[str, ...]:
    # A recipe's are layers of the generator.
    if FLAGS.mask_exclude is None and FLAGS.prune == "discriminator":
        return ()
    return tuple(or_recipe("mask_exclude", recipe))
