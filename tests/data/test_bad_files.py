import os
import struct
import zipfile

import pytest

from regan_tf.data import load_image_set, trees
from regan_tf.errors import UserError
from tests.data.make import png, png_bomb, write_folder, write_zip


def load(path, **options):
    return load_image_set("images", path=str(path), resolution=4, **options)


def refused(path, **options) -> str:
    """The message; always one line."""
    with pytest.raises(UserError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def patched(path, find: bytes, put: bytes) -> str:
    data = path.read_bytes()
    assert find in data and len(find) == len(put)
    path.write_bytes(data.replace(find, put))
    return str(path)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_bad_files_are_named_or_skipped(tmp_path, limit):
    files = {f"a/{i}.png": b"" for i in range(6)}
    files |= {"a/7.png": png(7), "b/8.png": png_bomb(9000), "b/9.png": png(9)}
    root = write_folder(tmp_path, files)
    message = refused(root, memory_limit=limit)
    assert "7 of 9 images" in message and "a/0.png: the file is" in message
    assert "a/4.png" in message and "a/5.png" not in message
    assert "and 2 more" in message and "--skip_bad_images" in message
    found = load(root, skip_bad_images=True, memory_limit=limit)
    assert found.images[:][:, 0, 0, 0].tolist() == [7, 9]
    assert found.labels.tolist() == [0, 1]
    assert len(found.skipped) == 7
    assert found.skipped[6].startswith("b/8.png: 9000x9000 pixels")


def test_nothing_left_after_skipping(tmp_path):
    root = write_folder(tmp_path, {"1.png": b""})
    assert "None is left" in refused(root, skip_bad_images=True)


def test_paths_that_are_no_image_set(tmp_path):
    assert "no such folder or zip" in refused(tmp_path / "nowhere")
    assert "no such folder or zip" in refused("a\0b")
    assert "no images" in refused(tmp_path)
    write_folder(tmp_path, {"a.txt": b"hello", "b.zip": b"PK nothing"})
    assert "no images" in refused(tmp_path)
    assert "not a zip" in refused(tmp_path / "a.txt")
    assert "not a zip" in refused(tmp_path / "b.zip")
    assert "no images" in refused(write_zip(tmp_path / "c.zip", {}))
    os.mkfifo(tmp_path / "pipe")
    assert "expected a folder or a zip" in refused(tmp_path / "pipe")


def test_special_files_and_broken_links_in_a_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    (tmp_path / "link.png").symlink_to("nowhere.png")
    write_folder(tmp_path, {"1.png": png(1)})
    found = load(tmp_path, skip_bad_images=True)
    assert found.skipped == (
        "link.png: No such file or directory",
        "pipe.png: not a regular file",
    )


def test_cut_zip(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, {"1.png": png(1), "2.png": png(2)})
    path.write_bytes(path.read_bytes()[:-30])
    assert "not a zip" in refused(path)


def test_zip_with_a_damaged_directory(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, {"1.png": png(1)})
    assert "damaged zip" in refused(patched(path, b"PK\1\2", b"PKxx"))


def test_zip_member_with_wrong_checksum(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, {"1.png": png(1) + b"tail", "2.png": png(2)})
    found = load(patched(path, b"tail", b"fake"), skip_bad_images=True)
    assert len(found) == 1 and "1.png: Bad CRC-32" in found.skipped[0]


@pytest.mark.parametrize("size, reason", [(10, "CRC-32"), (2**31, "larger")])
def test_zip_that_lies_about_a_size(tmp_path, size, reason):
    path = tmp_path / "a.zip"
    data = png(1) + bytes(10**6)
    write_zip(path, {"1.png": data}, zipfile.ZIP_DEFLATED)
    told, lie = struct.pack("<I", len(data)), struct.pack("<I", size)
    assert reason in refused(patched(path, told, lie))


def test_encrypted_zip_member(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, {"1.png": png(1)})
    with zipfile.ZipFile(path) as file:
        offset = file.start_dir + 8  # the flags in the central directory
    data = bytearray(path.read_bytes())
    data[offset] |= 1
    path.write_bytes(data)
    assert "1.png: encrypted" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_without_a_limit_are_refused(tmp_path, method):
    path = write_zip(tmp_path / "a.zip", {"1.png": png(1)}, method)
    assert "neither stored nor deflated" in refused(path)


@pytest.mark.parametrize("packed", [False, True])
def test_files_above_the_size_limit(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(trees, "MAX_FILE_BYTES", 1000)
    files = {"1.png": png(1) + bytes(1000)}
    root = write_folder(tmp_path / "f", files)
    path = write_zip(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED)
    assert "larger than the 1000 bytes" in refused(path if packed else root)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dataset": "mnist"}, "one of digits, cifar10, images"),
        ({"split": "val"}, "train or test"),
        ({"resolution": 0}, "at least 1"),
        ({"memory_limit": -1}, "memory_limit"),
        ({"dataset": "images"}, "--data_path"),
        ({"path": "somewhere"}, "takes no"),
    ],
)
def test_wrong_arguments(options, message):
    defaults = {"dataset": "digits", "path": None, "resolution": 8}
    with pytest.raises(UserError, match=message):
        load_image_set(**defaults | options)
