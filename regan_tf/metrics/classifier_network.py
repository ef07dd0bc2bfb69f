"""The classifier's network: whitening, six convolutions, a global average."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

ARCHITECTURE = "convnet-2"  # change it with anything below: it keys the cache

FEATURE_WIDTH = 192

_CHANNELS = (48, 144, FEATURE_WIDTH)  # two convolutions each, halving once
_FULL_SIZE = 32  # pixels; the first layer strides over larger images
_LOGIT_SCALE = 1 / 9  # keeps the first steps of a high learning rate tame
_LEAST_VARIANCE = 1e-6  # of the largest; CIFAR-10's least is 1e-5
_WHITENED = 5000  # images that the whitening filters are computed from


def build_network(
    resolution: int, num_classes: int, seed: int
) -> "keras.Model":
    """Builds the untrained network, in float32 under any global policy.

    After Jordan 2024 (arXiv:2404.00498), which trains fast on little: a fixed
    first layer that whitens patches (`whiten` fills it), convolutions that
    start as the identity where they can, batch norm without scale. Narrower
    here, with ReLU and a global average, whose features come nearer to a
    Gaussian than a maximum's.

    Layers are named and weights seeded, so that building it moves neither
    Keras' name counters nor any global random state: a GAN built afterwards
    is the same as without it.

    Args:
        resolution: R, height and width in pixels, at least 8.
        num_classes: K.
        seed: of the initial weights.

    Returns:
        A model from float32 images (N, R, R, 3) in [-1, 1] to a pair: the
        pooled last stage (N, 192) and the logits (N, K).
    """
    import keras

    def convolution(channels: int, name: str, **options) -> keras.layers.Layer:
        return keras.layers.Conv2D(
            channels,
            use_bias=False,
            kernel_initializer="zeros",
            dtype="float32",
            name=name,
            **options,
        )

    stride = max(1, resolution // _FULL_SIZE)
    image = keras.Input((resolution, resolution, 3), name="image")
    x = convolution(
        24 * stride,
        "whitening",
        kernel_size=2 * stride,
        strides=stride,
        trainable=False,
    )(image)
    for index in range(2 * len(_CHANNELS)):
        name = f"conv{index}"
        channels = _CHANNELS[index // 2]
        x = convolution(channels, name, kernel_size=3, padding="same")(x)
        if index % 2 == 0 and x.shape[1] > 1:
            x = keras.layers.MaxPooling2D(
                2, dtype="float32", name=f"pool{index}"
            )(x)
        # Training has few hundred steps; 0.99 would lag behind the weights.
        x = keras.layers.BatchNormalization(
            momentum=0.6, scale=False, dtype="float32", name=f"norm{index}"
        )(x)
        x = keras.layers.ReLU(dtype="float32", name=f"relu{index}")(x)
    features = keras.layers.GlobalAveragePooling2D(
        dtype="float32", name="features"
    )(x)
    scaled = keras.layers.Rescaling(
        _LOGIT_SCALE, dtype="float32", name="scaled"
    )(features)
    logits = keras.layers.Dense(
        num_classes,
        use_bias=False,
        kernel_initializer="zeros",
        dtype="float32",
        name="logits",
    )(scaled)
    model = keras.Model(image, (features, logits), name="classifier")
    _start(model, seed)
    return model


def _start(model: "keras.Model", seed: int) -> None:
    """Random kernels; convolutions pass on as many channels as they can."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if not layer.trainable_weights or layer.name.startswith("norm"):
            continue
        shape = layer.kernel.shape
        bound = np.prod(shape[:-1]) ** -0.5
        kernel = rng.uniform(-bound, bound, shape)
        if len(shape) == 4:
            same = range(min(shape[2:]))
            kernel[..., : len(same)] = 0
            kernel[1, 1, same, same] = 1
        layer.kernel.assign(kernel)


def whiten(model: "keras.Model", images: np.ndarray) -> None:
    """Fills the first layer with the main directions of the images' patches.

    Both signs of each, scaled to unit variance; but directions in which the
    images do not vary (grey ones in colour, say) are passed on and not
    amplified, or the least noise there would drown everything.

    Args:
        model: from `build_network`.
        images: uint8 (N, R, R, 3) that it is going to be trained on.
    """
    layer = model.get_layer("whitening")
    side, _, _, channels = layer.kernel.shape
    # Patches of larger images would not fit in memory.
    wanted = int(_WHITENED * min(1, (128 / images.shape[1]) ** 2))
    images = images[:: max(1, len(images) // max(1, wanted))]
    pixels = images.astype(np.float32) / 127.5 - 1
    windows = np.lib.stride_tricks.sliding_window_view
    step = side + 1  # neighbours overlap and add little
    patches = windows(pixels, (side, side), (1, 2))[:, ::step, ::step]
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, side * side * 3)
    values, vectors = np.linalg.eigh(np.cov(rows.T, dtype=np.float64))
    count = channels // 2
    varies = values > _LEAST_VARIANCE * values[-1]
    scaled = vectors / np.sqrt(np.where(varies, values + 1e-4, values[-1] + 1))
    kernel = scaled[:, ::-1][:, :count].reshape(side, side, 3, count)
    layer.kernel.assign(np.concatenate([kernel, -kernel], axis=-1))
