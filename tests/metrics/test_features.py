"""Names of scores, and features joined from pieces."""

import numpy as np
import pytest

from regan_tf.metrics import Features, Inception, score_name, score_names
from regan_tf.metrics.features import in_batches, join


class _Network:
    def __init__(self, name):
        self.name, self.sha256 = name, ""
        self.resize, self.num_classes = "none", None


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ("fid", "fd_digits_cnn"),
        ("kid", "kd_digits_cnn"),
        ("kid_std", "kd_digits_cnn_std"),
        ("is", "is_digits_cnn"),
        ("is_std", "is_digits_cnn_std"),
        ("precision", "precision_digits_cnn"),
    ],
)
def test_only_inception_keeps_the_names(measure, name):
    assert score_name(_Network("digits_cnn"), measure) == name
    assert score_name(Inception(None, ""), measure) == measure


def test_another_network_named_inception_is_not_called_fid():
    assert score_names(_Network("inception")) == (
        "fd_inception",
        "is_inception",
    )
    assert score_names(Inception(None, "")) == ("fid", "is")


@pytest.mark.parametrize("with_logits", [True, False])
def test_batches_are_joined_in_order(with_logits):
    sizes = []

    def network(images):
        sizes.append(len(images))
        values = images.reshape(len(images), -1).astype(np.float64)
        return Features(values[:, :2], values[:, 2:] if with_logits else None)

    images = np.arange(7 * 3, dtype=np.uint8).reshape(7, 1, 1, 3)
    features, logits = in_batches(network, images, 3)
    assert sizes == [3, 3, 1]
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, images[:, 0, 0, :2])
    if with_logits:
        np.testing.assert_array_equal(logits, images[:, 0, 0, 2:])
    else:
        assert logits is None


def test_one_part_joins_to_itself():
    part = Features(np.ones((2, 3), np.float32), None)
    joined = join([part])
    np.testing.assert_array_equal(joined.features, part.features)
    assert joined.logits is None
