"""Fused batch normalisation against Keras' own, and by numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.nets.batch_norm import FusedBatchNormalization
from regan_tf.nets.resample import NearestUpsampling2D
from regan_tf.regan.layers import strip_masks

X = np.random.default_rng(0).normal(2, 3, (5, 4, 6, 3)).astype("float32")


def _layers(**options):
    options = {"momentum": 0.9, "epsilon": 1e-5, **options}
    both = FusedBatchNormalization, keras.layers.BatchNormalization
    layers = [kind(**options) for kind in both]
    for layer in layers:
        layer.build(X.shape)
        layer.gamma.assign([1, -2, 0.5])
        layer.beta.assign([0, 3, -1])
    return layers


def _derivatives(function, x):
    """Value, and first and second derivatives, of sums of sines of it."""
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = tf.cast(function(x), tf.float32)
            total = tf.reduce_sum(tf.sin(outputs))
        first = inner.gradient(total, x)
        norm = tf.reduce_sum(first**2)
    return outputs, first, outer.gradient(norm, x)


def test_equals_keras_in_training():
    fused, keras_own = _layers()
    ours, theirs = (
        _derivatives(lambda x, f=f: f(x, training=True), X)
        for f in (fused, keras_own)
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    for one, other in zip(fused.variables, keras_own.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5)


def test_by_numpy():
    fused, _ = _layers()
    mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))  # biased
    expected = (X - mean) / np.sqrt(variance + 1e-5) * [1, -2, 0.5]
    expected += np.array([0, 3, -1])
    np.testing.assert_allclose(fused(X, training=True), expected, atol=2e-5)
    moving = 0.9 + 0.1 * variance
    np.testing.assert_allclose(fused.moving_variance.numpy(), moving, rtol=1e-5)


@pytest.mark.parametrize("name", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_are_float32_in_mixed_precision(name):
    fused, keras_own = _layers(dtype=name)
    outputs = [layer(X, training=True) for layer in (fused, keras_own)]
    assert outputs[0].dtype == outputs[1].dtype == fused.compute_dtype
    both = [tf.cast(x, tf.float32) for x in outputs]
    np.testing.assert_allclose(*both, atol=0.04)
    for one, other in zip(fused.variables, keras_own.variables, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4)


def test_inference_and_vectors_go_keras_way():
    fused, keras_own = _layers()
    np.testing.assert_array_equal(fused(X), keras_own(X))
    layer, other = FusedBatchNormalization(), keras.layers.BatchNormalization()
    rows = X.reshape(-1, 3)
    np.testing.assert_array_equal(
        layer(rows, training=True), other(rows, training=True)
    )


def test_exports_hold_keras_own_layers():
    inputs = keras.Input((4, 6, 3))
    x = NearestUpsampling2D(2)(FusedBatchNormalization()(inputs))
    copy = strip_masks(keras.Model(inputs, x))
    kinds = [type(layer) for layer in copy.layers[1:]]
    kl = keras.layers
    assert kinds == [kl.BatchNormalization, kl.UpSampling2D]


@pytest.mark.parametrize("size", [2, 3])
def test_upsampling_equals_keras(size):
    ours = _derivatives(NearestUpsampling2D(size), X)
    theirs = _derivatives(keras.layers.UpSampling2D(size), X)
    if size == 2:  # a third of nine is not nine thirds
        np.testing.assert_array_equal(ours[0], theirs[0])
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_upsampling_does_not_overflow_in_float16():
    layer = NearestUpsampling2D(4, dtype="mixed_float16")
    outputs = layer(tf.fill((1, 1, 1, 1), tf.constant(5000, tf.float16)))
    np.testing.assert_array_equal(outputs, np.full((1, 4, 4, 1), 5000))
