"""The evaluator with networks of known output and with the real classifier."""

import json

import numpy as np
import pytest

from regan_tf.data import ImageSet
from regan_tf.errors import UserError
from regan_tf.metrics import (
    Evaluator,
    Features,
    Inception,
    evaluator,
    frechet_distance,
)
from regan_tf.metrics.kid import kernel_distance
from regan_tf.metrics.precision_recall import precision_recall
from regan_tf.metrics.protocol import Protocol


class _Colour:
    """Two features, mean red and green; the class is the bluest of three."""

    name, sha256, resize, num_classes = "colour", "abc", "none", 3

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


def _set(images: np.ndarray, name: str = "noise") -> ImageSet:
    fingerprint = f"{name}{len(images)}"
    return ImageSet(name, "test", images, None, (), fingerprint)


def _protocol(num_fake=240, **changes) -> Protocol:
    settings = {"splits": 2, "kid_subsets": 5, "kid_subset_size": 50}
    return Protocol(
        "paper", num_fake, "test", 500, "clean", **(settings | changes)
    )


def _evaluator(networks=None, protocol=None, images=None, **more) -> Evaluator:
    return Evaluator(
        networks or [_Colour()],
        protocol or _protocol(),
        _set(_images(300) if images is None else images),
        **more,
    )


def _source(images):
    return lambda count, start: images[start : start + count]


def test_scores_are_those_of_the_measures():
    fake = _images(240, seed=1, classes=2)
    found = _evaluator().score(_source(fake))
    real, other = (_Colour()(x).features for x in (_images(300), fake))
    shares = precision_recall(real, other, 3)
    kernel = kernel_distance(real, other, subsets=5, subset_size=50)
    expected = {
        "fd_colour": frechet_distance(real, other),
        "is_colour": 2,
        "is_colour_std": 0,
        "kd_colour": kernel[0],
        "kd_colour_std": kernel[1],
        "precision_colour": shares.precision,
        "recall_colour": shares.recall,
        "prd_f8_colour": found.curve.f8,
        "prd_f1_8_colour": found.curve.f_eighth,
        "modes": 2,
        "class_histogram": [120, 120, 0],
    }
    assert found.figures.keys() == expected.keys()
    for name, value in expected.items():
        assert found.figures[name] == pytest.approx(value, abs=1e-9), name
    assert json.loads(json.dumps(found.figures)) == found.figures


def test_record_holds_all_that_a_score_depends_on():
    record = _evaluator().record
    assert record["name"] == "paper"
    assert record["num_fake"] == 240
    assert record["num_reference"] == 300
    assert record["reference_set"] == "noise test"
    assert record["reference_sha256"] == "noise300"
    assert record["feature_sha256"] == "abc"
    assert (record["resize"], record["network_resize"]) == ("clean", "none")
    assert (record["resolution"], record["latent_seed"]) == (4, 2)
    assert json.loads(json.dumps(record)) == record


def test_copies_of_training_images_are_found_and_shown():
    training = _set(_images(40, seed=5), "training")
    scorer = _evaluator(
        training=training, held_out=_set(_images(60, seed=6), "rest")
    )
    copies = training.images[np.arange(240) % 40]
    found = scorer.score(_source(copies))
    assert found.figures["memorised_share_colour"] == 1
    assert found.figures["median_to_training_colour"] == 0
    assert found.figures["median_to_held_out_colour"] > 0
    assert found.figures["kl_to_training"] == pytest.approx(0, abs=1e-3)
    assert found.figures["of_modes"] == 3
    picture = found.neighbours
    assert picture.shape == (16 * 4, 4 * 4, 3)
    np.testing.assert_array_equal(picture[:, :4], picture[:, 4:8])


def test_only_a_thorough_score_has_curve_and_memorisation():
    training = _set(_images(40, seed=5), "training")
    scorer = _evaluator(training=training)
    found = scorer.score(_source(_images(240)), thorough=False)
    assert found.curve is None
    assert found.neighbours is None
    slow = ("prd", "memorised", "median")
    assert not [name for name in found.figures if name.startswith(slow)]
    assert "kl_to_training" in found.figures


