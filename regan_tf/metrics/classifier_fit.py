"""Fits the classifier: seeded order and shifts, one learning-rate cycle."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regan_tf.errors import UserError
from regan_tf.metrics.classifier_network import whiten

if TYPE_CHECKING:
    import keras


# Batch norm's shifts learn faster than kernels (Jordan 2024, section 3.4).
_SHIFT_RATE = 64


@dataclass(frozen=True)
class FitSettings:
    """What training depends on besides data, network and seed.

    Attributes:
        epochs: passes over the training images.
        flip: mirror half of the images left to right.
        batch_size: images per step; an incomplete last batch is left out.
        learning_rate: peak of the cycle, per image of a batch (Nesterov SGD,
            momentum 0.85).
        weight_decay: of the kernels, times the learning rate.
        max_shift: largest shift in either direction, as part of R.
    """

    epochs: int
    flip: bool = False
    batch_size: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 1.33e-3
    max_shift: float = 1 / 16

    @classmethod
    def for_size(cls, num_images: int, flip: bool) -> "FitSettings":
        """Chooses epochs: small sets need steps, large ones must end.

        At least 16 epochs and 16,000 images seen, but at most 800,000 images
        seen (about 28 minutes at 32×32 on two CPU cores).
        """
        wanted = max(16, math.ceil(16_000 / num_images))
        return cls(
            epochs=min(wanted, max(1, 800_000 // num_images)),
            flip=flip,
            batch_size=128 if num_images >= 10_000 else 32,
        )


def fit(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray,
    *,
    settings: FitSettings,
    seed: int,
    progress: Callable[[str], None],
) -> None:
    """Whitens and trains `model` in place with softmax cross-entropy.

    All randomness comes from `seed`, none from global states. Call it outside
    `strategy.scope()`: the variables belong to one device.

    Args:
        model: from `build_network`.
        images: uint8 (N, R, R, 3).
        labels: (N,) class ids in [0, K).
        settings: see `FitSettings`.
        seed: of order and augmentation.
        progress: gets one line per epoch.
    """
    rng = np.random.default_rng(seed)
    # A batch of one image would leave the batch statistics without meaning.
    batch_size = min(settings.batch_size, len(images))
    whiten(model, images)
    steps = len(images) // batch_size
    train_step = _make_train_step(model, settings, steps * settings.epochs)
    for epoch in range(settings.epochs):
        order = rng.permutation(len(images))[: steps * batch_size]
        losses = []
        for rows in order.reshape(steps, batch_size):
            batch = augment(images[rows], rng, settings)
            losses.append(train_step(batch, labels[rows].astype(np.int32)))
        progress(
            f"classifier: epoch {epoch + 1}/{settings.epochs}, "
            f"loss {np.mean([float(loss) for loss in losses]):.3f}"
        )


def _make_train_step(
    model: "keras.Model", settings: FitSettings, num_steps: int
) -> Callable:
    import keras
    import tensorflow as tf

    peak = settings.learning_rate * settings.batch_size
    rate = keras.optimizers.schedules.CosineDecay(
        0.2 * peak,
        decay_steps=num_steps - num_steps // 4,
        alpha=0.05,
        warmup_target=peak,
        warmup_steps=num_steps // 4,
        name="classifier_rate",
    )
    optimizer = keras.optimizers.SGD(
        rate,
        momentum=0.85,
        nesterov=True,
        name="classifier_sgd",
    )
    optimizer.build(model.trainable_variables)
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits

    @tf.function(autograph=False)
    def train_step(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            _, logits = model(scale(images), training=True)
            loss = tf.reduce_mean(cross_entropy(labels=labels, logits=logits))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        steps = [
            g * _SHIFT_RATE
            if len(v.shape) == 1
            else g + settings.weight_decay * v
            for g, v in zip(gradients, variables, strict=True)
        ]
        optimizer.apply(steps, variables)
        return loss

    return train_step


def scale(images):
    """Maps uint8 images in [0, 255] to a float32 tensor in [-1, 1]."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def augment(
    images: np.ndarray, rng: np.random.Generator, settings: FitSettings
) -> np.ndarray:
    """Shifts each image by up to `max_shift` × R, edges repeated; may flip.

    Args:
        images: uint8 (N, R, R, 3).
        rng: the only source of randomness.
        settings: `max_shift` and `flip` are used.

    Returns:
        A new array like `images`.
    """
    count, size = images.shape[:2]
    pad = max(1, round(settings.max_shift * size))
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), "edge")
    offsets = rng.integers(0, 2 * pad + 1, (2, count, 1))
    rows, columns = offsets + np.arange(size)  # each (N, R)
    if settings.flip:
        mirrored = rng.random((count, 1)) < 0.5
        columns = np.where(mirrored, columns[:, ::-1], columns)
    which = np.arange(count)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]]


def split_stratified(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits row numbers so that each class gives the same fraction.

    Args:
        labels: (N,) class ids.
        fraction: part to hold out, in (0, 1), rounded within each class but
            at least one image of a class that has two.
        seed: of the choice.

    Returns:
        Sorted row numbers kept and sorted row numbers held out.

    Raises:
        UserError: no class has two images.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) > 1:
            count = max(1, round(fraction * len(rows)))
            held[rng.permutation(rows)[:count]] = True
    if not held.any():
        raise UserError(
            "To hold out images a class must have at least 2. "
            f"Received: {len(labels)} images, one a class. Add images, or "
            "pass --inception_path=<directory> to score with Inception."
        )
    return np.flatnonzero(~held), np.flatnonzero(held)
