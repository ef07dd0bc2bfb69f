"""Random draws inside a network, which the training step makes for it.

A network that draws for itself would hold a hidden state: a resumed run, or
the same run on more devices, would draw something else. Layers here ask the
`Source` of the training step that calls them; outside of one (scores,
exports, plain calls of a model) nothing is drawn and a network is a function
of its inputs.
"""

import contextlib
import threading
from typing import Any, Protocol

import keras
from keras import ops


class Source(Protocol):
    """What a training step draws from, this replica's share of each draw.

    Args of both methods:
        name: of the layer that asks: each has a stream of its own.
        shape: of the draw, all of it known; axis 0 counts the images of the
            call.
    """

    def normal(self, name: str, shape: tuple[int, ...]) -> Any:
        """float32 N(0, 1) of `shape`."""

    def uniform(self, name: str, shape: tuple[int, ...]) -> Any:
        """float32 U[0, 1) of `shape`."""


_CURRENT = threading.local()  # devices trace in threads of their own


@contextlib.contextmanager
def drawing_from(source: Source | None):
    """Calls of networks inside draw from `source`; None: draw nothing."""
    before = getattr(_CURRENT, "source", None)
    _CURRENT.source = source
    try:
        yield
    finally:
        _CURRENT.source = before


def current_source() -> Source | None:
    """The source of the calls being made, or None."""
    return getattr(_CURRENT, "source", None)


@keras.saving.register_keras_serializable("regan_tf")
class Noise(keras.layers.Layer):
    """x + weight·n, with one value n ~ N(0, 1) a pixel for all channels.

    (B, H, W, C) to the same (Karras et al. 2019, arXiv:1812.04948, section 2).
    The weight is one trainable scalar, zero at first, as in StyleGAN2's code.
    Within a training step n is drawn for every image. Elsewhere it is the
    layer's constant map, drawn once at birth and kept with the weights, so
    that an image is a function of its latent.
    """

    def build(self, input_shape):
        self.weight = self.add_weight(
            name="weight", shape=(), initializer="zeros"
        )
        self.constant = self.add_weight(
            name="constant",
            shape=(1, *input_shape[1:3], 1),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs, training=None):
        source = current_source() if training else None
        noise = ops.convert_to_tensor(self.constant)
        if source is not None:
            shape = (inputs.shape[0], *self.constant.shape[1:])
            noise = source.normal(self.name, shape)
        noise = ops.cast(noise, self.compute_dtype)
        weight = ops.cast(self.weight, self.compute_dtype)
        return inputs + weight * noise

    def compute_output_shape(self, input_shape):
        return input_shape
