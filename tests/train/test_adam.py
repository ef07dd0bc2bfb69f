"""Adam that counts each variable's updates, by hand and against Keras."""

import keras
import numpy as np
import tensorflow as tf

from regan_tf.train.adam import CountingAdam

RNG = np.random.default_rng(0)
SETTINGS = {"learning_rate": 0.01, "beta_1": 0.3, "beta_2": 0.9}


def _variables():
    return [keras.Variable(np.ones((2, 3), "float32")) for _ in range(2)]


def _train(optimizer, variables, gradients):
    optimizer.build(variables)
    for row in gradients:
        optimizer.apply(list(map(tf.constant, row)), variables)
    return [v.numpy() for v in variables]


def test_equals_keras_where_all_variables_train():
    gradients = RNG.normal(size=(5, 2, 2, 3)).astype("float32")
    ours = _train(CountingAdam(**SETTINGS), _variables(), gradients)
    theirs = _train(keras.optimizers.Adam(**SETTINGS), _variables(), gradients)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_variable_that_joins_late_takes_a_first_step_of_the_rate():
    early, late = _variables()
    optimizer = CountingAdam(**SETTINGS)
    optimizer.build([early, late])
    gradient = tf.fill((2, 3), 5.0)
    for _ in range(100):
        optimizer.apply([gradient], [early])
    np.testing.assert_array_equal(late.numpy(), 1.0)
    optimizer.apply([gradient, gradient], [early, late])
    # m̂ / √v̂ of one gradient is its sign.
    np.testing.assert_allclose(late.numpy(), 1 - 0.01, rtol=1e-5)


def test_counts_are_in_the_state_and_the_file(tmp_path):
    variables = _variables()
    optimizer = CountingAdam(**SETTINGS)
    _train(optimizer, variables, np.ones((3, 2, 2, 3), "float32"))
    counts = [v for v in optimizer.variables if "count_" in v.path]
    assert [float(v.numpy()) for v in counts] == [3, 3]
    again = CountingAdam.from_config(optimizer.get_config())
    assert float(again.learning_rate.numpy()) == np.float32(0.01)
