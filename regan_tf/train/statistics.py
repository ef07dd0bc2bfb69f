"""Running means of a training step, kept on the device between logs."""

import numpy as np
import tensorflow as tf


class Statistics:
    """Sums of the figures of each step since the last log.

    One small variable, added to inside the step and read by the host when
    logging only. Checkpoints hold it, so a resumed run logs the same means.

    Args:
        names: of the figures.
    """

    def __init__(self, names):
        self.names = tuple(names)
        self.sums = tf.Variable(tf.zeros(len(self.names)), trainable=False)
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Seconds; not in checkpoints, since they are the machine's.
        self.waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        # First step whose losses were not finite; -1: none.
        self.bad_step = tf.Variable(-1, dtype=tf.int64, trainable=False)

    @property
    def state(self):
        """Variables, by name, that a checkpoint must hold."""
        return {
            "sums": self.sums,
            "count": self.count,
            "bad_step": self.bad_step,
        }

    def add(self, figures, step, waited):
        """Adds one step's figures. Traceable.

        Args:
            figures: dict of float32 scalars, a mean for each of the names.
            step: int64 scalar, completed steps before this one.
            waited: float64 scalar, seconds that it waited for its images.
        """
        values = tf.stack([figures[name] for name in self.names])
        self.sums.assign_add(values)
        self.waited.assign_add(waited)
        self.count.assign_add(1)
        bad = tf.logical_not(tf.reduce_all(tf.math.is_finite(values)))
        first = tf.logical_and(bad, self.bad_step < 0)
        self.bad_step.assign(
            tf.where(first, tf.cast(step, tf.int64), self.bad_step)
        )

    def read(self):
        """Means since the last `reset`, by name; waits for the device.

        "seconds/input_wait" is what a step waits for images that are not
        ready when it asks for them.
        """
        count = max(1, int(self.count.numpy()))
        means = np.asarray(self.sums.numpy(), np.float64) / count
        named = dict(zip(self.names, means.tolist(), strict=True))
        return named | {
            "seconds/input_wait": float(self.waited.numpy()) / count
        }

    def first_bad_step(self):
        """First step with a loss that was not finite, or None."""
        step = int(self.bad_step.numpy())
        return None if step < 0 else step

    def reset(self):
        """Starts the means anew."""
        self.sums.assign(tf.zeros(len(self.names)))
        self.count.assign(0)
        self.waited.assign(0.0)
