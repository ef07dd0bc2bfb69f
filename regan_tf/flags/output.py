"""Flags of what a run writes and how it is scored."""

import os

from absl import flags

from regan_tf.config import OutputConfig
from regan_tf.config.output import FEATURE_CHOICES
from regan_tf.duration import Duration
from regan_tf.flags.common import FLAGS, LENGTH
from regan_tf.flags.paths import existing
from regan_tf.metrics.protocol import PROTOCOLS


def define() -> None:
    """Defines them."""
    flags.DEFINE_string(
        "run_dir", None, "Run directory. [default: runs/<flag file's name>]"
    )
    flags.DEFINE_bool(
        "overwrite", False, "Start afresh; moves an old run directory aside."
    )
    flags.DEFINE_bool("dry_run", False, "Print what would be run, and stop.")
    flags.DEFINE_string("log_every", "100", "Between log lines" + LENGTH)
    flags.DEFINE_string(
        "eval_every", "5000", "Between scores; 0: only at the end" + LENGTH
    )
    flags.DEFINE_string(
        "checkpoint_every", "1000", "Between checkpoints" + LENGTH
    )
    flags.DEFINE_integer("keep_checkpoints", 3, "Newest checkpoints to keep.")
    define_scores()


def define_scores() -> None:
    """Defines the flags that say how generators are scored."""
    flags.DEFINE_enum(
        "protocol",
        "paper",
        list(PROTOCOLS),
        "How generators are scored. paper: 10k samples against the test "
        "images, without any 5k against the training images; standard: 50k "
        "against the whole training split; fewshot: 5k against the images "
        "trained on; validation: 10k against training images not trained on.",
    )
    flags.DEFINE_integer(
        "eval_images",
        None,
        "Score another number of samples; the protocol is then called "
        "<name>@<number>.",
    )
    flags.DEFINE_string(
        "features",
        "auto",
        "Feature network of the scores: inception (TF-GAN's), classifier "
        "(trained on the data set's labels), none, or the path of a Keras "
        "file or SavedModel of your own; auto: Inception if --inception_path "
        "is given, else the classifier.",
    )
    flags.DEFINE_string(
        "inception_path", None, "SavedModel folder of TF-GAN's Inception."
    )
    flags.DEFINE_string(
        "inception_sha256", None, "The hash that its SavedModel must have."
    )


def make() -> OutputConfig:
    """What they ask of the output."""
    lengths = {
        name: Duration.parse(FLAGS[name].value, name)
        for name in ("log_every", "eval_every", "checkpoint_every")
    }
    features = FLAGS.features
    if features not in FEATURE_CHOICES:
        said = f"a network, or one of {', '.join(FEATURE_CHOICES)}"
        features = existing(features, "features", said)
    return OutputConfig(
        run_dir=FLAGS.run_dir and os.path.expanduser(FLAGS.run_dir),
        keep_checkpoints=FLAGS.keep_checkpoints,
        protocol=FLAGS.protocol,
        eval_images=FLAGS.eval_images,
        features=features,
        inception_path=FLAGS.inception_path,
        inception_sha256=FLAGS.inception_sha256,
        **lengths,
    )
