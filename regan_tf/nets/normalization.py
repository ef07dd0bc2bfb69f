"""Layers without kernels of the progressively grown networks (Karras et al.
2018, arXiv:1710.10196). Statistics are float32 whatever the precision: a
square overflows float16 beyond 255, and 1e-8 is zero in it."""

import keras
import tensorflow as tf
from keras import ops

EPSILON = 1e-8


@keras.saving.register_keras_serializable("regan_tf")
class PixelNorm(keras.layers.Layer):
    """x / √(mean over channels of x² + 1e-8), at each pixel (§4.2).

    (..., C) to (..., C), of mean square 1 at each pixel. Of latent vectors
    (B, C) it is the projection onto a hypersphere, of radius √C.
    """

    def call(self, inputs):
        x = ops.cast(inputs, self.variable_dtype)
        square = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return ops.cast(x * ops.rsqrt(square + EPSILON), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def over_devices(value):
    """Mean of the values of all devices, which have batches of one size.

    The value itself outside of a replica.
    """
    context = tf.distribute.get_replica_context()
    if not context or context.num_replicas_in_sync == 1:
        return value
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, value)
    return total / context.num_replicas_in_sync


@keras.saving.register_keras_serializable("regan_tf")
class MinibatchDeviation(keras.layers.Layer):
    """Appends a channel that says how much images of a group differ (§3).

    √(variance over the group + 1e-8) at each pixel and channel, its mean over
    pixels and channels, one value a group: (B, H, W, C) to (B, H, W, C + 1).
    The variance is the mean square about the mean.

    Groups are of neighbours in the batch, so that devices, which see slices
    of it, form the groups that one device would. (The authors' code takes
    every (B / G)-th image; images come in random order either way.) The
    deviation over the whole batch is over that of all devices.

    Args:
        group: images of a group; smaller batches are one group. None: the
            whole batch is one group.

    Raises:
        ValueError: `group` is not positive, or the batch is larger than it
            and no multiple of it. (TensorFlow's own error where the batch
            size is not known before it runs.)
    """

    def __init__(self, group=None, **kwargs):
        if group is not None and not group > 0:
            raise ValueError(
                "`group` must be a positive number of images, or None for "
                f"the whole batch. Received: group={group}"
            )
        super().__init__(**kwargs)
        self.group = group

    def call(self, inputs):
        x = ops.cast(inputs, self.variable_dtype)
        batch, height, width, channels = ops.shape(x)
        group = self._group_of(batch)
        groups = batch // group
        y = ops.reshape(x, (groups, group, height, width, channels))
        deviation = ops.sqrt(self._variance(y) + EPSILON)
        value = ops.mean(deviation, axis=(2, 3, 4), keepdims=True)
        value = ops.tile(value, (1, group, height, width, 1))
        value = ops.reshape(value, (batch, height, width, 1))
        value = ops.cast(value, self.compute_dtype)
        return ops.concatenate([inputs, value], axis=-1)

    def _variance(self, x):
        """Mean square about the mean over axis 1, which is kept."""
        if self.group is not None:
            return ops.var(x, axis=1, keepdims=True)
        mean = over_devices(ops.mean(x, axis=1, keepdims=True))
        square = ops.mean(ops.square(x - mean), axis=1, keepdims=True)
        return over_devices(square)

    def _group_of(self, batch):
        if self.group is None:
            return batch
        if not isinstance(batch, int):
            return ops.minimum(self.group, batch)
        if batch > self.group and batch % self.group:
            raise ValueError(
                "The batch must be a multiple of the group of the minibatch "
                f"deviation, or smaller. Received: {batch} images, group="
                f"{self.group}; take {batch - batch % self.group} images"
            )
        return min(self.group, batch)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group": self.group}
