"""Networks and loop of a configuration, timed a step at a time."""

import dataclasses
import functools
import statistics
import time

from regan_tf import flags as regan_flags
from regan_tf.precision import choose, this_machine

NUM_IMAGES = 50_000


class Case:
    """Networks and loop of one configuration.

    Args:
        config: `ExperimentConfig` in steps.
        batches: function (images shown, `Stage`) that gives a dataset.
    """

    def __init__(self, config, batches):
        import tensorflow as tf

        from regan_tf.train.gan import GAN
        from regan_tf.train.loop import Trainer
        from regan_tf.train.statistics import Statistics
        from regan_tf.train.step import GANStep, figure_names

        self.config = config
        strategy = tf.distribute.get_strategy()
        self.gan = GAN(config)
        self.statistics = Statistics(figure_names(config))
        self.trainer = Trainer(
            strategy,
            config.stages,
            functools.partial(GANStep, self.gan, config, 1),
            self.statistics,
            batches,
            config.training.critic_steps,
            steps_per_call=1,
        )
        # Growing networks are timed at their last resolution.
        self.done = config.stages.last.fade_end

    def seconds(self, steps=1, callbacks=()):
        """Seconds of a step, from a run of `steps`."""
        start = time.monotonic()
        end = self.done + steps
        self.done = self.trainer.train(
            self.gan, self.done, end, list(callbacks)
        )
        self.statistics.read()  # waits for the device
        return (time.monotonic() - start) / steps


def in_turn(cases, rounds, alternate=False):
    """Seconds of a step of each case, `rounds` of each, in turn; or in an
    order that alternates from round to round."""
    for case in cases.values():
        case.seconds()  # traces
        case.seconds()
    times = {name: [] for name in cases}
    for i in range(rounds):
        names = list(cases)
        for name in reversed(names) if alternate and i % 2 else names:
            times[name].append(cases[name].seconds())
    return times


def interval(values):
    """Median and a 95% interval of it, by the binomial order statistics."""
    ordered = sorted(values)
    n = len(ordered)
    low = max(0, int(n / 2 - 0.98 * n**0.5) - 1)
    return statistics.median(ordered), ordered[low], ordered[n - 1 - low]


def change(config, **parts):
    """`config` with fields changed: training={...}, network={...}, ..."""
    changed = {
        name: dataclasses.replace(getattr(config, name), **fields)
        for name, fields in parts.items()
    }
    return dataclasses.replace(config, **changed)


def configuration(num_images=NUM_IMAGES):
    """The flags' `ExperimentConfig` in steps, without scores."""
    config = regan_flags.config_from_flags().at(num_images)
    return change(config, output={"features": "none"})


def in_precision(config, precision):
    """`config` in a precision, "auto" being what this machine is best at."""
    if precision == "auto":
        precision = choose(this_machine())[0]
    return change(config, training={"precision": precision})


def noise_images(count, resolution):
    """uint8 (count, resolution, resolution, 3)."""
    import numpy as np

    shape = (count, resolution, resolution, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def batches_of(config, images=None):
    """The pipeline of a run on `images`, as `Case` wants it."""
    from regan_tf.data import image_batches

    if images is None:
        images = noise_images(5000, config.data.resolution)

    def pipeline(shown, stage):
        return image_batches(
            images,
            batch_size=stage.batch_size,
            seed=0,
            start=shown,
            stamped=True,
        )

    return pipeline


def matmul_rate(precision, size=2048, seconds=2.0):
    """Operations a second of a matrix product, 2 a multiply-accumulate."""
    import tensorflow as tf

    a = tf.cast(tf.random.normal((size, size)), precision)
    product = tf.function(lambda x: x @ a)
    product(a).numpy()
    best, end = float("inf"), time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        tf.reduce_sum(product(a)).numpy()
        best = min(best, time.monotonic() - start)
    return 2 * size**3 / best
