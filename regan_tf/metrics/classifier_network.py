"""The classifier's network: conv-BN-ReLU stages and a global average."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

ARCHITECTURE = "convnet-1"  # change it with anything below: it keys the cache

FEATURE_WIDTH = 128

# (channels, stride) from 32×32 pixels down to 4×4.
_STAGES = ((32, 1), (32, 2), (64, 1), (64, 2), (128, 1), (FEATURE_WIDTH, 2))
_FULL_SIZE = 32  # pixels; larger images pass extra stride-2 layers first


def build_network(
    resolution: int, num_classes: int, seed: int
) -> "keras.Model":
    """Builds the untrained network, in float32 under any global policy.

    Layers are named and initialisers seeded, so that building it moves
    neither Keras' name counters nor any global random state: a GAN built
    afterwards is the same as without it.

    Args:
        resolution: R, height and width in pixels, at least 8.
        num_classes: K.
        seed: of the initial weights.

    Returns:
        A model from float32 images (N, R, R, 3) in [-1, 1] to a pair: the
        pooled last stage (N, 128) and the logits (N, K).
    """
    import keras

    shrinks = max(0, round(np.log2(resolution / _FULL_SIZE)))
    stages = ((32, 2),) * shrinks + _STAGES
    seeds = iter(np.random.SeedSequence(seed).generate_state(len(stages) + 1))

    def initializer() -> keras.Initializer:
        return keras.initializers.HeNormal(seed=int(next(seeds)) >> 1)

    image = x = keras.Input((resolution, resolution, 3), name="image")
    for index, (channels, stride) in enumerate(stages):
        x = keras.layers.Conv2D(
            channels,
            3,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer=initializer(),
            dtype="float32",
            name=f"conv{index}",
        )(x)
        # Training has few hundred steps; 0.99 would lag behind the weights.
        x = keras.layers.BatchNormalization(
            momentum=0.9, dtype="float32", name=f"norm{index}"
        )(x)
        x = keras.layers.ReLU(dtype="float32", name=f"relu{index}")(x)
    features = keras.layers.GlobalAveragePooling2D(
        dtype="float32", name="features"
    )(x)
    logits = keras.layers.Dense(
        num_classes,
        kernel_initializer=initializer(),
        dtype="float32",
        name="logits",
    )(features)
    return keras.Model(image, (features, logits), name="classifier")
