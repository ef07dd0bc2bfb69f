import os

import keras
import numpy as np
import pytest
from PIL import Image

from regan_tf.data import StreamedImages, load_image_set
from regan_tf.errors import UserError
from tests.data.make import encoded, noise, png, write_folder, write_zip

SPLITS = {
    "train/a/1.png": png(1),
    "train/b/2.png": png(2),
    "train/b/3.PNG": png(3),
    "test/b/4.png": png(4),
}


def load(path, **options):
    return load_image_set(
        "images", **{"path": str(path), "resolution": 4} | options
    )


def values(image_set):
    """The grey value of each image."""
    return np.asarray(image_set.images[:][:, 0, 0, 0]).tolist()


def test_folder_with_splits(tmp_path):
    root = write_folder(tmp_path / "my.pictures", SPLITS)
    train, test = load(root), load(root, split="test")
    assert (train.name, train.split, len(train)) == ("my.pictures", "train", 3)
    assert values(train) == [1, 2, 3] and values(test) == [4]
    assert train.labels.tolist() == [0, 1, 1] and test.labels.tolist() == [1]
    assert train.labels.dtype == np.int32
    assert train.class_names == test.class_names == ("a", "b")
    assert train.images.shape == (3, 4, 4, 3)


@pytest.mark.parametrize("method", [0, 8])  # stored, deflated
def test_zip_equals_its_folder_wrapped_or_not(tmp_path, method):
    folder = load(write_folder(tmp_path / "set", SPLITS))
    wrapped = {f"w/{name}": data for name, data in SPLITS.items()}
    for files in (SPLITS, wrapped):
        zipped = load(write_zip(tmp_path / "set.zip", files, method))
        assert zipped.fingerprint == folder.fingerprint
        assert zipped.name == folder.name == "set"
        np.testing.assert_array_equal(zipped.images, folder.images)
        np.testing.assert_array_equal(zipped.labels, folder.labels)


def test_zip_made_on_windows_with_hostile_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {r"cat\1.png": png(1), "../../dog/2.png": png(2), "/dog/3.png": b""}
    found = load(write_zip(tmp_path / "a.zip", files), skip_bad_images=True)
    assert sorted(values(found)) == [1, 2]
    assert found.class_names == ("cat", "dog")
    assert os.listdir(tmp_path) == ["a.zip"]  # nothing was unpacked


def test_no_labels_and_no_test_split(tmp_path):
    root = write_folder(tmp_path / "flat", {"b.png": png(2), "a.png": png(1)})
    flat = load(root)
    assert values(flat) == [1, 2]
    assert flat.labels is None and flat.class_names == ()
    assert load(root, split="test") is None


@pytest.mark.parametrize("limit, streamed", [(144, False), (143, True)])
def test_memory_limit(tmp_path, limit, streamed):
    root = write_folder(tmp_path, {f"{i}.png": png(i) for i in range(3)})
    found = load(root, memory_limit=limit)  # 3 × 4 × 4 × 3 bytes
    assert isinstance(found.images, StreamedImages) == streamed
    assert found.images.shape == (3, 4, 4, 3)
    assert found.images.dtype == np.uint8


@pytest.mark.parametrize(
    "key", [0, -1, slice(None), slice(9, 2, -3), [5, 5, 1], np.array([], int)]
)
def test_streamed_reads_as_the_array(tmp_path, key):
    files = {
        f"{i:02}.jpg": encoded(Image.fromarray(picture), "JPEG")
        for i, picture in enumerate(noise(30, side=6))
    }
    root = write_zip(tmp_path / "a.zip", files)
    array, streamed = load(root), load(root, memory_limit=0)
    assert streamed.fingerprint == array.fingerprint
    np.testing.assert_array_equal(streamed.images[key], array.images[key])


