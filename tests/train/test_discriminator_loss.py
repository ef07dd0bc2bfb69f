"""Penalties of a linear discriminator, whose gradients are known."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.augment.apa import AdaptivePseudoAugmentation
from regan_tf.nets.views import Networks, View
from regan_tf.train.discriminator_loss import DiscriminatorLoss
from tests.tiny import tiny_config

A = np.arange(12, dtype="float32").reshape(2, 2, 3) / 10
LATENTS = np.float32([[1.0], [-1.0]])
REAL = np.random.default_rng(0).uniform(-1, 1, (2, 2, 2, 3)).astype("float32")


class Draws:
    """Always 0.75, whatever is asked for."""

    def within(self, prefix):
        return self

    def uniform(self, name, shape):
        return tf.fill(shape, 0.75)

    def normal(self, name, shape):
        return tf.fill(shape, 2.0)


def _loss(*words, apa=None):
    """Logits are Σ A·x; fakes are the latent in every pixel."""
    config = tiny_config("--run_dir=unused", *words)
    z = keras.Input((1,))
    ones = keras.layers.Dense(12, use_bias=False, kernel_initializer="ones")
    generator = keras.Model(z, keras.layers.Reshape((2, 2, 3))(ones(z)))
    x = keras.Input((2, 2, 3))
    dense = keras.layers.Dense(1)
    discriminator = keras.Model(x, dense(keras.layers.Flatten()(x)))
    dense.kernel.assign(A.reshape(12, 1))
    gan = SimpleNamespace(
        networks=Networks.single(generator, discriminator, 2),
        discriminator_optimizer=keras.optimizers.SGD(),
        latent_dim=1,
        apa=apa,
    )
    return DiscriminatorLoss(gan, config, View(2), 1)


def _gradients(*words):
    """The figures, and the gradient of the kernel."""
    loss = _loss(*words)
    figures, (kernel, _) = loss.gradients(
        tf.constant(REAL), LATENTS, None, Draws(), None
    )
    return figures, kernel.numpy().reshape(2, 2, 3)


def test_r1_of_every_update():
    figures, gradient = _gradients("--r1_gamma=4")
    added = gradient - _gradients()[1]
    assert float(figures["loss/r1"]) == pytest.approx(np.sum(A**2))
    np.testing.assert_allclose(added, 4 * A, rtol=1e-5)
    total = float(figures["loss/discriminator"])
    logits = np.sum(A * REAL, (1, 2, 3)), LATENTS[:, 0] * A.sum()
    hinges = np.maximum(0, 1 - logits[0]) + np.maximum(0, 1 + logits[1])
    expected = hinges.mean() + 2 * np.sum(A**2)
    assert total == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("where", ["plain", "augmented", "through"])
def test_r1_under_augmentation(where):
    words = "--diffaugment=contrast", f"--r1_images={where}"
    figures, gradient = _gradients("--r1_gamma=2", *words)
    added = gradient - _gradients(*words)[1]
    # Contrast 0.5 + 0.75: of each image's distance to its mean.
    slope = 1.25 * A - 0.25 * A.mean() if where == "through" else A
    assert float(figures["loss/r1"]) == pytest.approx(np.sum(slope**2), 1e-5)
    if where == "through":
        slope = 1.25 * slope - 0.25 * slope.mean()
    np.testing.assert_allclose(added, 2 * slope, rtol=1e-4, atol=1e-5)


def test_lazy_r1_counts_for_the_updates_of_its_interval():
    words = "--critic_steps=2", "--r1_gamma=3", "--r1_interval=5"
    loss = _loss(*words)
    figures, gradients = loss.r1_gradients(tf.constant(REAL), Draws(), None)
    assert float(figures["loss/r1"]) == pytest.approx(5 * np.sum(A**2))
    kernel, bias = (g.numpy() for g in gradients)
    np.testing.assert_allclose(kernel.reshape(2, 2, 3), 30 * A, rtol=1e-5)
    np.testing.assert_array_equal(bias, [0])
    main, _ = loss.gradients(REAL, LATENTS, None, Draws(), None)
    assert "loss/r1" not in main


@pytest.mark.parametrize(("p", "swapped"), [(0.5, False), (0.8, True)])
def test_generated_images_stand_in_for_real_ones(p, swapped):
    apa = AdaptivePseudoAugmentation(2)
    apa.p.assign(p)
    loss = _loss("--apa", apa=apa)
    figures, _ = loss.gradients(REAL, LATENTS, None, Draws(), None)
    logits = np.sum(A * REAL, (1, 2, 3))
    logits = np.full(2, 2 * A.sum()) if swapped else logits  # latents are 2
    assert float(figures["logits/real"]) == pytest.approx(logits.mean(), 1e-5)
    signs = np.sign(logits).mean()
    assert float(figures["logits/real_sign"]) == pytest.approx(signs)
