"""Modulated convolutions, beside kernels made for each image."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.metrics.flops import layer_costs
from regan_tf.nets.modulated import MaskedModulatedConv2D, ModulatedConv2D
from regan_tf.regan.layers import strip_masks
from tests.nets.numpy_stylegan2 import modulated

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 4, 6, 5))
STYLES = RNG.normal(1, 0.5, size=(3, 5))
OPTIONS = [
    {"side": side, "demodulate": demodulate, "resample": resample}
    for side, resample in ((1, None), (3, None), (3, "up"))
    for demodulate in (True, False)
]
each = pytest.mark.parametrize("options", OPTIONS, ids=str)
both = pytest.mark.parametrize("kind", [ModulatedConv2D, MaskedModulatedConv2D])


def _layer(kind, options, **more):
    keras.utils.set_random_seed(2)
    layer = kind(4, gain=1.0, **options, **more)
    layer.build([X.shape, STYLES.shape])
    if hasattr(layer, "kernel_mask"):
        layer.kernel_mask.assign(RNG.uniform(size=layer.kernel.shape) < 0.7)
    return layer


def _expected(layer, x=X, styles=STYLES):
    kernel = layer._kernel.numpy().astype("float64")
    if hasattr(layer, "kernel_mask"):
        kernel = kernel * layer.kernel_mask.numpy()
    kernel = kernel / np.sqrt(layer.side**2 * x.shape[-1])
    up = layer.resample == "up"
    return modulated(x, styles, kernel, layer.demodulate, up)


@both
@each
def test_equals_a_kernel_for_each_image(kind, options):
    layer = _layer(kind, options)
    y, wanted = layer([X, STYLES]), _expected(layer)
    assert layer.compute_output_shape([X.shape, STYLES.shape]) == y.shape
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def test_demodulation_by_hand():
    layer = ModulatedConv2D(1, 1, gain=1.0, kernel_initializer="ones")
    ones = np.ones((1, 1, 1, 4), "float32")
    # Four weights of 1/2 and styles of 6: each 3, of norm 6, makes 1/2.
    np.testing.assert_allclose(layer([ones, 6 * ones[0, 0]]), [[[[2.0]]]])
    layer.demodulate = False
    np.testing.assert_allclose(layer([ones, 6 * ones[0, 0]]), [[[[12.0]]]])


@each
def test_two_derivatives_equal_differences(options):
    layer = _layer(MaskedModulatedConv2D, options, dtype="float64")
    kernel = layer._kernel

    def penalty(value):
        """‖∂ Σ sin(y) / ∂ (x, styles)‖², a function of the kernel."""
        kernel.assign(value)
        x, styles = tf.constant(X), tf.constant(STYLES)
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch([x, styles])
                total = tf.reduce_sum(tf.sin(layer([x, styles])))
            slopes = inner.gradient(total, [x, styles])
            loss = sum(tf.reduce_sum(slope**2) for slope in slopes)
        return loss.numpy(), outer.gradient(loss, kernel.value).numpy()

    at = kernel.numpy()
    _, slope = penalty(at)
    way = RNG.normal(size=at.shape)
    ahead, behind = (penalty(at + h * way)[0] for h in (1e-5, -1e-5))
    np.testing.assert_allclose(
        np.sum(slope * way), (ahead - behind) / 2e-5, rtol=1e-6
    )
    assert np.all(slope[layer.kernel_mask.numpy() == 0] == 0)


@each
def test_first_derivatives_equal_differences_of_the_definition(options):
    layer = _layer(ModulatedConv2D, options, dtype="float64")
    x, styles = tf.constant(X), tf.constant(STYLES)
    with tf.GradientTape() as tape:
        tape.watch([x, styles])
        total = tf.reduce_sum(tf.sin(layer([x, styles])))
    slopes = tape.gradient(total, [x, styles])
    ways = [RNG.normal(size=v.shape) for v in (X, STYLES)]
    ahead, behind = (
        np.sum(np.sin(_expected(layer, X + h * ways[0], STYLES + h * ways[1])))
        for h in (1e-5, -1e-5)
    )
    along = sum(np.sum(s * w) for s, w in zip(slopes, ways, strict=True))
    np.testing.assert_allclose(along, (ahead - behind) / 2e-5, rtol=1e-6)


@both
@each
def test_files_keep_the_layer(kind, options, tmp_path):
    inputs = [keras.Input(X.shape[1:]), keras.Input(STYLES.shape[1:])]
    layer = kind(4, gain=0.7, **options)
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    copy = loaded.layers[-1]
    assert (type(copy), copy.gain) == (kind, 0.7)
    np.testing.assert_array_equal(copy._kernel.numpy(), layer._kernel.numpy())
    x = X.astype("float32"), STYLES.astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


@each
def test_masks_strip_and_count(options):
    inputs = [keras.Input(X.shape[1:]), keras.Input(STYLES.shape[1:])]
    layer = _layer(MaskedModulatedConv2D, options)
    model = keras.Model(inputs, layer(inputs))
    stripped = strip_masks(model)
    assert type(stripped.layers[-1]) is ModulatedConv2D
    x = X.astype("float32"), STYLES.astype("float32")
    np.testing.assert_array_equal(stripped(x), model(x))
    (cost,) = layer_costs(model)
    assert cost.macs == cost.kernel * 4 * 6  # at pixels of the input
    assert cost.kernel == 4 * 5 * options["side"] ** 2
    assert cost.live == np.sum(layer.kernel_mask.numpy())


@each
def test_mixed_precision_is_near_the_exact(options, policy):
    exact = _layer(MaskedModulatedConv2D, options)
    policy("mixed_bfloat16")
    layer = _layer(MaskedModulatedConv2D, options)
    layer.kernel_mask.assign(exact.kernel_mask)
    y = layer([X, STYLES])
    assert (y.dtype, layer._kernel.dtype) == ("bfloat16", "float32")
    error = np.abs(tf.cast(y, "float32") - exact([X, STYLES]))
    assert np.mean(error) < 0.01 and np.max(error) < 0.05


@pytest.mark.parametrize("wrong", [(3, "down"), (1, "up")])
def test_refuses_other_resampling(wrong):
    side, resample = wrong
    with pytest.raises(ValueError, match=f"Received: resample='{resample}'"):
        ModulatedConv2D(4, side, resample=resample)
