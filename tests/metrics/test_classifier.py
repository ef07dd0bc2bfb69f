"""The classifier: accuracy, cache, and what it must leave untouched."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.metrics import Classifier, train_classifier
from regan_tf.metrics import classifier as module
from regan_tf.metrics.classifier_fit import FitSettings
from regan_tf.metrics.classifier_network import build_network


@pytest.fixture
def short(monkeypatch):
    """Lets training last one epoch; the tests below need no accuracy."""

    def for_size(num_images, flip):
        return FitSettings(epochs=1, flip=flip, batch_size=8)

    monkeypatch.setattr(FitSettings, "for_size", for_size)


def _train(cache_dir, **changes):
    """Trains on 16 dark and 16 bright images of 8×8 pixels."""
    labels = np.arange(32) % 2
    images = np.zeros((32, 8, 8, 3), np.uint8)
    images[labels == 1] = 200
    arguments = {
        "name": "tones",
        "images": images,
        "labels": labels,
        "test_images": images,
        "test_labels": labels,
        "num_classes": 2,
        "fingerprint": "tones-1",
        "cache_dir": str(cache_dir),
        "progress": lambda line: None,
    }
    return train_classifier(**(arguments | changes))


def _fail(*_, **__):
    raise AssertionError("trained although cached")


def test_digits_are_recognised(digits, digits_classifier):
    _, _, test_images, test_labels = digits
    predicted = digits_classifier.predict(test_images)
    assert predicted.shape == (360,)
    assert np.mean(predicted == test_labels) == digits_classifier.accuracy
    assert digits_classifier.accuracy >= 0.97


def test_features_are_those_before_the_logits(digits, digits_classifier):
    features, logits = digits_classifier(digits[2][:300])
    assert features.shape == (300, 192)
    assert logits.shape == (300, 10)
    assert features.dtype == logits.dtype == np.float32
    inputs = np.hstack([features, np.ones((300, 1))])
    residual = np.linalg.lstsq(inputs, logits, rcond=None)[1]
    assert np.all(residual < 1e-6)  # logits are affine in the features


def test_features_do_not_depend_on_the_batch(digits, digits_classifier):
    images = digits[2][:260]  # more than one internal batch
    together = digits_classifier(images).features
    alone = digits_classifier(images[-1:]).features
    np.testing.assert_allclose(together[-1:], alone, atol=1e-4)


def test_held_out_part_is_taken_when_there_is_no_test_set(tmp_path, short):
    lines = []
    none = {"test_images": None, "test_labels": None}
    _train(tmp_path, **none, progress=lines.append)
    assert lines[0] == "tones_cnn: training on 26 images"  # 32 - 2 · 3


def test_cache_hit_gives_the_same_network(tmp_path, short, monkeypatch):
    first = _train(tmp_path)
    monkeypatch.setattr(module, "fit", _fail)
    second = _train(tmp_path)
    assert second.sha256 == first.sha256
    assert second.accuracy == first.accuracy
    images = np.full((3, 8, 8, 3), 90, np.uint8)
    np.testing.assert_array_equal(first(images).logits, second(images).logits)
    (entry,) = tmp_path.iterdir()  # no temporary left
    assert entry.name.startswith("tones_cnn-")


def test_damaged_cache_is_trained_anew(tmp_path, short, monkeypatch):
    first = _train(tmp_path)
    (damaged,) = tmp_path.glob("*/weights.npz")
    damaged.write_bytes(damaged.read_bytes()[:100])
    lines = []
    second = _train(tmp_path, progress=lines.append)
    assert "is damaged" in lines[0]
    assert second.sha256 == first.sha256
    monkeypatch.setattr(module, "fit", _fail)
    _train(tmp_path)  # mended


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "tones-2"},
        {"seed": 1},
        {"num_classes": 3},
        {"flip": True},
        {"test_images": None, "test_labels": None},
        {"name": "tones2"},
        dict.fromkeys(["images", "test_images"], np.zeros((32, 9, 9, 3), "u1")),
    ],
)
def test_every_dependence_changes_the_key(tmp_path, short, monkeypatch, change):
    saved = []
    monkeypatch.setattr(module, "fit", lambda *_, **__: None)
    save = module.classifier_cache.save
    monkeypatch.setattr(
        module.classifier_cache,
        "save",
        lambda directory, *rest: (
            saved.append(directory),
            save(directory, *rest),
        ),
    )
    _train(tmp_path)
    _train(tmp_path, **change)
    assert len(set(saved)) == 2


def test_global_random_states_and_names_are_left_alone(tmp_path, short):
    def draw():
        layer = keras.layers.Dense(2)
        layer.build((None, 2))
        number = int(layer.name.rpartition("_")[2])
        values = [random.random(), np.random.rand(), tf.random.normal(())]
        return number, np.hstack([*values, layer.kernel.numpy().ravel()])

    keras.layers.Dense(2)  # from now on default names carry a number
    keras.utils.set_random_seed(5)
    number, expected = draw()
    keras.utils.set_random_seed(5)
    _train(tmp_path)
    after, values = draw()
    np.testing.assert_array_equal(values, expected)
    assert after == number + 1


def test_results_are_float32_under_any_policy(tmp_path, short):
    expected = _train(tmp_path / "a")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = _train(tmp_path / "b")
    finally:
        keras.config.set_dtype_policy(before)
    images = np.full((2, 8, 8, 3), 90, np.uint8)
    assert network(images).features.dtype == np.float32
    np.testing.assert_allclose(
        network(images).features, expected(images).features, atol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "needs labels.*--inception_path"),
        ({"test_labels": None}, "test_images.*--inception_path"),
        ({"labels": np.arange(32)}, "from 0 to 31, num_classes=2"),
        ({"labels": np.zeros(31, int)}, "32 integers.*31"),
        ({"labels": np.zeros(32)}, "float64"),
        ({"images": np.zeros((32, 4, 4, 3), np.uint8)}, "at least 8 pixels"),
        ({"name": "../tones"}, "letters, digits"),
        ({"test_images": np.zeros((32, 9, 9, 3), np.uint8)}, "8 and 9"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, change, message):
    with pytest.raises(UserError, match=message) as info:
        _train(tmp_path, **change)
    assert "\n" not in str(info.value)


def test_cache_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="must be writable"):
        _train(tmp_path / "file" / "cache")


def test_other_resolution_is_refused(digits_classifier):
    with pytest.raises(UserError, match=r"resolution 32\. Received.*16"):
        digits_classifier(np.zeros((1, 16, 16, 3), np.uint8))


def test_a_mirrored_classifier_averages_both_views():
    model = build_network(8, 3, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    plain, both = Classifier("a", model), Classifier("a", model, mirrored=True)
    views = plain(images), plain(images[:, :, ::-1])
    for part in (0, 1):
        expected = (views[0][part] + views[1][part]) / 2
        np.testing.assert_allclose(both(images)[part], expected, rtol=1e-5)
    assert both.sha256 != plain.sha256
    assert both.copy().sha256 == both.sha256
