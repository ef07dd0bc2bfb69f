"""The averaged generator."""

import tensorflow as tf


class MovingAverage:
    """Exponential moving average of a model's trainable weights.

    Non-trainable weights (batch-norm statistics, masks) are the live ones, as
    in AutoGAN's code, so the average is exactly as sparse as the model.

    Args:
        model: the live `keras.Model`.
        average: a model with the same variables, which becomes the average;
            it starts as a copy.
        decay: function (real images shown until now, real images shown in
            the step) of the weight of the past, in [0, 1): see
            `constant_decay` and `half_life_decay`.
    """

    def __init__(self, model, average, decay):
        self.model = model
        self.average = average
        self.decay = decay
        self.restart()

    def restart(self):
        """Makes the average a copy of the live model again."""
        self.average.set_weights(self.model.get_weights())

    def update(self, shown, per_step):
        """average ← decay·average + (1 − decay)·live. Traceable.

        To be called in cross-replica context, once a step.

        Args:
            shown: int64 scalar, real images shown until now.
            per_step: real images of this step.
        """
        rate = 1.0 - self.decay(shown, per_step)
        for mean, live in zip(
            self.average.variables, self.model.variables, strict=True
        ):
            if live.trainable:
                mean.assign(mean + rate * (live - mean))
            else:
                mean.assign(live)


def constant_decay(decay):
    """The same weight of the past in each step.

    Args:
        decay: in [0, 1).
    """
    return lambda shown, per_step: decay


def half_life_decay(kimg, rampup):
    """A weight that halves every so many images (Karras et al. 2018, 2020).

    Args:
        kimg: half-life in thousands of real images, positive.
        rampup: the half-life is at most this share of the images shown (0.05
            in StyleGAN2-ADA's recipes); 0: no ramp-up.
    """

    def decay(shown, per_step):
        half = 1000.0 * kimg
        if rampup:
            half = tf.minimum(half, rampup * tf.cast(shown, tf.float32))
        return 0.5 ** (per_step / half)

    return decay
