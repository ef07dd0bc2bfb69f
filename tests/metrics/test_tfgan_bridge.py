"""TF-GAN's measures against closed forms, scipy and numpy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

from regan_tf.errors import UserError
from regan_tf.metrics import frechet_distance, inception_score


def test_frechet_distance_of_gaussians_in_closed_form():
    # Rows at ±1 on each axis: mean 0, covariance 2/3 · I for N = 4, D = 2.
    real = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    fake = 3 * real + np.array([3.0, 4.0])  # covariance 6 · I
    # |m|² + Tr(C + C_w - 2 (C C_w)^½) = 25 + 2 (2/3 + 6 - 2 · 2)
    assert frechet_distance(real, fake) == pytest.approx(25 + 16 / 3)


def test_frechet_distance_equals_scipy():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 8)) @ rng.normal(size=(8, 8))
    fake = rng.normal(size=(150, 8)) @ rng.normal(size=(8, 8)) + 0.3
    cov, cov_w = np.cov(real.T), np.cov(fake.T)
    root = scipy.linalg.sqrtm(cov @ cov_w).real
    expected = np.sum((real.mean(0) - fake.mean(0)) ** 2)
    expected += np.trace(cov + cov_w - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_equal_sets_is_zero_in_any_order():
    features = np.random.default_rng(1).normal(size=(50, 64))  # rank < D
    distance = frechet_distance(features, features[::-1])
    assert abs(distance) < 1e-8


def test_frechet_distance_is_symmetric():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(30, 4)), rng.uniform(size=(20, 4))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros((5, 3)), "same width. Received: 2 and 3"),
        (np.zeros((1, 2)), "at least 2 rows. Received: 1"),
        (np.zeros(4), "shape"),
        (np.array([[0, np.nan], [np.inf, 0]]), "generated.*2 of 4 values"),
    ],
)
def test_frechet_distance_refuses(fake, message):
    with pytest.raises(UserError, match=message):
        frechet_distance(np.zeros((4, 2)), fake)


def test_inception_score_of_certain_and_even_predictions():
    certain = np.tile(1000 * np.eye(5), (8, 1))  # every split sees each class
    assert inception_score(certain, splits=4) == pytest.approx((5, 0))
    assert inception_score(np.zeros((40, 5)), 4) == pytest.approx((1, 0))


def test_inception_score_of_one_class_only_is_one():
    # Four classes have probability 0 in float64: 0 · log 0 must not be NaN.
    logits = np.tile([1e4, 0, 0, 0, 0], (20, 1))
    assert inception_score(logits, splits=2) == pytest.approx((1, 0))


@pytest.mark.parametrize("splits", [1, 3, 10])
def test_inception_score_equals_numpy(splits):
    logits = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    scores = []
    for part in np.array_split(p, splits):
        kl = np.sum(part * np.log(part / part.mean(axis=0)), axis=1)
        scores.append(np.exp(kl.mean()))
    expected = np.mean(scores), np.std(scores)
    assert inception_score(logits, splits) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logits", "splits", "message"),
    [
        (np.zeros((9, 3)), 10, "splits=10, 9 images"),
        (np.zeros((9, 3)), 0, "splits=0"),
        (np.full((9, 3), np.nan), 1, "logits.*27 of 27"),
    ],
)
def test_inception_score_refuses(logits, splits, message):
    with pytest.raises(UserError, match=message):
        inception_score(logits, splits)


_FRESH_PROCESS = """
import os, sys
os.environ.pop("TF_USE_LEGACY_KERAS", None)
import regan_tf.metrics as metrics
print("tensorflow" in sys.modules)
from regan_tf.metrics.tfgan_bridge import inception_handle
metrics.frechet_distance([[0.0], [1.0]], [[0.0], [2.0]])
metrics.inception_score([[0.0, 1.0]], 1)
print(inception_handle())
print([name for name in sys.modules if name.startswith("tensorflow_gan")])
print(os.environ.get("TF_USE_LEGACY_KERAS"))
import tensorflow as tf
print(tf.keras.__version__[0])
"""


def test_loading_tfgan_leaves_keras_3_and_no_trace():
    run = subprocess.run(
        [sys.executable, "-c", _FRESH_PROCESS],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    lazy, handle, modules, legacy, keras = run.stdout.splitlines()
    assert lazy == "False"
    assert handle.endswith("tensorflow/tfgan/eval/inception/1")
    assert (modules, legacy, keras) == ("[]", "None", "3")
