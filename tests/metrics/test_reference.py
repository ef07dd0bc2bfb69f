"""Features of real images: the cache is right, or it is not used."""

import json
import os

import numpy as np
import pytest

from regan_tf.data import ImageSet
from regan_tf.metrics import Features
from regan_tf.metrics.reference import draw, reference_features


class Means:
    """Features: mean red and green; class: whether red is below 128."""

    name, sha256, resize, num_classes = "means", "a" * 64, "none", 2

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        means = images.mean(axis=(1, 2))[:, :2].astype(np.float32)
        return Features(means, np.stack([means[:, 0], 255 - means[:, 0]], 1))


def image_set(count=250, seed=0, fingerprint="f"):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 4, 4, 3), np.uint8)
    return ImageSet("noise", "test", images, None, (), fingerprint)


def features(tmp_path, network, images=None, max_rows=30, say=print):
    return reference_features(
        images or image_set(),
        [network],
        max_rows=max_rows,
        cache_dir=str(tmp_path / "cache"),
        say=say,
    )


def test_statistics_equal_numpy():
    images = image_set()
    found = reference_features(images, [Means()], max_rows=30)
    every = Means()(images.images).features.astype(np.float64)
    np.testing.assert_allclose(found.statistics.mean, every.mean(0))
    np.testing.assert_allclose(found.statistics.covariance, np.cov(every.T))
    np.testing.assert_array_equal(found.rows, every[draw(250, 30)])
    assert found.class_counts.tolist() == [
        np.sum(every[:, 0] >= 127.5),
        np.sum(every[:, 0] < 127.5),
    ]


def test_two_devices_give_the_same_bits():
    one = reference_features(image_set(), [Means()], max_rows=30)
    two = reference_features(image_set(), [Means(), Means()], max_rows=30)
    np.testing.assert_array_equal(
        one.statistics.products, two.statistics.products
    )
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_array_equal(one.class_counts, two.class_counts)


def test_second_time_comes_from_the_cache(tmp_path):
    first = features(tmp_path, Means())
    network = Means()
    again = features(tmp_path, network)
    assert network.seen == 0
    assert again.statistics.count == 250
    for a, b in (
        (first.statistics.products, again.statistics.products),
        (first.rows, again.rows),
        (first.class_counts, again.class_counts),
    ):
        np.testing.assert_array_equal(a, b)
    assert len(os.listdir(tmp_path / "cache")) == 1  # no temporary file


@pytest.mark.parametrize(
    "change",
    [
        {"images": image_set(fingerprint="g")},
        {"images": image_set(count=249)},
        {"max_rows": 31},
        {"sha256": "b" * 64},
        {"name": "others"},
        {"resize": "clean"},
    ],
)
def test_whatever_changes_it_is_in_the_key(tmp_path, change):
    features(tmp_path, Means())
    network = Means()
    for name in ("sha256", "name", "resize"):
        if name in change:
            setattr(network, name, change.pop(name))
    found = features(tmp_path, network, **change)
    assert network.seen == found.statistics.count


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "other", "empty"])
def test_damaged_entry_is_said_and_made_anew(tmp_path, damage):
    right = features(tmp_path, Means())
    path = next((tmp_path / "cache").iterdir())
    whole = bytearray(path.read_bytes())
    if damage == "other":  # a whole entry, of another key
        features(tmp_path, Means(), max_rows=29)
        other = next(p for p in path.parent.iterdir() if p != path)
        path.write_bytes(other.read_bytes())
    else:
        flipped = bytes([*whole[:1500], whole[1500] ^ 255, *whole[1501:]])
        cut = bytes(whole[: len(whole) // 2])
        bad = {"cut": cut, "flipped": flipped, "text": b"hello", "empty": b""}
        path.write_bytes(bad[damage])
    lines, network = [], Means()
    again = features(tmp_path, network, say=lines.append)
    assert network.seen == 250
    assert "damaged" in lines[0]
    assert "\n" not in lines[0]
    np.testing.assert_array_equal(again.rows, right.rows)
    assert path.read_bytes()[:2] == b"PK"  # mended


def test_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fail)
        with pytest.raises(KeyboardInterrupt):
            features(tmp_path, Means())
    assert os.listdir(tmp_path / "cache") == []
    assert features(tmp_path, Means()).statistics.count == 250


def test_no_room_for_the_cache_costs_no_score(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    lines = []
    found = features(tmp_path, Means(), say=lines.append)
    assert found.statistics.count == 250
    assert "not cached" in lines[0]


def test_draw_by_hand():
    assert draw(3, 5).tolist() == [0, 1, 2]
    chosen = draw(1000, 10)
    assert len(set(chosen)) == 10
    assert (np.diff(chosen) > 0).all()
    assert json.dumps(chosen.tolist()) == json.dumps(draw(1000, 10).tolist())
