"""What is refused as a user's feature network, each in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.metrics import load_feature_network
from tests.metrics.saved import mean, save

_OPEN = tf.TensorSpec((None, None, None, 3))


def _load(path):
    return load_feature_network(str(path), resize="tf2-bilinear")


_INPUTS = "must take one input, square float32 or uint8 images"


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([((None, 10), "float32")], r"float32 \(None, 10\)"),
        ([((None, 4, 4, 1), "float32")], r"\(None, 4, 4, 1\)"),
        ([((None, 4, 5, 3), "float32")], r"\(None, 4, 5, 3\)"),
        ([((8, 4, 4, 3), "float32")], r"for any N.*\(8, 4, 4, 3\)"),
        ([((None, 4, 4, 3), "int32")], r"int32 \(None, 4, 4, 3\)"),
        ([((None, 4, 4, 3), "float32")] * 2, r"\) and float32 \(None"),
    ],
)
def test_other_inputs_are_refused(tmp_path, specs, message):
    specs = [tf.TensorSpec(*spec) for spec in specs]
    with pytest.raises(UserError, match=f"{_INPUTS}.*{message}") as info:
        _load(save(tmp_path, lambda x: x, *specs))
    assert str(info.value).startswith(f"--features='{tmp_path}' {_INPUTS}")
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:, 0], r"features of shape \(1, 4, 3\) for 1 image"),
        (lambda x: mean(x)[:1], r"shape \(1, 3\) for 2 images"),
        (lambda x: tf.argmax(mean(x), 1), "features of type int64"),
        (lambda x: (mean(x), tf.cast(x, tf.int32)), "logits of type int32"),
        (lambda x: (mean(x),) * 3, "3 outputs"),
        (lambda x: {"embedding": mean(x)}, "a dict of 'embedding'"),
        (
            lambda x: tf.matmul(mean(x), mean(x), transpose_b=True),
            r"widths \(1, None\) for one image, \(2, None\) for two",
        ),
    ],
)
def test_other_outputs_are_refused(tmp_path, function, message):
    with pytest.raises(UserError, match=f"Received: .*{message}") as info:
        _load(save(tmp_path, function))
    text = str(info.value)
    assert text.startswith(f"--features='{tmp_path}' must map images (N, 4, 4")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.keras", None, "Received: nothing there"),
        ("net.txt", b"?", "Received: another kind of file"),
        ("net.keras", b"PK?", "Received: ValueError: no zip archive"),
        ("net.h5", b"?", "Received: OSError"),
    ],
)
def test_what_is_no_network_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as info:
        _load(path)
    assert repr(str(path)) in str(info.value)
    assert "\n" not in str(info.value)


def test_damaged_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="must be a directory with"):
        _load(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(UserError, match="must be callable with a tensor"):
        _load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff?")
    with pytest.raises(UserError, match="must be a directory with"):
        _load(tmp_path)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_code_in_a_keras_file_is_not_run(tmp_path, ending):
    path = tmp_path / f"net.{ending}"
    layer = keras.layers.Lambda(lambda x: x, output_shape=(4, 4, 3))
    keras.Sequential([keras.Input((4, 4, 3)), layer]).save(path)
    with pytest.raises(UserError, match=r"without code of yours.*Lambda"):
        _load(path)


def test_wrong_resize_mode_is_refused_for_open_sizes_too(tmp_path):
    path = save(tmp_path, mean, _OPEN)
    with pytest.raises(UserError, match=r"resize mode.*'none'"):
        load_feature_network(path, resize="none")


def test_images_too_small_for_an_open_network_are_refused(tmp_path):
    def strict(images):
        pixels = tf.reshape(images[:, :8, :8], (-1, 8 * 8 * 3))
        return pixels + 0 * tf.reshape(images[:, 0, 0, :1], (-1, 1))

    network = _load(save(tmp_path / "strict", strict, _OPEN))
    with pytest.raises(UserError, match=r"strict must take.*4 pixels") as info:
        network(np.zeros((3, 4, 4, 3), np.uint8))
    assert "\n" not in str(info.value)
