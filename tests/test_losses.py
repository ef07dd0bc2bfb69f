"""Losses by hand and by their formulas."""

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.losses import LOSSES

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
