"""The filter [1, 3, 3, 1], beside its definition."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.nets import fir
from tests.nets import numpy_stylegan2 as plain

X = np.random.default_rng(1).normal(size=(2, 6, 8, 3))
# (function, what it is by definition)
CASES = {
    "blur": (
        lambda x: fir.blur(x, 2, 2),
        lambda x: plain.fir(x, 2, 2),
    ),
    "blur4": (
        lambda x: fir.blur(x, 1, 1, gain=4.0),
        lambda x: plain.fir(x, 1, 1, gain=4),
    ),
    "down": (fir.downsample, lambda x: plain.fir(x, 1, 1, down=2)),
    "up": (fir.upsample, lambda x: plain.fir(x, 2, 1, up=2, gain=4)),
}
each = pytest.mark.parametrize("name", CASES)


@each
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_equals_its_definition(name, dtype):
    apply, define = CASES[name]
    y = apply(tf.cast(X, dtype))
    rounding = {"float64": 1e-14, "float32": 1e-6, "float16": 2e-3}
    assert y.dtype == dtype
    wanted = define(X)
    error = np.abs(tf.cast(y, "float64") - wanted)
    assert error.max() < rounding.get(dtype, 1e-2) * np.abs(wanted).max()


def _slopes(apply, x):
    """Gradient of Σ sin(apply(x)), and that of the gradient's Σ cos."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(tf.sin(apply(x)))
        first = inner.gradient(total, x)
        total = tf.reduce_sum(tf.cos(first))
    return first, outer.gradient(total, x)


@each
def test_two_derivatives(name):
    apply, define = CASES[name]
    x = X[:1, :4, :2, :1]
    first, second = _slopes(apply, tf.constant(x))
    # A linear function is its matrix, here from its definition.
    places = np.eye(x.size).reshape(-1, *x.shape[1:])
    matrix = define(places).reshape(x.size, -1).T
    y = matrix @ x.ravel()
    by_hand = matrix.T @ np.cos(y)
    np.testing.assert_allclose(np.ravel(first), by_hand, atol=1e-12)
    by_hand = matrix.T @ (np.sin(y) * (matrix @ np.sin(by_hand)))
    np.testing.assert_allclose(np.ravel(second), by_hand, atol=1e-12)


@each
def test_derivatives_in_bfloat16(name):
    apply, _ = CASES[name]
    exact = _slopes(apply, tf.constant(X))
    rough = _slopes(apply, tf.cast(X, "bfloat16"))
    for values, wanted in zip(rough, exact, strict=True):
        assert values.dtype == tf.bfloat16
        np.testing.assert_allclose(
            tf.cast(values, "float64"), wanted, atol=0.06
        )


def test_one_pixel_by_hand():
    pixel = np.zeros((1, 2, 2, 1), np.float32)
    pixel[0, 0, 0] = 64
    up = fir.upsample(pixel)[0, ..., 0]
    taps = np.outer([3, 3, 1, 0], [3, 3, 1, 0])
    np.testing.assert_allclose(up, 4 * taps)
    np.testing.assert_allclose(fir.downsample(pixel)[0, ..., 0], [[9]])
    blurred = fir.blur(pixel, 3, 0)[0, ..., 0]
    np.testing.assert_allclose(blurred, [[1, 3], [3, 9]])


def test_a_constant_image_stays_inside():
    ones = np.ones((1, 8, 8, 2), np.float32)
    for y in (fir.upsample(ones), fir.downsample(ones), fir.blur(ones, 1, 1)):
        np.testing.assert_allclose(y[:, 2:-2, 2:-2], 1, rtol=1e-6)


def test_odd_sides_are_refused():
    with pytest.raises(ValueError, match="halves even sides"):
        fir.downsample(tf.zeros((1, 4, 5, 1)))


def test_files_keep_the_layers(tmp_path):
    inputs = keras.Input((6, 8, 3))
    x = fir.FirUpsampling2D()(inputs)
    x = fir.Blur2D(2, 1, gain=3.0)(x)
    model = keras.Model(inputs, fir.FirDownsampling2D()(x))
    assert model.output_shape == (None, 6, 8, 3)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded(X), model(X))
    wanted = plain.fir(X, 2, 1, up=2, gain=4)
    wanted = plain.fir(plain.fir(wanted, 2, 1, gain=3), 1, 1, down=2)
    np.testing.assert_allclose(model(X), wanted, atol=1e-5)
