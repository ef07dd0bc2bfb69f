"""Layers of StyleGAN2 around its styles: mixing, and what they start from."""

import keras
from keras import ops

from regan_tf.nets.noise import current_source


def _register(cls):
    return keras.saving.register_keras_serializable("regan_tf")(cls)


@_register
class SecondLatents(keras.layers.Layer):
    """Appends as many latents again, for `Styles` to mix in.

    (B, L) to (2B, L) within a training step, whose source draws them from
    N(0, 1); elsewhere (B, L) to the same.
    """

    def call(self, inputs, training=None):
        source = current_source() if training else None
        if source is None:
            return inputs
        second = source.normal(self.name, tuple(inputs.shape))
        return ops.concatenate([inputs, ops.cast(second, inputs.dtype)], axis=0)

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])


@_register
class Styles(keras.layers.Layer):
    """One w for each layer of the synthesis network, of one latent or two.

    (B, L) to (B, layers, L): the same w for all. Within a training step (2B,
    L), behind `SecondLatents`, to (B, layers, L): of each image, with the
    given probability, the layers from a crossover on take the w of its second
    latent; the crossover is uniform in 1 … layers − 1 (Karras et al. 2019,
    arXiv:1812.04948, section 3.1).

    Args:
        num_layers: layers above, at least 2.
        mixing: probability of a second w, in [0, 1]. 0: none is expected, (B,
            L) in training as well.

    Raises:
        ValueError: `num_layers` or `mixing` is out of range.
    """

    def __init__(self, num_layers, mixing=0.9, **kwargs):
        if num_layers < 2 or not 0 <= mixing <= 1:
            raise ValueError(
                "`num_layers` must be at least 2 and `mixing` in [0, 1]. "
                f"Received: num_layers={num_layers}, mixing={mixing}"
            )
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.mixing = mixing

    def call(self, inputs, training=None):
        source = current_source() if training and self.mixing else None
        if source is None:
            return ops.repeat(inputs[:, None], self.num_layers, axis=1)
        first, second = ops.split(inputs[:, None], 2, axis=0)
        draws = source.uniform(self.name, (first.shape[0], 2))
        where = 1 + ops.floor(draws[:, :1] * (self.num_layers - 1))
        where = ops.where(draws[:, 1:] < self.mixing, where, self.num_layers)
        before = ops.arange(self.num_layers, dtype=where.dtype) < where
        return ops.where(before[:, :, None], first, second)

    def compute_output_shape(self, input_shape):
        return (None, self.num_layers, input_shape[-1])

    def get_config(self):
        options = {"num_layers": self.num_layers, "mixing": self.mixing}
        return {**super().get_config(), **options}


@_register
class LearnedConstant(keras.layers.Layer):
    """A trainable N(0, 1) image, the same for each style.

    Anything of B images, of which only B counts, to (B, side, side, channels).

    Args:
        side, channels: of the image.
    """

    def __init__(self, side, channels, **kwargs):
        super().__init__(**kwargs)
        self.side = side
        self.channels = channels

    def build(self, input_shape):
        # Flat: it is no kernel.
        self.constant = self.add_weight(
            name="constant",
            shape=(self.side * self.side * self.channels,),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )

    def call(self, inputs):
        shape = (1, self.side, self.side, self.channels)
        image = ops.reshape(self.constant, shape)
        return ops.repeat(image, ops.shape(inputs)[0], axis=0)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.side, self.side, self.channels)

    def get_config(self):
        options = {"side": self.side, "channels": self.channels}
        return {**super().get_config(), **options}
