"""Layers with an equalised learning rate, beside explicit products."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.nets import equalized
from regan_tf.nets.resample import Downsampled, Upsampled
from regan_tf.regan.layers import strip_masks

DENSE = {"units": 4}, (2, 3)
CONV = {"filters": 4, "kernel_size": 3, "padding": "same"}, (2, 6, 8, 3)
CASES = [
    (getattr(equalized, f"{mask}Equalized{name}"), *case)
    for mask in ("", "Masked")
    for name, case in [
        ("Dense", DENSE),
        ("Conv2D", CONV),
        ("UpConv2D", CONV),
        ("DownConv2D", CONV),
    ]
]
each_layer = pytest.mark.parametrize(("kind", "options", "shape"), CASES)


def _input(shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def _layer(kind, options, shape, **more):
    layer = kind(**options, bias_initializer="random_normal", **more)
    layer.build(shape)
    if hasattr(layer, "kernel_mask"):
        mask = np.ones(layer.kernel_mask.shape, np.float32)
        mask.ravel()[::3] = 0
        layer.kernel_mask.assign(mask)
    return layer


def _expected(layer, x, kernel):
    """The published operations with a stored kernel, masked and scaled."""
    kernel = kernel * getattr(layer, "kernel_mask", tf.ones(())).numpy()
    fan_in = layer.fan_in or math.prod(kernel.shape[:-1])
    kernel = kernel * (layer.gain / math.sqrt(fan_in))
    if len(kernel.shape) == 2:
        return x @ kernel + layer.bias
    if isinstance(layer, Upsampled):
        x = tf.repeat(tf.repeat(x, 2, 1), 2, 2)
    y = tf.nn.conv2d(x, kernel, 1, "SAME") + layer.bias
    if isinstance(layer, Downsampled):
        y = tf.nn.avg_pool2d(y, 2, 2, "VALID")
    return y


@each_layer
@pytest.mark.parametrize("scale", [{}, {"gain": 0.7, "fan_in": 50}])
def test_equals_the_explicit_product(kind, options, shape, scale):
    layer, x = _layer(kind, options, shape, **scale), _input(shape)
    outputs = layer(x)
    wanted = _expected(layer, x, layer._kernel.numpy())
    assert layer.compute_output_shape(shape) == tuple(wanted.shape)
    np.testing.assert_allclose(outputs, wanted, rtol=1e-4, atol=1e-5)


@each_layer
def test_gradients_are_of_the_stored_kernel(kind, options, shape):
    layer, x = _layer(kind, options, shape), _input(shape)
    kernel = layer._kernel.value
    with tf.GradientTape(persistent=True) as tape:
        ours = tf.reduce_sum(tf.sin(layer(x)))
        wanted = tf.reduce_sum(tf.sin(_expected(layer, x, kernel)))
    gradient = tape.gradient(ours, kernel)
    np.testing.assert_allclose(
        gradient, tape.gradient(wanted, kernel), rtol=1e-3, atol=1e-4
    )
    if hasattr(layer, "kernel_mask"):
        assert np.all(gradient.numpy()[layer.kernel_mask.numpy() == 0] == 0)


@each_layer
def test_starts_as_the_paper_says(kind, options, shape):
    wide = {
        k: 200 if k in ("units", "filters") else v for k, v in options.items()
    }
    layer = kind(**wide)
    layer.build((*shape[:-1], 100))
    values = layer._kernel.numpy()
    assert abs(values.mean()) < 0.03 and abs(values.std() - 1) < 0.03
    assert np.all(layer.bias.numpy() == 0)
    outputs = layer(np.random.default_rng(2).normal(size=(*shape[:-1], 100)))
    if not hasattr(layer, "macs_per_image"):  # resampling: not independent
        assert np.std(outputs) == pytest.approx(math.sqrt(2), rel=0.2)


@each_layer
def test_files_keep_the_layer(kind, options, shape, tmp_path):
    inputs = keras.Input(shape[1:])
    layer = kind(**options, gain=0.7, fan_in=50)
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    x, (_, copy) = _input(shape), loaded.layers
    assert (type(copy), copy.gain, copy.fan_in) == (kind, 0.7, 50)
    np.testing.assert_array_equal(copy._kernel.numpy(), layer._kernel.numpy())
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("case", CASES[4:])
def test_stripping_masks_keeps_the_scale(case):
    kind, _, shape = case
    layer, inputs = _layer(*case, gain=0.7), keras.Input(shape[1:])
    model = keras.Model(inputs, layer(inputs))
    stripped = strip_masks(model)
    assert type(stripped.layers[1]) is kind.stock
    x = _input(shape)
    np.testing.assert_array_equal(stripped(x), model(x))


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_scaled_in_float32_and_rounded_once(name, policy):
    policy(f"mixed_{name}")
    kind, x = equalized.MaskedEqualizedDense, _input((2, 30))
    layer = _layer(kind, {"units": 4}, (2, 30))
    with keras.src.backend.AutocastScope(name):
        kernel = layer.kernel
    wanted = layer._kernel.numpy() * layer.kernel_mask.numpy() * layer.scale
    assert layer._kernel.dtype == "float32"
    np.testing.assert_array_equal(kernel, tf.cast(wanted, name))
    outputs = layer(x)
    assert outputs.dtype == name
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), x @ wanted + layer.bias, atol=0.03
    )


def test_bias_of_channels():
    layer = equalized.Bias()
    layer.build((None, 2, 2, 3))
    assert np.all(layer.bias.numpy() == 0)
    layer.bias.assign([1, 2, 3])
    x = _input((1, 2, 2, 3))
    np.testing.assert_array_equal(layer(x), x + np.float32([1, 2, 3]))


@pytest.mark.parametrize("wrong", [{"gain": 0}, {"fan_in": -1}])
def test_refuses_what_is_not_positive(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        equalized.EqualizedDense(2, **wrong)
