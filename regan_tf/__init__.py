"""Re-GAN in TensorFlow and Keras: GANs trained by pruning and regrowing.

Public names are loaded when first used, so that importing the package does
not import TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "AlternatingSchedule": "regan_tf.regan.schedule",
    "GeneratorPair": "regan_tf.regan.pair",
    "MaskedConv2D": "regan_tf.regan.layers",
    "MaskedConv2DTranspose": "regan_tf.regan.layers",
    "MaskedDense": "regan_tf.regan.layers",
    "Pruner": "regan_tf.regan.pruner",
    "ReGAN": "regan_tf.regan.callback",
    "SwitchableDecay": "regan_tf.regan.learning_rate",
    "UserError": "regan_tf.errors",
    "magnitude_mask": "regan_tf.regan.masks",
    "strip_masks": "regan_tf.regan.layers",
}

__all__ = [
    "AlternatingSchedule",
    "GeneratorPair",
    "MaskedConv2D",
    "MaskedConv2DTranspose",
    "MaskedDense",
    "Pruner",
    "ReGAN",
    "SwitchableDecay",
    "UserError",
    "magnitude_mask",
    "strip_masks",
]


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'regan_tf' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__():
    return [*globals(), *__all__]