@pytest.mark.parametrize("limit", [0, 10**9])
def test_take(tmp_path, limit):
    whole = load(write_folder(tmp_path, SPLITS), memory_limit=limit)
    part = whole.take(np.array([2, 0]))
    assert values(part) == [3, 1] and part.labels.tolist() == [1, 0]
    assert isinstance(part.images, StreamedImages) == (limit == 0)
    assert values(part.take([1])) == [1]
    prints = {whole.fingerprint, part.fingerprint}
    assert len(prints | {whole.take([0, 2]).fingerprint}) == 3
    for wrong in ([3], [-1], [0.5], [[0]], []):
        with pytest.raises(UserError, match=r"\[0, 3\)"):
            whole.take(wrong)


def test_fingerprint_follows_content_name_and_resolution(tmp_path):
    files = {"a.png": png(1), "b.png": png(2)}
    changes = [files, {**files, "b.png": png(3)}, {"a.png": png(1)}]
    changes += [{"a.png": png(1), "c.png": png(2)}]
    roots = [write_zip(tmp_path / f"{i}.zip", f) for i, f in enumerate(changes)]
    prints = [load(root).fingerprint for root in roots]
    prints.append(load(roots[0], resolution=8).fingerprint)
    assert len(set(prints)) == 5 and len(prints[0]) == 64
    assert load(roots[0]).fingerprint == prints[0]


def test_a_file_that_changes_while_streamed(tmp_path):
    root = write_folder(tmp_path, {"a.png": png(1), "b.png": png(2)})
    streamed = load(root, memory_limit=0)
    (tmp_path / "b.png").write_bytes(png(9))
    assert streamed.images[0].max() == 1
    with pytest.raises(UserError, match=r"'b.png' has changed"):
        streamed.images[1]


def test_a_loop_of_links_ends(tmp_path):
    root = write_folder(tmp_path / "r", {"a/1.png": png(1), "b/2.png": png(2)})
    (tmp_path / "r/a/loop").symlink_to(tmp_path / "r")
    (tmp_path / "r/b/self").symlink_to("self")
    (tmp_path / "r/c").symlink_to(tmp_path / "r/b")  # followed: no loop
    assert load(root).class_names == ("a", "b", "c")


def test_digits_are_the_real_ones():
    from sklearn.datasets import load_digits

    train, test = (
        load_image_set("digits", path=None, resolution=8, split=split)
        for split in ("train", "test")
    )
    assert (len(train), len(test)) == (1438, 359)
    found = np.concatenate([train.images, test.images])[..., 0]
    expected = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, found)) == sorted(map(bytes, expected))
    share = np.bincount(train.labels) / np.bincount(load_digits().target)
    np.testing.assert_allclose(share, 0.8, atol=0.01)
    assert train.class_names == tuple("0123456789")


def test_digits_at_another_resolution_and_streamed():
    options = {"path": None, "resolution": 16, "split": "test"}
    array = load_image_set("digits", **options)
    streamed = load_image_set("digits", **options, memory_limit=0)
    assert isinstance(streamed.images, StreamedImages)
    assert streamed.images.shape == (359, 16, 16, 3)
    np.testing.assert_array_equal(streamed.images[::50], array.images[::50])


def test_cifar10_from_keras(monkeypatch):
    train, test = noise(6, side=32), noise(2, side=32, seed=1)
    data = ((train, np.arange(6)[:, None]), (test, np.array([[9], [8]])))
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: data)
    found = load_image_set("cifar10", path=None, resolution=32)
    np.testing.assert_array_equal(found.images, train)
    held_out = load_image_set("cifar10", path=None, resolution=16, split="test")
    assert held_out.images.shape == (2, 16, 16, 3)
    assert held_out.labels.tolist() == [9, 8]
    assert held_out.class_names[9] == "truck"


def test_cifar10_without_network(monkeypatch):
    def load_data():
        raise OSError("no route to host")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", load_data)
    with pytest.raises(UserError, match="--data_path"):
        load_image_set("cifar10", path=None, resolution=32)


def test_cifar10_from_a_zip_keeps_its_name(tmp_path):
    path = write_zip(tmp_path / "other.zip", SPLITS)
    found = load_image_set("cifar10", path=path, resolution=4)
    assert found.name == "cifar10" and values(found) == [1, 2, 3]
