"""Flags of regularisers and of augmentation."""

from absl import flags

from regan_tf.config import AugmentConfig, PenaltyConfig
from regan_tf.config.penalty import R1_IMAGES
from regan_tf.flags.common import FLAGS, FROM_RECIPE, from_flags
from regan_tf.flags.paths import existing
from regan_tf.recipes import Recipe


def define() -> None:
    """Defines them."""
    flags.DEFINE_float(
        "r1_gamma",
        None,
        "γ of the R1 penalty, γ/2·‖∇D‖² at real images; 0: none." + FROM_RECIPE,
    )
    flags.DEFINE_integer(
        "r1_interval",
        None,
        "Steps from one R1 to the next; above 1 it is lazy: an update of its "
        "own, times the interval." + FROM_RECIPE,
    )
    flags.DEFINE_enum(
        "r1_images",
        None,
        list(R1_IMAGES),
        "Under augmentation: R1 at plain images, at augmented ones, or at "
        "plain ones through the augmentation." + FROM_RECIPE,
    )
    flags.DEFINE_float(
        "path_length",
        None,
        "StyleGAN2: weight of the path length regularisation, lazy; 0: none."
        + FROM_RECIPE,
    )
    flags.DEFINE_integer(
        "path_interval", None, "Steps from one to the next." + FROM_RECIPE
    )
    flags.DEFINE_string(
        "perceptual_path",
        None,
        "FastGAN: Keras file or SavedModel of a network, images in [-1, 1] to "
        "feature maps, that compares reconstructions. Without, the mean "
        "absolute difference of pixels does.",
    )
    flags.DEFINE_string(
        "diffaugment",
        None,
        "DiffAugment policy: parts of color,translation,cutout in the order "
        "wanted; empty: none." + FROM_RECIPE,
    )
    flags.DEFINE_bool(
        "apa",
        False,
        "Adaptive pseudo augmentation: generated images stand in for ever "
        "more real ones as the discriminator overfits.",
    )
    flags.DEFINE_float(
        "apa_target", 0.6, "Mean sign of the real logits that it aims at."
    )
    flags.DEFINE_float(
        "apa_kimg",
        500.0,
        "Thousands of images in which their share moves by 1.",
    )


def make_penalty(recipe: Recipe) -> PenaltyConfig:
    """The regularisers that the flags ask for."""
    names = "r1_gamma r1_interval r1_images path_length path_interval"
    path = FLAGS.perceptual_path
    return PenaltyConfig(
        **from_flags(names, recipe),
        perceptual_path=path and existing(path, "perceptual_path", "a network"),
    )


def make_augment(recipe: Recipe) -> AugmentConfig:
    """The augmentation that they ask for."""
    return AugmentConfig(
        **from_flags("diffaugment", recipe),
        apa=FLAGS.apa,
        apa_target=FLAGS.apa_target,
        apa_kimg=FLAGS.apa_kimg,
    )
