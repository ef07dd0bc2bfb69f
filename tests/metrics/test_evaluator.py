"""The evaluator with the real classifier and with networks of known output."""

import json

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics import (
    Evaluator,
    Features,
    Inception,
    evaluator,
    frechet_distance,
)


class _Colour:
    """Two features, mean red and green; the class is the bluest of three."""

    name, sha256, num_classes = "colour", "abc", 3

    def __init__(self):
        self.sizes = []

    def __call__(self, images: np.ndarray) -> Features:
        self.sizes.append(len(images))
        means = images.mean(axis=(1, 2)).astype(np.float32)
        blue = np.round(means[:, 2]).astype(int)
        return Features(means[:, :2], 1e3 * np.eye(3, dtype=np.float32)[blue])


def _images(count: int, seed: int = 0, classes: int = 3) -> np.ndarray:
    images = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3))
    images[..., 2] = (np.arange(count) % classes)[:, None, None]
    return images.astype(np.uint8)


def _evaluator(network=None, **changes) -> Evaluator:
    arguments = {"reference_name": "noise", "num_samples": 20, "splits": 2}
    network = network or _Colour()
    return Evaluator(network, _images(30), **(arguments | changes))


def test_scores_and_record_by_hand():
    fake = _images(20, seed=1, classes=2)
    result = _evaluator(batch_size=20).score(lambda n: fake)
    colour = _Colour()
    expected = frechet_distance(
        colour(_images(30)).features, colour(fake).features
    )
    assert result == {
        "fd_colour": pytest.approx(expected),
        "is_colour": pytest.approx(2),
        "is_colour_std": pytest.approx(0),
        "modes": 2,
        "class_histogram": [10, 10, 0],
        "num_samples": 20,
        "num_reference": 30,
        "reference": "noise",
        "feature_network": "colour",
        "feature_sha256": "abc",
        "splits": 2,
    }
    assert json.loads(json.dumps(result)) == result


def test_pieces_add_up_and_reference_is_seen_once():
    network = _Colour()
    asked = []

    def generate(n):
        asked.append(n)
        return _images(n)

    scorer = _evaluator(network, batch_size=8)
    assert network.sizes == []  # lazy
    scorer.score(generate)
    scorer.score(generate)
    assert asked == [8, 8, 4] * 2
    assert network.sizes == [8, 8, 4, 30, 8, 8, 4]


def test_result_does_not_depend_on_the_batch_size():
    fake = _images(20, seed=3)
    results = []
    for size in (1, 7, 20, 100):
        rest = iter(fake)
        results.append(
            _evaluator(batch_size=size).score(
                lambda n, rest=rest: np.stack([next(rest) for _ in range(n)])
            )
        )
    assert results[1:] == results[:1] * 3


def test_inception_alone_gives_fid_and_no_modes():
    def model(images):
        pixels = np.reshape(images, (len(images), -1))
        return {"pool_3": pixels[:, :6], "logits": pixels[:, :9]}

    result = _evaluator(Inception(model, "f00")).score(_images)
    assert {"fid", "is", "is_std"} <= set(result)
    assert not {"modes", "class_histogram"} & set(result)
    assert result["feature_network"] == "inception"


def test_digits_real_against_real_beats_noise(digits, digits_classifier):
    train_images, _, test_images, _ = digits
    scorer = Evaluator(
        digits_classifier,
        train_images,
        reference_name="digits/train",
        num_samples=360,
    )
    real = scorer.score(lambda n: test_images[:n])
    noise = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3))
    bad = scorer.score(lambda n: noise[:n].astype(np.uint8))
    assert not {"fid", "is", "is_std"} & set(real)
    assert real["fd_digits_cnn"] < 0.1 * bad["fd_digits_cnn"]
    assert real["is_digits_cnn"] > 7 > bad["is_digits_cnn"]
    assert sum(bad["class_histogram"]) == 360


def test_test_images_as_samples_show_all_ten_modes(digits, digits_classifier):
    _, _, test_images, test_labels = digits
    result = Evaluator(
        digits_classifier,
        test_images,
        reference_name="digits/test",
        num_samples=360,
        batch_size=360,
    ).score(lambda n: test_images)
    assert abs(result["fd_digits_cnn"]) < 1e-6
    assert result["modes"] == 10
    errors = np.abs(result["class_histogram"] - np.bincount(test_labels))
    assert errors.sum() <= 2 * 360 * (1 - digits_classifier.accuracy) + 1e-9


@pytest.mark.parametrize(
    ("generate", "message"),
    [
        (lambda n: _images(n + 1), r"generate\(20\).*\(20, 4, 4, 3\)"),
        (lambda n: np.zeros((n, 8, 8, 3), np.uint8), "one resolution"),
        (lambda n: _images(n) / 255, "uint8.*float64"),
    ],
)
def test_wrong_generated_images_are_refused(generate, message):
    with pytest.raises(UserError, match=message):
        _evaluator().score(generate)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 5, "splits": 10}, "num_samples=5, splits=10"),
        ({"num_samples": 1, "splits": 1}, "num_samples=1"),
        ({"splits": 0}, "splits=0"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_numbers_are_refused_at_once(changes, message):
    with pytest.raises(UserError, match=message):
        _evaluator(**changes)


def test_nan_scores_are_not_returned(monkeypatch):
    monkeypatch.setattr(evaluator, "frechet_distance", lambda *_: np.nan)
    with pytest.raises(UserError, match=r"finite.*fd_colour.*nan"):
        _evaluator().score(_images)
