"""Flags that say which images."""

from absl import flags

from regan_tf.config import DataConfig
from regan_tf.data.known_sets import DATASETS
from regan_tf.flags.common import FLAGS, FROM_RECIPE, or_recipe
from regan_tf.recipes import Recipe


def define() -> None:
    """Defines the flags that say which images."""
    flags.DEFINE_enum(
        "dataset",
        "cifar10",
        list(DATASETS),
        "Real images: scikit-learn's handwritten digits, CIFAR-10, a folder "
        "or zip of your own, or a published set that you downloaded, see "
        "docs/datasets.md.",
    )
    flags.DEFINE_string(
        "data_path",
        None,
        "Folder or zip of images, flat or in class folders, optionally below "
        "train/ and test/, or as a published set is passed on. For cifar10 it "
        "replaces the download; not for digits; all others need it.",
    )
    flags.DEFINE_integer(
        "resolution",
        None,
        "Image side in pixels. [default: the published set's; else 32]",
    )
    flags.DEFINE_float(
        "data_fraction",
        None,
        "Train on this fraction of the images: a fixed, class-stratified "
        "subset; smaller ones are parts of larger ones.",
    )
    flags.DEFINE_integer("num_images", None, "The same, as a count.")
    flags.DEFINE_list(
        "classes",
        [],
        "Train on images of these classes only, names of class folders; "
        "--data_fraction and --num_images are then of them.",
    )
    flags.DEFINE_bool(
        "skip_bad_images",
        False,
        "Leave unreadable files out (they are listed) instead of stopping.",
    )
    flags.DEFINE_bool("flip", None, "Mirror images at random." + FROM_RECIPE)


def make(recipe: Recipe) -> DataConfig:
    """The images that they ask for."""
    return DataConfig(
        dataset=FLAGS.dataset,
        path=FLAGS.data_path,
        resolution=FLAGS.resolution,
        fraction=FLAGS.data_fraction,
        num_images=FLAGS.num_images,
        skip_bad_images=FLAGS.skip_bad_images,
        flip=or_recipe("flip", recipe),
        dequantize=recipe.dequantize,
        classes=tuple(FLAGS.classes),
    )
