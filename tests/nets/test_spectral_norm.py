"""Spectral normalisation by hand, by SVD and by differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.nets import spectral_norm
from regan_tf.nets.spectral_norm import (
    MaskedSpectralConv2D,
    MaskedSpectralDense,
    SpectralConv2D,
    SpectralDense,
    estimate_sigma,
)
from regan_tf.regan.layers import strip_masks
from regan_tf.train.strategy import choose_strategy
from tests.nets.conftest import scramble
from tests.nets.numpy_sngan import normalised

DENSE = ({"units": 4}, (2, 3))
CONV = ({"filters": 4, "kernel_size": 3}, (2, 5, 5, 3))
CASES = [
    (SpectralDense, *DENSE),
    (SpectralConv2D, *CONV),
    (MaskedSpectralDense, *DENSE),
    (MaskedSpectralConv2D, *CONV),
]
each_layer = pytest.mark.parametrize(("kind", "options", "shape"), CASES)


def _input(shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def _built(kind, options, shape, **more):
    keras.utils.set_random_seed(3)
    layer = kind(**options, **more)
    layer.build(shape)
    scramble(layer)
    return layer


def _outside(layer):
    """Kernel without normalisation, mask multiplied in, float64."""
    kernel = keras.ops.convert_to_tensor(layer.kernel)
    return tf.cast(kernel, tf.float64).numpy()


def _largest(kernel):
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]))[1][0]


def _stock(layer, kernel, x):
    kind = keras.layers.Dense
    if isinstance(layer, keras.layers.Conv2D):
        kind = keras.layers.Conv2D
    stock = kind.from_config(layer.get_config())
    stock.build(x.shape)
    stock.set_weights([kernel, layer.bias.numpy()])
    return stock(x)


def test_one_iteration_by_hand():
    matrix = np.diag([3.0, 1.0]).astype("float32")
    start = np.array([1, 1], "float32") / np.sqrt(2).astype("float32")
    # v = (3, 1)/√10, vW = (9, 1)/√10, of length √8.2.
    sigma, u = estimate_sigma(tf.constant(matrix), tf.constant(start))
    assert float(sigma) == pytest.approx(np.sqrt(8.2), rel=1e-6)
    np.testing.assert_allclose(u, np.array([9, 1]) / np.sqrt(82), rtol=1e-6)


def test_rows_and_outputs_are_not_mistaken():
    matrix = np.array([[0, 2, 0], [0, 0, 0.5]], "float32")
    u = np.ones(3, "float32") / np.sqrt(3).astype("float32")
    for _ in range(20):
        sigma, u = estimate_sigma(tf.constant(matrix), tf.convert_to_tensor(u))
    assert float(sigma) == pytest.approx(2)
    np.testing.assert_allclose(u, [0, 1, 0], atol=1e-6)


@each_layer
def test_converges_to_the_largest_singular_value(kind, options, shape):
    layer, x = _built(kind, options, shape), _input(shape)
    for _ in range(200):
        layer(x, training=True)
    kernel = _outside(layer)
    np.testing.assert_allclose(
        layer(x), _stock(layer, kernel / _largest(kernel), x), atol=1e-5
    )


@each_layer
def test_one_iteration_a_training_call(kind, options, shape):
    layer, x = _built(kind, options, shape), _input(shape)
    u = layer.u.numpy().astype("float64")
    kernel, u = normalised(_outside(layer), u)
    output = layer(x, training=True)
    np.testing.assert_allclose(output, _stock(layer, kernel, x), atol=1e-5)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    _, u = normalised(_outside(layer), u)
    layer(x, training=True)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)


@each_layer
def test_calls_leave_the_kernel_alone(kind, options, shape):
    layer, x = _built(kind, options, shape), _input(shape)
    before = layer._kernel.numpy()
    outside = _outside(layer)
    layer(x, training=True)
    layer(x, training=False)
    np.testing.assert_array_equal(layer._kernel.numpy(), before)
    np.testing.assert_array_equal(_outside(layer), outside)


@each_layer
@pytest.mark.parametrize("training", [None, False])
def test_evaluation_leaves_u_alone(kind, options, shape, training):
    layer, x = _built(kind, options, shape), _input(shape)
    before = layer.u.numpy()
    first = layer(x, training=training)
    np.testing.assert_array_equal(layer.u.numpy(), before)
    np.testing.assert_array_equal(layer(x, training=training), first)


@each_layer
def test_graph_equals_eager(kind, options, shape):
    x = _input(shape)
    eager, graph = _built(kind, options, shape), _built(kind, options, shape)
    function = tf.function(lambda x: graph(x, training=True))
    for _ in range(3):
        np.testing.assert_allclose(
            function(x), eager(x, training=True), atol=1e-6
        )
    np.testing.assert_allclose(graph.u, eager.u, atol=1e-6)


def test_gradient_passes_through_sigma():
    """Against central differences of x·W / σ(W), σ by SVD."""
    layer, x = _built(SpectralDense, *DENSE), _input((2, 3))
    for _ in range(200):
        layer(x, training=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(x)))
    gradient = tape.gradient(loss, layer._kernel.value)
    kernel, bias = _outside(layer), layer.bias.numpy()
    numeric = np.empty_like(kernel)
    for index in np.ndindex(kernel.shape):
        values = []
        for change in (1e-6, -1e-6):
            moved = kernel.copy()
            moved[index] += change
            output = x @ moved / _largest(moved) + bias
            values.append(np.sin(output).sum())
        numeric[index] = (values[0] - values[1]) / 2e-6
    np.testing.assert_allclose(gradient, numeric, atol=1e-4)


@each_layer
def test_gradient_holds_u_and_v_constant(kind, options, shape):
    """(∂L/∂W' − ⟨∂L/∂W', W'⟩ v uᵀ) / σ with W' = W / σ, where not converged
    (Miyato et al. 2018, eq. 12)."""
    layer, x = _built(kind, options, shape), _input(shape)
    kernel = tf.constant(_outside(layer), tf.float32)
    inside, u = normalised(_outside(layer), layer.u.numpy())
    matrix = _outside(layer).reshape(-1, 4)
    sigma = np.linalg.norm(matrix) / np.linalg.norm(inside)
    v = matrix @ layer.u.numpy()
    with tf.GradientTape() as tape:
        w = tf.Variable(inside, dtype=tf.float32)
        output = x @ w if w.shape.rank == 2 else tf.nn.conv2d(x, w, 1, "VALID")
        loss = tf.reduce_sum(tf.sin(output + layer.bias.value))
    outer = tape.gradient(loss, w).numpy().astype("float64")
    along = (v / np.linalg.norm(v))[:, None] * u
    wanted = (outer - (outer * inside).sum() * along.reshape(kernel.shape)) / (
        sigma
    )
    mask = getattr(layer, "kernel_mask", None)
    wanted *= 1 if mask is None else mask.numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
    gradient = tape.gradient(loss, layer._kernel.value)
    np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_norm_is_of_the_masked_kernel():
    layer = MaskedSpectralDense(2, use_bias=False)
    layer.build((None, 2))
    layer._kernel.assign([[100.0, 0.0], [0.0, 4.0]])
    layer.kernel_mask.assign([[0.0, 1.0], [1.0, 1.0]])
    layer(np.ones((1, 2)), training=True)
    np.testing.assert_allclose(layer(np.eye(2)), [[0, 0], [0, 1]], atol=1e-6)


@each_layer
def test_pruned_weights_get_no_gradient(kind, options, shape):
    layer, x = _built(kind, options, shape), _input(shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) ** 2)
    gradient = tape.gradient(loss, layer._kernel.value).numpy()
    mask = getattr(layer, "kernel_mask", None)
    kept = np.ones(gradient.shape) if mask is None else mask.numpy()
    np.testing.assert_array_equal(gradient != 0, kept != 0)


@each_layer
def test_norm_is_float32_in_mixed_precision(
    kind, options, shape, policy, monkeypatch
):
    policy("mixed_bfloat16")
    seen = []

    def spy(matrix, u):
        sigma, new_u = estimate_sigma(matrix, u)
        seen.extend([matrix.dtype, u.dtype, sigma.dtype, new_u.dtype])
        return sigma, new_u

    monkeypatch.setattr(spectral_norm, "estimate_sigma", spy)
    layer = _built(kind, options, shape)
    output = layer(_input(shape), training=True)
    assert seen == [tf.float32] * 4
    assert layer.u.dtype == layer._kernel.dtype == "float32"
    assert output.dtype == tf.bfloat16
    assert np.all(np.isfinite(tf.cast(output, tf.float32)))


@each_layer
def test_mixed_precision_uses_the_same_norm(kind, options, shape, policy):
    policy("mixed_bfloat16")
    x = _input(shape)
    layer = _built(kind, options, shape)
    exact = _built(kind, options, shape, dtype="float32")
    rough = tf.cast(layer(x, training=True), tf.float32)
    np.testing.assert_allclose(rough, exact(x, training=True), atol=0.05)
    np.testing.assert_array_equal(layer.u.numpy(), exact.u.numpy())


@each_layer
def test_files_keep_raw_kernel_mask_and_u(kind, options, shape, tmp_path):
    model = keras.Sequential([keras.Input(shape[1:]), kind(**options)])
    scramble(model)
    x = _input(shape)
    model(x, training=True)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    copy = keras.models.clone_model(model)
    copy.load_weights(tmp_path / "m.weights.h5")
    names = {v.name for v in model.variables} - {"kernel_mask"}
    assert names == {"kernel", "bias", "u"}
    for other in (loaded, copy):
        for ours, theirs in zip(other.variables, model.variables, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        np.testing.assert_array_equal(other(x), model(x))


@pytest.mark.parametrize("case", CASES[2:])
def test_stripping_masks_keeps_the_normalisation(case):
    kind, options, shape = case
    model = keras.Sequential([keras.Input(shape[1:]), kind(**options)])
    scramble(model)
    stripped, x = strip_masks(model), _input(shape)
    names = {v.name for v in stripped.variables}
    assert names == {"kernel", "bias", "u"}
    np.testing.assert_allclose(stripped(x), model(x), atol=1e-6)


def test_replicas_share_u():
    strategy = choose_strategy(2)  # one a process, see there
    alone = _built(SpectralDense, *DENSE)
    with strategy.scope():
        layer = _built(SpectralDense, *DENSE)
    x = _input((2, 3))
    function = tf.function(lambda: layer(x, training=True))
    for _ in range(3):
        outputs = strategy.run(function)
        wanted = alone(x, training=True)
        for output in strategy.experimental_local_results(outputs):
            np.testing.assert_allclose(output, wanted, atol=1e-6)
    for u in strategy.experimental_local_results(layer.u.value):
        np.testing.assert_allclose(u, alone.u, atol=1e-6)


@pytest.mark.parametrize("kind", [SpectralDense, MaskedSpectralDense])
def test_a_kernel_of_zeros_gives_zeros_and_recovers(kind):
    layer = kind(2, use_bias=False)
    layer.build((None, 3))
    kernel, x = layer._kernel.numpy(), np.ones((1, 3), np.float32)
    layer._kernel.assign(np.zeros((3, 2)))
    np.testing.assert_array_equal(layer(x, training=True), [[0, 0]])
    layer._kernel.assign(kernel)
    for _ in range(50):
        outputs = layer(x, training=True)
    sigma = np.linalg.svd(kernel)[1][0]
    np.testing.assert_allclose(outputs, x @ kernel / sigma, rtol=1e-4)
