"""Sums of gradients between two applications of an optimiser."""

import tensorflow as tf


class GradientSum:
    """Running sums of the gradients of some variables, on each device its own.

    To be made inside the strategy's scope and used in replica context. They
    are zero between updates, so no checkpoint needs them.

    Args:
        variables: float32 `keras.Variable`s.
    """

    def __init__(self, variables):
        self._sums = [
            tf.Variable(
                tf.zeros(variable.shape),
                trainable=False,
                # Each device adds its own; the optimiser sums over devices.
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            for variable in variables
        ]

    def add(self, gradients):
        """Adds gradients, in order of the variables."""
        for total, gradient in zip(self._sums, gradients, strict=True):
            total.assign_add(gradient)

    def take(self):
        """The sums, which start anew."""
        taken = [tf.identity(total) for total in self._sums]
        # Zeros, not a difference: an overflow must not outlive its update.
        for total in self._sums:
            total.assign(tf.zeros(total.shape))
        return taken
