"""Losses by hand and by their formulas."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.losses import LOSSES, between, drift, gradient_penalty
from regan_tf.metrics.tfgan_bridge import _stub_packages

HINGE, NON_SATURATING = LOSSES["hinge"], LOSSES["non_saturating"]
LOGITS = np.linspace(-30, 30, 121, dtype="float32")[:, None]


def _column(*values):
    return np.array(values, "float32")[:, None]


def _softplus(x):
    return np.log1p(np.exp(-np.abs(x, dtype="float64"))) + np.maximum(x, 0)


def test_hinge_by_hand():
    real, fake = HINGE.discriminator(
        _column(-1, 0, 0.25, 1, 3), _column(-3, -1, -0.25, 0, 1)
    )
    np.testing.assert_array_equal(real, _column(2, 1, 0.75, 0, 0))
    np.testing.assert_array_equal(fake, _column(0, 0, 0.75, 1, 2))
    loss = HINGE.generator(_column(-2, 0, 0.5))
    np.testing.assert_array_equal(loss, _column(2, 0, -0.5))


def test_non_saturating_by_hand():
    log2, log3 = np.log(2), np.log(3)
    real, fake = NON_SATURATING.discriminator(
        _column(0, log2), _column(0, log2)
    )
    np.testing.assert_allclose(real, _column(log2, log3 - log2), rtol=1e-6)
    np.testing.assert_allclose(fake, _column(log2, log3), rtol=1e-6)
    loss = NON_SATURATING.generator(_column(0, -log2))
    np.testing.assert_allclose(loss, _column(log2, log3), rtol=1e-6)


def test_hinge_by_its_formula():
    real, fake = HINGE.discriminator(LOGITS, LOGITS[::-1])
    np.testing.assert_array_equal(real, np.maximum(0, 1 - LOGITS))
    np.testing.assert_array_equal(fake, np.maximum(0, 1 + LOGITS[::-1]))
    np.testing.assert_array_equal(HINGE.generator(LOGITS), -LOGITS)


def test_non_saturating_by_its_formula():
    real, fake = NON_SATURATING.discriminator(LOGITS, LOGITS[::-1])
    np.testing.assert_allclose(real, _softplus(-LOGITS), rtol=1e-5)
    np.testing.assert_allclose(fake, _softplus(LOGITS[::-1]), rtol=1e-5)
    np.testing.assert_allclose(
        NON_SATURATING.generator(LOGITS), _softplus(-LOGITS), rtol=1e-5
    )


def test_non_saturating_is_cross_entropy():
    real, fake = NON_SATURATING.discriminator(LOGITS, LOGITS)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    np.testing.assert_allclose(
        real, entropy(tf.ones_like(LOGITS), LOGITS), rtol=1e-5
    )
    np.testing.assert_allclose(
        fake, entropy(tf.zeros_like(LOGITS), LOGITS), rtol=1e-5
    )


@pytest.mark.parametrize("name", LOSSES)
def test_one_loss_for_each_example(name):
    loss = LOSSES[name]
    parts = [*loss.discriminator(LOGITS, LOGITS), loss.generator(LOGITS)]
    for part in parts:
        assert part.shape == LOGITS.shape
        assert part.dtype == tf.float32


@pytest.mark.parametrize("name", LOSSES)
def test_finite_at_huge_logits(name):
    loss, huge = LOSSES[name], tf.constant(_column(-1e4, 1e4))
    with tf.GradientTape() as tape:
        tape.watch(huge)
        parts = [*loss.discriminator(huge, huge), loss.generator(huge)]
        total = tf.add_n(parts)
    assert np.all(np.isfinite(total))
    assert np.all(np.isfinite(tape.gradient(total, huge)))


def test_hinge_stops_pushing_beyond_its_margins():
    logits = tf.constant(_column(-2, 0, 2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        real, fake = HINGE.discriminator(logits, logits)
    np.testing.assert_array_equal(
        tape.gradient(real, logits), _column(-1, -1, 0)
    )
    np.testing.assert_array_equal(tape.gradient(fake, logits), _column(0, 1, 1))


@pytest.mark.parametrize("name", LOSSES)
def test_networks_pull_apart(name):
    loss, logits = LOSSES[name], tf.constant(_column(0))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        real, fake = loss.discriminator(logits, logits)
        generator = loss.generator(logits)
    assert tape.gradient(real, logits).numpy() < 0
    assert tape.gradient(fake, logits).numpy() > 0
    assert tape.gradient(generator, logits).numpy() < 0


def test_wasserstein_by_hand():
    loss = LOSSES["wasserstein"]
    real, fake = loss.discriminator(_column(-1, 2), _column(3, -4))
    np.testing.assert_array_equal(real, _column(1, -2))
    np.testing.assert_array_equal(fake, _column(3, -4))
    np.testing.assert_array_equal(loss.generator(_column(3)), _column(-3))
    np.testing.assert_array_equal(drift(_column(-3, 2)), _column(9, 4))


def test_gradient_penalty_by_hand():
    gradients = np.zeros((3, 2, 2, 3), "float32")
    gradients[0, 0, 0], gradients[1, 1, 1, 1] = (3, 4, 0), 1
    penalty = gradient_penalty(gradients)
    np.testing.assert_allclose(penalty, _column(16, 0, 1), rtol=1e-6)
    with tf.GradientTape() as tape:
        zeros = tf.zeros((1, 2, 2, 3))
        tape.watch(zeros)
        total = tf.reduce_sum(gradient_penalty(zeros))
    np.testing.assert_array_equal(tape.gradient(total, zeros), zeros)


def test_between_is_on_the_line():
    real, fake = np.ones((2, 1, 1, 3)), np.full((2, 1, 1, 3), 5.0)
    share = np.reshape([1.0, 0.25], (2, 1, 1, 1))
    mixed = between(real, fake, share)
    np.testing.assert_array_equal(mixed[:, 0, 0, 0], [1, 4])


def _tfgan():
    with _stub_packages():
        name = "tensorflow_gan.python.losses.losses_impl"
        return importlib.import_module(name)


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("hinge", "wasserstein_hinge", {}),
        ("wasserstein", "wasserstein", {}),
        # Theirs smooths labels unless told not to.
        ("non_saturating", "modified", {"label_smoothing": 0.0}),
    ],
)
def test_means_equal_tfgan_s(name, theirs, options):
    real, fake = LOGITS[::2] / 6, LOGITS[::-2] / 9
    found = LOSSES[name].discriminator(real, fake)
    module = _tfgan()
    expected = getattr(module, f"{theirs}_discriminator_loss")(
        real, fake, **options
    )
    ours = sum(float(tf.reduce_mean(part)) for part in found)
    assert ours == pytest.approx(float(expected), rel=1e-5)
    expected = float(getattr(module, f"{theirs}_generator_loss")(fake))
    ours = float(tf.reduce_mean(LOSSES[name].generator(fake)))
    assert ours == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_equals_tfgan_s(monkeypatch):
    def critic(images, _=None):
        return tf.reduce_sum(tf.sin(images), (1, 2, 3))[:, None]

    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 5, 2, 2, 3)).astype("float32")
    alpha = rng.uniform(size=(5, 1, 1, 1)).astype("float32")
    monkeypatch.setattr(tf.random, "uniform", lambda shape: alpha)
    penalty = tf.function(_tfgan().wasserstein_gradient_penalty)
    theirs = penalty(real, fake, None, critic, "critic")
    mixed = tf.constant(between(real, fake, 1 - alpha))
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        total = tf.reduce_sum(critic(mixed))
    ours = gradient_penalty(tape.gradient(total, mixed))
    np.testing.assert_allclose(tf.reduce_mean(ours), theirs, rtol=1e-5)
