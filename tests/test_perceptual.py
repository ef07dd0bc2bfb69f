"""The distance of reconstructions, by hand and with networks of a user's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.perceptual import feature_distance, load_perceptual
from regan_tf.train.strategy import choose_strategy
from tests.metrics.saved import mean, save

RNG = np.random.default_rng(0)
A, B = RNG.uniform(-1, 1, (2, 4, 8, 8, 3)).astype("float32")


def _network():
    """Two layers of features, as a list; 8 pixels or any."""
    keras.utils.set_random_seed(1)
    images = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(5, 3, activation="relu")(images)
    second = keras.layers.Conv2D(4, 3, strides=2)(first)
    return keras.Model(images, [first, second])


def _saved(tmp_path, ending):
    model, path = _network(), tmp_path / f"net{ending}"
    if ending:
        model.save(path)
    else:
        model.export(path, verbose=False)
    return model, str(path)


def _by_hand(model, a, b):
    total = 0
    for pair in zip(model(a), model(b), strict=True):
        x, y = (np.float64(part) for part in pair)
        x /= np.linalg.norm(x, axis=-1, keepdims=True) + 1e-12
        y /= np.linalg.norm(y, axis=-1, keepdims=True) + 1e-12
        total = total + ((x - y) ** 2).sum(-1).mean((1, 2))
    return total


def test_absolute_difference_by_hand():
    a = np.zeros((2, 1, 2, 3), "float32")
    b = a.copy()
    b[0, 0, 1] = [0.5, -1, 0]
    np.testing.assert_allclose(load_perceptual()(a, b), [0.25, 0])


def test_directions_by_hand():
    def layer(x, y):
        return tf.constant([x, y], tf.float32, (1, 1, 2, 2))

    # Equal, opposite; orthogonal, equal but for the length.
    these = [layer([1, 0], [0, 2]), layer([3, 0], [1, 1])]
    those = [layer([1, 0], [0, -5]), layer([0, 4], [9, 9])]
    found = feature_distance(these, those)
    np.testing.assert_allclose(found, [(0 + 4) / 2 + (2 + 0) / 2], rtol=1e-6)


@pytest.mark.parametrize("ending", [".keras", ".h5", ""])
def test_networks_of_any_file(tmp_path, ending):
    model, path = _saved(tmp_path, ending)
    distance = load_perceptual(path, side=8)
    expected = _by_hand(model, A, B)
    np.testing.assert_allclose(distance(A, B), expected, rtol=1e-5)
    np.testing.assert_allclose(tf.function(distance)(A, B), expected, rtol=1e-5)
    np.testing.assert_array_equal(distance(A, A), np.zeros(4))


@pytest.mark.parametrize(
    "outputs", [lambda x: x, lambda x: (x,), lambda x: {"maps": x}]
)
def test_kinds_of_outputs(tmp_path, outputs):
    spec = tf.TensorSpec((None, 8, 8, 3))
    distance = load_perceptual(save(tmp_path, outputs, spec), side=8)
    unit = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (A, B)]
    expected = ((unit[0] - unit[1]) ** 2).sum(-1).mean((1, 2))
    np.testing.assert_allclose(distance(A, B), expected, rtol=1e-4)


@pytest.mark.parametrize("ending", [".keras", ""])
def test_gradients_to_both_images(tmp_path, ending):
    distance = load_perceptual(_saved(tmp_path, ending)[1], side=8)
    towards = RNG.normal(size=A.shape).astype("float32")
    for i in (0, 1):
        pair = [tf.constant(A), tf.constant(B)]
        with tf.GradientTape() as tape:
            tape.watch(pair)
            value = tf.reduce_sum(distance(*pair))
        slope = np.sum(tape.gradient(value, pair[i]) * towards)
        found = []
        for step in (1e-3, -1e-3):
            pair[i] = tf.constant((A, B)[i] + step * towards)
            found.append(float(tf.reduce_sum(distance(*pair))))
        expected = (found[0] - found[1]) / 2e-3
        assert slope == pytest.approx(expected, rel=0.05, abs=0.05)


def test_gradients_are_finite_where_nothing_is_seen():
    with tf.GradientTape() as tape:
        dark = tf.zeros((1, 2, 2, 3))
        tape.watch(dark)
        value = feature_distance([dark], [tf.ones((1, 2, 2, 3))])
    np.testing.assert_allclose(value, [1.0], rtol=1e-6)
    assert np.all(np.isfinite(tape.gradient(value, dark)))


@pytest.mark.parametrize("ending", [".keras", ""])
def test_each_device_has_a_copy(tmp_path, ending):
    model, path = _saved(tmp_path, ending)
    strategy = choose_strategy(2)
    with strategy.scope():
        distance = load_perceptual(path, side=8)

    @tf.function
    def slopes(a, b):
        with tf.GradientTape() as tape:
            tape.watch(a)
            values = distance(a, b)
        return values, tape.gradient(values, a)

    parts = strategy.experimental_distribute_values_from_function(
        lambda c: tf.constant(A[c.replica_id_in_sync_group :: 2])
    )
    found = strategy.run(slopes, (parts, tf.constant(B[:2])))
    for i, values in enumerate(strategy.experimental_local_results(found[0])):
        expected = _by_hand(model, A[i::2], B[:2])
        np.testing.assert_allclose(values, expected, rtol=1e-5)
    for gradient in strategy.experimental_local_results(found[1]):
        assert np.any(gradient != 0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (mean, r"float32 of shape \(2, 3\) for 2 images"),
        (lambda x: [x, x[:1]], r"shape \(1, 8, 8, 3\) for 2 images"),
        (lambda x: tf.cast(x, tf.int32), "int32 of shape"),
        (lambda x: x[..., :0], r"shape \(2, 8, 8, 0\)"),
    ],
)
def test_other_outputs_are_refused(tmp_path, function, message):
    path = save(tmp_path, function, tf.TensorSpec((None, 8, 8, 3)))
    with pytest.raises(UserError, match=f"Received: .*{message}") as info:
        load_perceptual(path, side=8)
    start = f"The perceptual network '{path}' must map float32 images (B, 8"
    assert str(info.value).startswith(start)
    assert "\n" not in str(info.value)


def test_other_inputs_are_refused(tmp_path):
    eight, four = (tf.TensorSpec((None, n, n, 3)) for n in (8, 4))
    path = save(tmp_path / "a", lambda x: x, four)
    with pytest.raises(UserError, match="float32 images of 4 pixels"):
        load_perceptual(path, side=8)
    path = save(tmp_path / "b", lambda x: x, eight, eight)
    with pytest.raises(UserError, match="must take one input"):
        load_perceptual(path, side=8)
    path = save(
        tmp_path / "c", lambda x: x, tf.TensorSpec(eight.shape, "uint8")
    )
    with pytest.raises(UserError, match="uint8 images of 8 pixels"):
        load_perceptual(path, side=8)


def test_nothing_there_is_refused(tmp_path):
    for name in ("absent.keras", "absent"):
        with pytest.raises(UserError, match="Received: nothing there") as info:
            load_perceptual(str(tmp_path / name))
        assert "The perceptual network" in str(info.value)
        assert "\n" not in str(info.value)
