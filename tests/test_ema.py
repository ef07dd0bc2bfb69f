"""Averages of tiny models by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.ema import MovingAverage, constant_decay, half_life_decay


def _weights(kernel, bias):
    return [np.float32([[kernel]]), np.float32([bias])]


def _pair(decay):
    models = [
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        for _ in range(2)
    ]
    models[0].set_weights(_weights(1, 2))
    return MovingAverage(*models, decay)


def test_a_constant_share_of_the_past_stays():
    average = _pair(constant_decay(0.75))
    average.model.set_weights(_weights(5, 2))
    average.update(tf.constant(8, tf.int64), 8)
    kernel, bias = average.average.get_weights()
    assert (kernel, bias) == ([[2.0]], [2.0])  # 0.75·1 + 0.25·5


@pytest.mark.parametrize(
    ("rampup", "shown", "expected"),
    [
        (0.0, 10, 0.5**0.5),  # 10 of 20 images: half a half-life
        (0.5, 20, 0.5),  # half-life 10
        (0.5, 10, 0.25),  # half-life 5
        (0.5, 4000, 0.5**0.5),  # the whole half-life again
    ],
)
def test_half_lives_in_images(rampup, shown, expected):
    decay = half_life_decay(kimg=0.02, rampup=rampup)
    found = float(decay(tf.constant(shown, tf.int64), 10))
    assert found == pytest.approx(expected)


def test_half_of_the_start_is_left_after_a_half_life():
    average = _pair(half_life_decay(kimg=0.1, rampup=0))
    average.model.set_weights(_weights(0, 0))
    update = tf.function(average.update)
    for step in range(10):
        update(tf.constant(10 * (step + 1), tf.int64), 10)
    np.testing.assert_allclose(average.average.get_weights()[1], [1.0], 1e-5)
