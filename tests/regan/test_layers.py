"""Masked layers beside their stock ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf import (
    MaskedConv2D,
    MaskedConv2DTranspose,
    MaskedDense,
    strip_masks,
)
from regan_tf.train.strategy import choose_strategy

CASES = [
    (MaskedDense, {"units": 4}, (2, 3)),
    (MaskedConv2D, {"filters": 4, "kernel_size": 3}, (2, 5, 5, 3)),
    (
        MaskedConv2DTranspose,
        {"filters": 4, "kernel_size": 4, "strides": 2, "padding": "same"},
        (2, 3, 3, 3),
    ),
]
each_layer = pytest.mark.parametrize(("kind", "options", "shape"), CASES)


def _input(shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def _half_mask(layer):
    mask = np.ones(layer.kernel_mask.shape, np.float32)
    mask.ravel()[::2] = 0
    layer.kernel_mask.assign(mask)
    return mask


@each_layer
def test_equals_the_stock_layer_at_a_mask_of_ones(kind, options, shape):
    x = _input(shape)
    layer, stock = kind(**options), kind.stock(**options)
    layer.build(shape)
    stock.build(shape)
    stock.set_weights([layer._kernel.numpy(), layer.bias.numpy()])
    np.testing.assert_array_equal(layer(x), stock(x))


@each_layer
def test_equals_the_stock_layer_with_a_masked_kernel(kind, options, shape):
    x = _input(shape)
    layer, stock = kind(**options), kind.stock(**options)
    layer.build(shape)
    stock.build(shape)
    mask = _half_mask(layer)
    stock.set_weights([layer._kernel.numpy() * mask, layer.bias.numpy()])
    np.testing.assert_array_equal(layer(x), stock(x))


@each_layer
def test_pruned_weights_get_no_gradient(kind, options, shape):
    layer = kind(**options)
    layer.build(shape)
    mask = _half_mask(layer)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(_input(shape)) ** 2)
    gradient = tape.gradient(loss, layer._kernel.value).numpy()
    assert np.all(gradient[mask == 0] == 0)
    assert np.all(gradient[mask == 1] != 0)


@each_layer
def test_files_keep_dense_values_and_mask(kind, options, shape, tmp_path):
    model = keras.Sequential([keras.Input(shape[1:]), kind(**options)])
    mask = _half_mask(model.layers[0])
    dense = model.layers[0]._kernel.numpy()
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    copy = keras.models.clone_model(model)
    copy.load_weights(tmp_path / "m.weights.h5")
    for again in (loaded.layers[0], copy.layers[0]):
        np.testing.assert_array_equal(again._kernel.numpy(), dense)
        np.testing.assert_array_equal(again.kernel_mask.numpy(), mask)


@each_layer
def test_checkpoints_keep_dense_values_and_mask(kind, options, shape, tmp_path):
    model = keras.Sequential([keras.Input(shape[1:]), kind(**options)])
    mask, dense = _half_mask(model.layers[0]), model.layers[0]._kernel.numpy()
    path = tf.train.Checkpoint(model).write(str(tmp_path / "ckpt"))
    model.layers[0].kernel_mask.assign(np.ones_like(mask))
    model.layers[0]._kernel.assign(np.zeros_like(dense))
    tf.train.Checkpoint(model).read(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(model.layers[0].kernel_mask.numpy(), mask)
    np.testing.assert_array_equal(model.layers[0]._kernel.numpy(), dense)


@each_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_variables_in_float32(
    kind, options, shape, policy
):
    layer = kind(**options, dtype=policy)
    layer.build(shape)
    _half_mask(layer)
    assert layer(_input(shape)).dtype == policy.removeprefix("mixed_")
    assert {v.dtype for v in layer.variables} == {"float32"}


def test_mask_is_equal_on_two_devices():
    strategy = choose_strategy(2)  # one a process, see there
    with strategy.scope():
        layer = MaskedDense(2)
        layer.build((None, 3))
    _half_mask(layer)
    per_device = strategy.run(lambda: layer.kernel_mask.value + 0.0)
    first, second = strategy.experimental_local_results(per_device)
    np.testing.assert_array_equal(first, [[0, 1], [0, 1], [0, 1]])
    np.testing.assert_array_equal(first, second)


def test_strip_masks_refuses_what_it_would_get_wrong():
    inner = keras.Sequential([keras.Input((4,)), MaskedDense(4)])
    with pytest.raises(ValueError, match="must have no models in it"):
        strip_masks(keras.Sequential([keras.Input((4,)), inner]))


def test_an_unbuilt_layer_says_so():
    with pytest.raises(ValueError, match="has no kernel yet"):
        _ = MaskedDense(2).masked_weights


def test_strip_masks_gives_stock_layers_and_equal_outputs():
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), MaskedConv2D(3, 3), MaskedDense(2)]
    )
    masks = [_half_mask(layer) for layer in model.layers]
    plain = strip_masks(model)
    x = _input((2, 4, 4, 2))
    np.testing.assert_array_equal(plain(x), model(x))
    assert [type(x) for x in plain.layers] == [
        keras.layers.Conv2D,
        keras.layers.Dense,
    ]
    for layer, mask in zip(plain.layers, masks, strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy() == 0, mask == 0)
