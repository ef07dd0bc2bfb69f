"""The cache's files: round trip, damage, and two writers at once."""

import numpy as np
import pytest

from regan_tf.metrics import classifier_cache

_WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(0, "f4")]


def test_round_trip_keeps_order_and_values(tmp_path):
    directory = str(tmp_path / "entry")
    classifier_cache.save(directory, _WEIGHTS * 6, {"accuracy": 0.5})
    weights, meta = classifier_cache.load(directory)
    for loaded, saved in zip(weights, _WEIGHTS * 6, strict=True):
        np.testing.assert_array_equal(loaded, saved)
    sha256 = classifier_cache.weights_sha256(_WEIGHTS * 6)
    assert meta == {"accuracy": 0.5, "sha256": sha256}


def test_absent_and_empty_entries_differ(tmp_path):
    with pytest.raises(FileNotFoundError):
        classifier_cache.load(str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="unreadable"):
        classifier_cache.load(str(tmp_path))


@pytest.mark.parametrize("file", ["weights.npz", "meta.json"])
def test_cut_files_are_noticed(tmp_path, file):
    classifier_cache.save(str(tmp_path / "entry"), _WEIGHTS, {})
    path = tmp_path / "entry" / file
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="unreadable"):
        classifier_cache.load(str(tmp_path / "entry"))


def test_altered_weights_are_noticed(tmp_path):
    classifier_cache.save(str(tmp_path / "entry"), _WEIGHTS, {})
    np.savez(tmp_path / "entry" / "weights.npz", _WEIGHTS[0] + 1, _WEIGHTS[1])
    with pytest.raises(ValueError, match="differ from their hash"):
        classifier_cache.load(str(tmp_path / "entry"))


def test_the_slower_of_two_writers_gives_way(tmp_path, monkeypatch):
    directory = str(tmp_path / "entry")
    classifier_cache.save(directory, _WEIGHTS, {"writer": 1})
    # As if the first entry had come between removal and renaming.
    rmtree = classifier_cache.shutil.rmtree

    def remove_only_temporaries(path, **kwargs):
        if ".tmp-" in path:
            rmtree(path, **kwargs)

    monkeypatch.setattr(
        classifier_cache.shutil, "rmtree", remove_only_temporaries
    )
    classifier_cache.save(directory, _WEIGHTS, {"writer": 2})
    assert classifier_cache.load(directory)[1]["writer"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["entry"]


def test_interrupted_save_leaves_nothing(tmp_path):
    class Unsaveable:
        shape, dtype = (), np.dtype("f4")

        def __array__(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classifier_cache.save(str(tmp_path / "entry"), [Unsaveable()], {})
    assert list(tmp_path.iterdir()) == []


def test_key_and_hash_tell_apart():
    key = classifier_cache.cache_key
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key({"a": 1}) != key({"a": 2})
    sha256 = classifier_cache.weights_sha256
    flat = [_WEIGHTS[0].ravel(), _WEIGHTS[1]]
    assert sha256(_WEIGHTS) != sha256(flat)
