"""Penalties by hand, and their derivatives by differences."""

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.penalties import path_lengths, path_penalty, r1
from regan_tf.train.strategy import choose_strategy

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 2, 2, 3)).astype("float32")


def _r1_of(critic, images):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(critic(images))
    return r1(tape.gradient(total, images))


def test_r1_by_hand():
    gradients = np.zeros((2, 2, 2, 3), "float32")
    gradients[0, 0, 0], gradients[0, 1, 1, 2] = (3, 4, 0), -2
    np.testing.assert_array_equal(r1(gradients), [[29], [0]])


def test_r1_of_a_linear_critic_is_its_squared_norm():
    a = RNG.normal(size=(2, 2, 3)).astype("float32")
    found = _r1_of(lambda x: tf.reduce_sum(a * x, (1, 2, 3))[:, None], X)
    np.testing.assert_allclose(found, [[np.sum(a**2)]] * 3, rtol=1e-6)


def test_r1_of_a_quadratic_critic():
    # D = xᵀAx/2 with A symmetric: ∇D = Ax, R1 = ‖Ax‖², ∂R1/∂A = 2(Ax)xᵀ
    # through both sides of A.
    a = RNG.normal(size=(12, 12)).astype("float32")
    a, flat = a + a.T, X.reshape(3, 12)
    matrix = tf.constant(a)

    def critic(images):
        rows = tf.reshape(images, (3, 12))
        return tf.reduce_sum(rows @ matrix * rows, 1)[:, None] / 2

    with tf.GradientTape() as tape:
        tape.watch(matrix)
        found = _r1_of(critic, X)
    np.testing.assert_allclose(
        found[:, 0], np.sum((flat @ a) ** 2, 1), rtol=1e-5
    )
    outer = (flat @ a).T @ flat
    np.testing.assert_allclose(
        tape.gradient(found, matrix), outer + outer.T, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("jit", [False, True])
def test_r1_of_a_network_by_differences(jit):
    kernel = tf.constant(RNG.normal(size=(2, 2, 3, 4)).astype("float32"))

    @tf.function(jit_compile=jit)
    def value_and_gradient(scale):
        with tf.GradientTape() as tape:
            tape.watch(scale)
            penalty = tf.reduce_mean(
                _r1_of(
                    lambda x: tf.tanh(
                        scale * tf.nn.conv2d(x, kernel, 1, "VALID")
                    ),
                    X,
                )
            )
        return penalty, tape.gradient(penalty, scale)

    _, found = value_and_gradient(tf.constant(0.3))
    above, _ = value_and_gradient(tf.constant(0.303))
    below, _ = value_and_gradient(tf.constant(0.297))
    np.testing.assert_allclose(found, (above - below) / 0.006, rtol=1e-3)


def test_path_lengths_by_hand():
    gradients = np.zeros((2, 2, 3), "float32")
    gradients[0] = (3, 4, 0), (0, 0, 5)
    gradients[1, 0] = 0, 2, 2
    np.testing.assert_allclose(path_lengths(gradients), [5, 2], rtol=1e-6)


def test_path_lengths_of_a_linear_generator():
    # images = styles·A for one of two layers: gradients are A·y.
    a = RNG.normal(size=(4, 12)).astype("float32")
    y = X.reshape(3, 12) / np.float32(2)  # √(2·2)
    styles = tf.constant(RNG.normal(size=(3, 2, 4)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(styles)
        images = tf.reshape(styles[:, 0] @ a, X.shape)
        total = tf.reduce_sum(images * tf.reshape(y, X.shape))
    found = path_lengths(tape.gradient(total, styles))
    expected = np.linalg.norm(y @ a.T, axis=1) / np.sqrt(2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_path_lengths_at_zero():
    gradients = tf.Variable(tf.zeros((2, 3, 4)))
    gradients[1, 0, 0].assign(6.0)
    with tf.GradientTape() as tape:
        lengths = path_lengths(gradients)
    np.testing.assert_allclose(lengths, [0, np.sqrt(12)], rtol=1e-6)
    slopes = tape.gradient(lengths, gradients).numpy()
    expected = np.zeros((2, 3, 4))
    expected[1, 0, 0] = 1 / np.sqrt(3)
    np.testing.assert_allclose(slopes, expected, rtol=1e-6)
    gradients[0, 0, 0].assign(np.nan)
    assert np.isnan(path_lengths(gradients)[0])


def test_low_precision_is_summed_in_float32():
    ones = tf.ones((1, 64, 64, 3), tf.bfloat16)
    found = r1(ones), path_lengths(tf.reshape(ones, (1, 3, 4096)))
    assert [part.numpy().item() for part in found] == [12288, 64]
    assert {part.dtype for part in found} == {tf.float32}


def test_path_penalty_by_hand():
    lengths = tf.constant([1.0, 3.0, 5.0])
    with tf.GradientTape() as tape:
        tape.watch(lengths)
        penalties, mean = path_penalty(lengths, tf.constant(2.0), decay=0.25)
        loss = tf.reduce_mean(penalties)
    # a = 2 + (3 − 2)/4; mean(lengths − a) = 0.75
    assert float(mean) == 2.25
    np.testing.assert_array_equal(penalties, [1.5625, 0.5625, 7.5625])
    expected = 2 / 3 * (np.array([-1.25, 0.75, 2.75]) - 0.25 * 0.75)
    np.testing.assert_allclose(
        tape.gradient(loss, lengths), expected, rtol=1e-6
    )


def test_the_running_mean_has_no_gradient_and_the_usual_decay():
    lengths = tf.constant([2.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(lengths)
        _, mean = path_penalty(lengths, 1.0)
    assert float(mean) == pytest.approx(1.02)
    assert tape.gradient(mean, lengths) is None


def test_path_penalty_on_two_devices_equals_one():
    lengths = tf.constant([1.0, 3.0, 5.0, 2.0])

    def update(mine, over_devices, devices):
        with tf.GradientTape() as tape:
            tape.watch(mine)
            penalties, mean = path_penalty(mine, 2.0, 0.25, over_devices)
            loss = tf.reduce_mean(penalties) / devices
        return tape.gradient(loss, mine), mean

    def replica():
        context = tf.distribute.get_replica_context()
        first = 2 * context.replica_id_in_sync_group
        return update(
            lengths[first : first + 2],
            lambda x: context.all_reduce(tf.distribute.ReduceOp.MEAN, x),
            2,
        )

    strategy = choose_strategy(2)  # one a process, see there
    parts = tf.function(lambda: strategy.run(replica))()
    gradients, means = map(strategy.experimental_local_results, parts)
    expected, mean = update(lengths, None, 1)
    np.testing.assert_allclose(tf.concat(gradients, 0), expected, rtol=1e-6)
    np.testing.assert_allclose(means, [mean] * 2, rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_path_length_regularisation_by_differences(jit):
    a = tf.constant(RNG.normal(size=(2, 4, 12)).astype("float32"))
    styles = tf.constant(RNG.normal(size=(3, 2, 4)).astype("float32"))

    @tf.function(jit_compile=jit)
    def loss_and_gradient(scale):
        with tf.GradientTape() as outer:
            outer.watch(scale)
            with tf.GradientTape() as tape:
                tape.watch(styles)
                images = tf.tanh(scale * tf.einsum("bnl,nlp->bp", styles, a))
                total = tf.reduce_sum(images * tf.reshape(X, (3, 12)))
            lengths = path_lengths(tape.gradient(total, styles))
            loss = tf.reduce_mean(path_penalty(lengths, 0.5)[0])
        return loss, outer.gradient(loss, scale)

    _, found = loss_and_gradient(tf.constant(0.4))
    above, _ = loss_and_gradient(tf.constant(0.404))
    below, _ = loss_and_gradient(tf.constant(0.396))
    np.testing.assert_allclose(found, (above - below) / 0.008, rtol=1e-3)
