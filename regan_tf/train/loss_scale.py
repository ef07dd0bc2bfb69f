"""The dynamic loss scale that float16 gradients need."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("regan_tf")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras' dynamic loss scale, agreed on by all devices.

    An update whose gradients are not finite is left out, and halves the
    scale; 2,000 finite ones in a row double it. Keras asks the first device
    only, as if gradients were summed already: an overflow on another one
    would make every weight NaN.

    Args as in `keras.optimizers.LossScaleOptimizer`.
    """

    def check_finite(self, grads):
        """Whether every gradient of every device is finite."""
        finite = tf.cast(super().check_finite(grads), tf.float32)
        context = tf.distribute.get_replica_context()
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, finite)
        return total >= float(context.num_replicas_in_sync)
