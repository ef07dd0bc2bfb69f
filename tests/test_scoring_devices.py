"""Scoring on two devices: both compute, and the scores are those of one."""

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.data import ImageSet
from regan_tf.export import Sampler
from regan_tf.metrics import Evaluator
from regan_tf.metrics.classifier import Classifier
from regan_tf.metrics.classifier_network import build_network
from regan_tf.metrics.protocol import Protocol

DEVICES = ["CPU:0", "CPU:1"]


@pytest.fixture(scope="module")
def classifier():
    return Classifier("tiny", build_network(8, 3, seed=0))


def _samplers():
    """The same small generator on each device."""
    made = []
    kernel = np.random.default_rng(0).normal(size=(4, 192)).astype(np.float32)
    for device in DEVICES:
        with tf.device(device):
            weights = tf.Variable(kernel)

            def generate(z, training, weights=weights):
                return tf.reshape(tf.tanh(z @ weights), (-1, 8, 8, 3))

            made.append(Sampler(generate, 4, seed=2))
    return made


def _evaluator(networks):
    images = np.random.default_rng(1).integers(0, 256, (90, 8, 8, 3), np.uint8)
    reference = ImageSet("noise", "test", images, None, (), "f")
    protocol = Protocol("paper", 250, "test", None, "clean", kid_subsets=3)
    return Evaluator(networks, protocol, reference, training=reference)


def test_copies_compute_on_their_own_devices(classifier):
    with tf.device("CPU:1"):
        copy = classifier.copy()
    assert copy.sha256 == classifier.sha256
    assert copy._device.endswith("CPU:1")
    images = np.zeros((3, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(
        copy(images).features, classifier(images).features
    )
    assert [s._device[-5:] for s in _samplers()] == DEVICES


def test_two_devices_score_as_one(classifier):
    samplers = _samplers()
    one = _evaluator([classifier]).score(samplers[:1]).figures
    with tf.device("CPU:1"):
        networks = [classifier, classifier.copy()]
    two = _evaluator(networks).score(samplers).figures
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert two[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
