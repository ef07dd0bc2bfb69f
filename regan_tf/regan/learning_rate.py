"""Learning rates that decay over training and switch with the phases."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("regan_tf")
class SwitchableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate: base · decay(step) · factor.

    `factor` is a variable: assigning it between steps changes the rate
    without retracing. (An optimiser built with an ordinary schedule refuses
    to have its rate assigned.)

    Args:
        base: learning rate before decay and factor.
        decay_steps: training steps over which the rate falls linearly to
            zero; None keeps it constant.
        updates_per_step: optimiser updates in one training step; the decay
            moves once a step, as in pytorch-gan-collections.
        lazy_every: steps from one further update, of a lazy penalty, to the
            next, the first of them in step 0; None: there are none.
    """

    def __init__(
        self, base, decay_steps=None, updates_per_step=1, lazy_every=None
    ):
        super().__init__()
        self.base = base
        self.decay_steps = decay_steps
        self.updates_per_step = updates_per_step
        self.lazy_every = lazy_every
        self.factor = keras.Variable(
            1.0,
            trainable=False,
            name="phase_factor",
            autocast=False,
            aggregation="only_first_replica",
        )

    def __call__(self, update):
        rate = self.base * ops.convert_to_tensor(self.factor)
        if self.decay_steps is None:
            return rate
        every = self.lazy_every or 1
        block = self.updates_per_step * every + bool(self.lazy_every)
        step = ops.floor_divide(update * every, block)
        left = 1.0 - ops.cast(step, "float32") / float(self.decay_steps)
        return rate * ops.maximum(left, 0.0)

    def at(self, step):
        """The rate of training step `step` (from 0), as a float."""
        lazy = -(-step // self.lazy_every) if self.lazy_every else 0
        rate = self(step * self.updates_per_step + lazy)
        return float(ops.convert_to_numpy(rate))

    def get_config(self):
        return {
            "base": self.base,
            "decay_steps": self.decay_steps,
            "updates_per_step": self.updates_per_step,
            "lazy_every": self.lazy_every,
        }


def unwrapped(optimizer):
    """The optimiser itself, without the loss scale that may be around it."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def set_factor(optimizer, factor, base=None):
    """Sets the phase factor of an optimiser's learning rate.

    Args:
        optimizer: a `keras.optimizers.Optimizer` whose learning rate is a
            `SwitchableDecay` or a plain float, with a loss scale or not.
        factor: what the rate is multiplied by, in (0, 1].
        base: the rate that a plain float is a multiple of.

    Raises:
        ValueError: the optimiser has a schedule of another kind, whose value
            cannot be scaled from outside.
    """
    optimizer = unwrapped(optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, SwitchableDecay):
        schedule.factor.assign(factor)
    elif isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        raise ValueError(
            "the optimiser's learning rate must be a float or a "
            "`regan_tf.SwitchableDecay` for its phases to be switched. "
            f"Received: {type(schedule).__name__}"
        )
    else:
        optimizer.learning_rate = base * factor
