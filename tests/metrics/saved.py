"""Tiny SavedModels for the tests of feature networks."""

import tensorflow as tf

IMAGES = tf.TensorSpec((None, 4, 4, 3))


def mean(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(images, (1, 2))


def module(function, *specs: tf.TensorSpec) -> tf.Module:
    """Calls `function` with the first of the inputs, times a variable of 1."""

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.gain = tf.Variable(1.0)

        @tf.function(input_signature=specs or (IMAGES,), autograph=False)
        def __call__(self, *inputs):
            return function(inputs[0] * tf.cast(self.gain, inputs[0].dtype))

    return Module()


def save(path, function=mean, *specs: tf.TensorSpec) -> str:
    tf.saved_model.save(module(function, *specs), str(path))
    return str(path)
