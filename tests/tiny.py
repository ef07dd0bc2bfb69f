"""Configurations of runs that take seconds."""

from absl.testing import flagsaver

import train_main  # defines the flags
from regan_tf import flags

TINY = (
    "--dataset=digits",
    "--num_images=40",
    "--generator_width=4",
    "--discriminator_width=4",
    "--batch_size=4",
    "--generator_batch_size=4",
    "--critic_steps=2",
    "--steps=10",
    "--warmup=2",
    "--update_interval=2",
    "--features=none",
    "--log_every=1",
    "--checkpoint_every=100",
    "--learning_rate=0.01",
)


def config_of(*words):
    """The configuration that a command line of `words` gives."""
    with flagsaver.flagsaver():
        flags.parse([train_main.__name__, *words])
        return flags.config_from_flags()


def tiny_config(*words):
    """The configuration of the tiny run changed by `words`."""
    return config_of(*TINY, *words)


def joined_run(config):
    """An `Experiment` of `config`, joined and restored, not trained."""
    from regan_tf.experiment import Experiment
    from regan_tf.run import load_images, start_tensorflow
    from regan_tf.train.run_dir import RunDir

    images = load_images(config)
    config = config.at(len(images.train))
    strategy = start_tensorflow(config)
    run_dir = RunDir(config.output.run_dir)
    facts = {"data.fingerprint": images.train.fingerprint}
    facts |= config.as_dict()
    resume = run_dir.holds(facts)
    run_dir.create(facts, "")
    run = Experiment(config, images, strategy, run_dir)
    run.join(resume)
    return run
