"""Training on some of the classes of a set."""

from types import SimpleNamespace

import numpy as np
import pytest

from regan_tf import run
from regan_tf.data import ImageSet
from regan_tf.errors import UserError
from regan_tf.evaluation import _held_out
from tests.tiny import tiny_config

LABELS = np.int32([2, 0, 1, 1, 2, 0])


def _set(labels=LABELS, names=("a", "b", "c")):
    images = np.arange(len(LABELS), dtype=np.uint8).reshape(-1, 1, 1, 1)
    images = np.tile(images, (1, 32, 32, 3))
    return ImageSet("mine", "train", images, labels, names, "f")


def test_rows_of_classes():
    np.testing.assert_array_equal(_set().rows_of(("c", "a")), [0, 1, 4, 5])
    np.testing.assert_array_equal(_set().rows_of(()), np.arange(6))
    some = _set().of_classes(("b",))
    np.testing.assert_array_equal(some.images[:, 0, 0, 0], [2, 3])
    whole = _set()
    assert whole.of_classes(()) is whole


@pytest.mark.parametrize(
    ("labels", "names", "known"),
    [(LABELS, ("a", "b", "c"), "a, b, c"), (None, (), "in no class folders")],
)
def test_unknown_classes(labels, names, known):
    with pytest.raises(UserError, match=f"{known}. Received: 'x'"):
        _set(labels, names).rows_of(("x",))


@pytest.mark.parametrize("count", [None, 1])
def test_subsets_are_of_the_classes(monkeypatch, count):
    monkeypatch.setattr(run, "_load_full", lambda config, split: _set())
    more = [] if count is None else [f"--num_images={count}"]
    words = ["--run_dir=unused", "--classes=c,a", "--features=classifier"]
    config = tiny_config(*words, "--num_images=4", *more)
    images = run.load_images(config)
    assert images.classes == ("c", "a")
    assert len(images.train) == (count or 4)
    assert set(images.train.labels) <= {0, 2}
    held_out = _held_out(images)
    assert set(held_out.labels) == {0, 2}  # of the rest, or of the test split


def test_too_few_images_of_a_class(monkeypatch):
    monkeypatch.setattr(run, "_load_full", lambda config, split: _set())
    config = tiny_config("--run_dir=unused", "--classes=b", "--num_images=3")
    with pytest.raises(UserError, match="the set has 2 images"):
        run.load_images(config)


def _reference_of(monkeypatch, trained_on, *words):
    """The pixels of the reference of a run on some images of class "a"."""
    from regan_tf import evaluation

    made = []
    monkeypatch.setattr(
        "regan_tf.metrics.Evaluator",
        lambda networks, protocol, reference, **more: made.append(reference),
    )
    monkeypatch.setattr(evaluation, "_networks", lambda *args: [])
    config = tiny_config("--run_dir=unused", "--features=classifier", *words)
    full, rows = _set(), np.array(trained_on)
    images = run.Images(full, None, full.take(rows), rows, ("a",))
    evaluation.make_evaluator(SimpleNamespace(**vars(config)), images)
    return list(made[0].images[:, 0, 0, 0])


def test_references_are_of_the_classes(monkeypatch):
    assert _reference_of(monkeypatch, [1]) == [1, 5]
    assert _reference_of(monkeypatch, [1], "--protocol=fewshot") == [1]


def test_validation_compares_with_what_is_not_trained_on(monkeypatch):
    words = "--protocol=validation"
    assert _reference_of(monkeypatch, [5], words) == [1]
    with pytest.raises(UserError, match=r"--num_images. Received: all 2"):
        _reference_of(monkeypatch, [1, 5], words)
