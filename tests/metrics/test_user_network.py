"""Networks of a user's own: Keras files and SavedModels."""

import gc
import hashlib
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.metrics import image_network, load_feature_network
from regan_tf.metrics.image_network import ImageNetwork
from regan_tf.metrics.saved_model import sha256_of
from tests.metrics.saved import mean, module, save

_OPEN = tf.TensorSpec((None, None, None, 3))
_NOISE = np.random.default_rng(0).integers(0, 256, (120, 4, 4, 3), np.uint8)
_MEANS = _NOISE.mean((1, 2)) / 127.5 - 1  # what `mean` makes of it


def _keras(inputs, function) -> keras.Model:
    return keras.Model(inputs, function(inputs))


def _load(path):
    return load_feature_network(str(path), resize="tf2-bilinear")


def _pair(images):
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    return pooled, keras.layers.Rescaling(2.0)(pooled)


@pytest.mark.parametrize("ending", [".keras", ".h5", ""])
def test_keras_network_is_loaded_from_file_and_export(tmp_path, ending):
    model = _keras(keras.Input((4, 4, 3)), _pair)
    path = tmp_path / f"my net.v2{ending}"
    if ending:
        model.save(path)
        expected = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        model.export(path, verbose=False)
        expected = sha256_of(str(path))
    network = _load(path)
    assert (network.name, network.sha256) == ("my_net_v2", expected)
    assert (network.resize, network.num_classes) == ("tf2-bilinear", None)
    features, logits = network(_NOISE)  # two batches and a partial one
    np.testing.assert_allclose(features, _MEANS, atol=1e-5)
    np.testing.assert_allclose(logits, 2 * _MEANS, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "has_logits"),
    [
        (mean, False),
        (lambda x: x, False),  # maps are averaged
        (lambda x: [tf.cast(mean(x), tf.float64)], False),
        (lambda x: (mean(x), x), True),
        (lambda x: {"features": mean(x), "more": x}, False),
        (lambda x: {"pool_3": x, "logits": mean(x)}, True),
    ],
)
def test_kinds_of_outputs(tmp_path, function, has_logits):
    features, logits = _load(save(tmp_path, function))(_NOISE[:3])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, _MEANS[:3], atol=1e-5)
    if has_logits:
        np.testing.assert_allclose(logits, _MEANS[:3], atol=1e-5)
    else:
        assert logits is None


def test_serving_signature_names_a_pair(tmp_path):
    outer = tf.Module()
    outer.inner = module(lambda x: (mean(x), 2 * mean(x)))
    signature = outer.inner.__call__
    tf.saved_model.save(outer, str(tmp_path), {"serving_default": signature})
    features, logits = _load(tmp_path)(_NOISE[:3])
    np.testing.assert_allclose(features, _MEANS[:3], atol=1e-5)
    np.testing.assert_allclose(logits, 2 * _MEANS[:3], atol=1e-5)


def test_fixed_size_is_resized_to_by_the_mode(tmp_path):
    path = save(tmp_path, lambda x: x[:, 0, :, 0])
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[:, :, 1] = 255
    row = {}
    for mode in ("tf1-bilinear", "tf2-bilinear"):
        network = load_feature_network(path, resize=mode)
        assert network.resize == mode
        row[mode] = network(images).features[0]
    np.testing.assert_allclose(row["tf1-bilinear"], [-1, 0, 1, 1], atol=1e-6)
    np.testing.assert_allclose(row["tf2-bilinear"], [-1, -0.5, 0.5, 1])


def test_open_size_takes_images_as_they_are(tmp_path):
    def corner(images):
        return images[:, -1, -1]

    network = _load(save(tmp_path, corner, _OPEN))
    assert network.resize == "none"
    for size in (1, 5, 64):
        images = np.zeros((2, size, size, 3), np.uint8)
        images[:, -1, -1] = 255
        np.testing.assert_array_equal(network(images).features, 1.0)


def test_uint8_input_gets_rounded_pixels(tmp_path):
    inputs = keras.Input((4, 4, 3), dtype="uint8")
    flat = keras.layers.Flatten()
    path = tmp_path / "bytes.keras"
    _keras(inputs, lambda x: flat(keras.layers.Rescaling(1.0)(x))).save(path)
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[:, :, 1] = 5  # between: 1.25 and 3.75
    row = _load(path)(images).features[0, :12:3]
    np.testing.assert_array_equal(row, [0, 1, 4, 5])


def test_it_computes_where_it_was_made_from_any_thread(tmp_path, monkeypatch):
    path, devices = save(tmp_path), []
    rows = image_network._rows
    monkeypatch.setattr(
        image_network,
        "_rows",
        lambda v, *rest: (devices.append(v.device[-5:]), rows(v, *rest))[1],
    )
    for device in ("CPU:0", "CPU:1"):
        with tf.device(device):
            network = _load(path)
        devices.clear()
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(network, [_NOISE] * 8))
        assert set(devices) == {device}
        for features, _ in found:
            np.testing.assert_array_equal(features, found[0].features)


def test_variables_live_as_long_as_the_network(tmp_path):
    path = tmp_path / "net.keras"
    _keras(keras.Input((4, 4, 3)), keras.layers.Dense(2)).save(path)
    for network in (_load(path), _load(save(tmp_path / "saved"))):
        gc.collect()
        with tf.GradientTape():  # asks for the variables of a graph
            assert len(network(_NOISE).features) == len(_NOISE)


def test_any_function_of_images_is_a_network():
    network = ImageNetwork(
        mean, name="mean", sha256="", size=None, resize="clean", batch_size=7
    )
    np.testing.assert_allclose(network(_NOISE).features, _MEANS, atol=1e-5)
    with pytest.raises(UserError, match="uint8"):
        network(_NOISE / 255)
