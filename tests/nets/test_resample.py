"""Fused resampling convolutions against the plain two operations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.nets import resample

UP = [
    resample.UpConv2D,
    resample.MaskedUpConv2D,
    resample.SpectralUpConv2D,
    resample.MaskedSpectralUpConv2D,
]
DOWN = [
    resample.DownConv2D,
    resample.MaskedDownConv2D,
    resample.SpectralDownConv2D,
    resample.MaskedSpectralDownConv2D,
]
SHAPE = (2, 6, 8, 3)


def _plain(layer, x, kernel):
    """The two operations that the layer fuses, with the layer's kernel."""
    if isinstance(layer, resample.Upsampled):
        x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
    y = tf.nn.conv2d(x, kernel, 1, "SAME") + layer.bias
    if isinstance(layer, resample.Downsampled):
        y = tf.nn.avg_pool2d(y, 2, 2, "VALID")
    return y


def _layer(kind):
    layer = kind(4, 3, padding="same", bias_initializer="random_normal")
    layer.build(SHAPE)
    if hasattr(layer, "kernel_mask"):
        mask = np.ones(layer.kernel_mask.shape, np.float32)
        mask.ravel()[::3] = 0
        layer.kernel_mask.assign(mask)
    return layer


def _used_kernel(layer):
    kernel = tf.convert_to_tensor(layer.kernel)
    if hasattr(layer, "u"):
        kernel = tf.convert_to_tensor(layer._normalised(training=False))
    return kernel


@pytest.mark.parametrize("kind", UP + DOWN)
def test_equals_the_two_operations(kind):
    x = tf.random.stateless_normal(SHAPE, (0, 1))
    layer = _layer(kind)
    expected = _plain(layer, x, _used_kernel(layer))
    assert layer.compute_output_shape(SHAPE) == tuple(expected.shape)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", UP + DOWN)
def test_first_and_second_derivatives(kind):
    x = tf.random.stateless_normal(SHAPE, (0, 1))
    layer = _layer(kind)
    found = []
    for apply in (layer, lambda v: _plain(layer, v, _used_kernel(layer))):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.nn.tanh(apply(x)))
            of_x = inner.gradient(loss, x)
            penalty = tf.reduce_sum(of_x**2)
        found.append((of_x, outer.gradient(penalty, layer._kernel.value)))
    for fused, plain in zip(*found, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-3, atol=1e-4)
    if hasattr(layer, "kernel_mask"):
        pruned = layer.kernel_mask.numpy() == 0
        assert np.all(found[0][1].numpy()[pruned] == 0)


def test_sum_of_shifts_by_hand():
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    expected = [[0, 1, 3, 2], [3, 8, 12, 7], [9, 20, 24, 13], [6, 13, 15, 8]]
    summed = resample.sum_of_shifts(kernel)
    np.testing.assert_array_equal(np.squeeze(summed), expected)


@pytest.mark.parametrize("kind", [resample.UpConv2D, resample.DownConv2D])
def test_refuses_other_convolutions(kind):
    with pytest.raises(ValueError, match="takes kernel_size=3"):
        kind(4, 1, padding="same")
    with pytest.raises(ValueError, match="Received: kernel_size"):
        kind(4, 3, padding="valid")


@pytest.mark.parametrize("kind", UP + DOWN)
def test_files_keep_the_layer(kind, tmp_path):
    inputs = keras.Input(SHAPE[1:])
    model = keras.Model(inputs, kind(4, 3, padding="same")(inputs))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    x = tf.random.stateless_normal(SHAPE, (0, 1))
    np.testing.assert_array_equal(loaded(x), model(x))
    assert type(loaded.layers[1]) is kind
