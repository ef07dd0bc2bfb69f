import os
import subprocess
import sys

import numpy as np
import pytest

import regan_tf.data
from regan_tf.data import image_batches, load_image_set, memory


def test_import_without_tensorflow():
    program = (
        "import sys, regan_tf.data\n"
        "from regan_tf.data import load_image_set, ImageSet, subset_indices\n"
        "load_image_set('digits', path=None, resolution=8)\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_exists():
    for name in regan_tf.data.__all__:
        assert getattr(regan_tf.data, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        regan_tf.data.nonsense  # noqa: B018


def test_default_memory_limit(monkeypatch):
    monkeypatch.setattr(memory, "_container_limit", lambda: None)
    monkeypatch.setattr(memory, "_meminfo_available", lambda: 1000)
    assert memory.default_memory_limit() == 400
    monkeypatch.setattr(memory, "_container_limit", lambda: 500)
    assert memory.default_memory_limit() == 200
    monkeypatch.setattr(memory, "_meminfo_available", lambda: None)
    monkeypatch.setattr(memory, "_free_pages", lambda: None)
    monkeypatch.setattr(memory, "_container_limit", lambda: None)
    assert memory.default_memory_limit() == int(0.4 * 2**31)


def real_data(name: str) -> str:
    folder = os.environ.get("REGAN_TEST_DATA")
    path = os.path.join(folder or "", name)
    if not folder or not os.path.exists(path):
        pytest.skip(f"set REGAN_TEST_DATA to a folder that holds {name}")
    return path


def test_cifar10_counts():
    path = real_data("cifar10-jpeg.zip")
    for split, count in (("train", 50_000), ("test", 10_000)):
        found = load_image_set("cifar10", path=path, resolution=32, split=split)
        assert len(found) == count and not found.skipped
        assert found.class_names[::9] == ("airplane", "truck")
        assert np.bincount(found.labels).tolist() == [count // 10] * 10


def test_flowers_streamed_equal_those_in_memory():
    path = real_data("flowers-128.zip")
    options = {"path": path, "resolution": 32}
    array = load_image_set("images", **options)
    streamed = load_image_set("images", **options, memory_limit=0)
    assert len(array.class_names) == 5 and len(array) == len(streamed) == 4317
    batches = [
        next(iter(image_batches(s.images, batch_size=64, seed=4))).numpy()
        for s in (array, streamed)
    ]
    np.testing.assert_array_equal(*batches)
