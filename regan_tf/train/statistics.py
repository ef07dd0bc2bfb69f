"""Running means of a training step, kept on the device between logs."""

import numpy as np
import tensorflow as tf

NAMES = (
    "loss/discriminator",
    "logits/real",
    "logits/fake",
    "loss/generator",
)


class Statistics:
    """Sums of the figures of each step since the last log.

    One small variable, added to inside the step and read by the host when
    logging only. Checkpoints hold it, so a resumed run logs the same means.
    """

    def __init__(self):
        self.sums = tf.Variable(tf.zeros(len(NAMES)), trainable=False)
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)
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

    def add(self, figures, step):
        """Adds one step's figures. Traceable.

        Args:
            figures: dict of float32 scalars, a mean for each of `NAMES`.
            step: int64 scalar, completed steps before this one.
        """
        values = tf.stack([figures[name] for name in NAMES])
        self.sums.assign_add(values)
        self.count.assign_add(1)
        bad = tf.logical_not(tf.reduce_all(tf.math.is_finite(values)))
        first = tf.logical_and(bad, self.bad_step < 0)
        self.bad_step.assign(
            tf.where(first, tf.cast(step, tf.int64), self.bad_step)
        )

    def read(self):
        """Means since the last `reset`, by name; waits for the device."""
        count = max(1, int(self.count.numpy()))
        means = np.asarray(self.sums.numpy(), np.float64) / count
        return dict(zip(NAMES, means.tolist(), strict=True))

    def first_bad_step(self):
        """First step with a loss that was not finite, or None."""
        step = int(self.bad_step.numpy())
        return None if step < 0 else step

    def reset(self):
        """Starts the means anew."""
        self.sums.assign(tf.zeros(len(NAMES)))
        self.count.assign(0)