def test_features_of_real_images_are_computed_once():
    network = _Colour()
    scorer = _evaluator([network])
    assert network.sizes == []  # lazy
    for _ in range(2):
        scorer.score(_source(_images(240)), thorough=False)
    assert sorted(network.sizes) == [40] * 2 + [100] * 7


@pytest.mark.parametrize("devices", [2, 3])
def test_devices_change_nothing(devices):
    fake = _source(_images(240, seed=3))
    one = _evaluator().score(fake).figures
    many = [_Colour() for _ in range(devices)]
    scorer = _evaluator(many)
    assert scorer.score([fake] * devices).figures == one
    assert all(network.sizes for network in many)


def test_no_more_of_the_reference_than_the_protocol_says():
    protocol = Protocol("paper", 240, "test", 100, "clean", splits=2)
    scorer = _evaluator(protocol=protocol)
    assert scorer.record["num_reference"] == 100
    assert scorer.record["reference_sha256"] != "noise300"


def test_inception_alone_gives_fid_and_no_modes():
    def model(images):
        pixels = np.reshape(images, (len(images), -1))
        return {"pool_3": pixels[:, :6], "logits": pixels[:, :9]}

    scorer = _evaluator([Inception(model, "f00")], _protocol(20))
    figures = scorer.score(_source(_images(240))).figures
    assert {"fid", "is", "is_std", "kid", "precision"} <= set(figures)
    assert not {"modes", "class_histogram"} & set(figures)
    assert scorer.distance_name == "fid"


def test_a_set_too_small_for_a_measure_goes_without_it():
    protocol = Protocol("paper", 10, "test", None, "clean")
    scorer = _evaluator(protocol=protocol, images=_images(3))
    figures = scorer.score(_source(_images(240))).figures
    assert "fd_colour" in figures
    assert not [n for n in figures if n.startswith(("precision", "prd"))]


def test_digits_real_against_real_beats_noise(digits, digits_classifier):
    train_images, _, test_images, test_labels = digits
    scorer = Evaluator(
        [digits_classifier],
        _protocol(360),
        _set(train_images),
        training=_set(train_images),
    )
    order = np.random.default_rng(0).permutation(360)
    real = scorer.score(_source(test_images[order])).figures
    noise = np.random.default_rng(0).integers(0, 256, (360, 32, 32, 3))
    bad = scorer.score(_source(noise.astype(np.uint8))).figures
    assert not {"fid", "is", "kid"} & set(real)
    assert real["fd_digits_cnn"] < 0.1 * bad["fd_digits_cnn"]
    assert real["kd_digits_cnn"] < 0.1 * bad["kd_digits_cnn"]
    assert real["is_digits_cnn"] > 6 > bad["is_digits_cnn"]
    assert real["precision_digits_cnn"] > 0.7 > bad["precision_digits_cnn"]
    assert (real["modes"], real["of_modes"]) == (10, 10)
    assert real["kl_to_training"] < 0.01 < bad["kl_to_training"]
    errors = np.abs(real["class_histogram"] - np.bincount(test_labels))
    assert errors.sum() <= 2 * 360 * (1 - digits_classifier.accuracy) + 1e-9


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((240, 8, 8, 3), np.uint8), r"\(100, 4, 4, 3\).*one resol"),
        (_images(240) / 255, "uint8.*float64"),
        (_images(150), r"\(100, 4, 4, 3\)"),
    ],
)
def test_wrong_generated_images_are_refused(images, message):
    with pytest.raises(UserError, match=message):
        _evaluator().score(_source(images))


def test_nan_features_stop_the_evaluation():
    class Broken(_Colour):
        def __call__(self, images):
            found = super().__call__(images)
            found.features[-1, 0] = np.nan
            return found

    with pytest.raises(UserError, match=r"features.*finite.*1 of 200 values"):
        _evaluator([Broken()]).score(_source(_images(240)))


def test_nan_scores_are_not_returned(monkeypatch):
    monkeypatch.setattr(evaluator, "frechet_from_statistics", lambda *_: np.nan)
    with pytest.raises(UserError, match=r"finite.*fd_colour.*nan"):
        _evaluator().score(_source(_images(240)))


def test_a_reference_of_one_image_is_refused():
    with pytest.raises(UserError, match=r"at least 2 images. Received: 1"):
        _evaluator(images=_images(1))
