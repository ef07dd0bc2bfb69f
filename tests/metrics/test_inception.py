"""Loading Inception, from local stand-ins for TF-GAN's SavedModel."""

import socket

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.metrics import load_inception, tfgan_bridge
from regan_tf.metrics.saved_model import sha256_of

_IMAGES = tf.TensorSpec((None, 299, 299, 3), tf.float32)


class _Pixels(tf.Module):
    """Shows what it was fed: pool_3 holds the first pixel values."""

    def __init__(self, width: int = 2048, names=("pool_3", "logits")):
        super().__init__()
        self.width, self.names = width, names
        self.gain = tf.Variable(1.0)

    @tf.function(input_signature=[_IMAGES])
    def __call__(self, images):
        pixels = self.gain * tf.reshape(images, (tf.shape(images)[0], -1))
        pool = tf.reshape(pixels[:, : self.width], (-1, 1, 1, self.width))
        return dict(zip(self.names, (pool, pixels[:, :1008]), strict=True))


def _save(path, **kwargs) -> str:
    tf.saved_model.save(_Pixels(**kwargs), str(path))
    return str(path)


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        # Half-pixel centres: the left quarter is -1, the middle pixel 0.
        ("tf2-bilinear", [-1, -1, 0, 1]),
        # Pixel i is taken at 2i / 299; at most 1 is between the two.
        ("tf1-bilinear", [-1, 4 * 74 / 299 - 1, 4 * 149 / 299 - 1, 1]),
    ],
)
def test_local_inception_scales_and_resizes(tmp_path, mode, row):
    network = load_inception(_save(tmp_path), resize=mode)
    images = np.zeros((60, 2, 2, 3), np.uint8)  # more than one batch
    images[1:, :, 1] = 255  # dark on the left, bright on the right
    features, logits = network(images)
    assert features.shape == (60, 2048)
    assert logits.shape == (60, 1008)
    assert features.dtype == logits.dtype == np.float32
    np.testing.assert_array_equal(features[0], -1.0)
    found = features[1, : 299 * 3 : 3][[0, 74, 149, 298]]
    np.testing.assert_allclose(found, row, atol=1e-5)


def test_its_attributes(tmp_path):
    path = _save(tmp_path)
    network = load_inception(path, resize="clean")
    assert (network.name, network.resize) == ("inception", "clean")
    assert network.num_classes is None
    assert load_inception(path).resize == "tf2-bilinear"
    with pytest.raises(UserError, match=r"resize mode.*'nearest'"):
        load_inception(path, resize="nearest")


def test_serving_signature_is_enough(tmp_path):
    module = tf.Module()
    inner = module.inner = _Pixels()
    signature = tf.function(inner, input_signature=[_IMAGES])
    tf.saved_model.save(module, str(tmp_path), {"serving_default": signature})
    network = load_inception(str(tmp_path))
    features = network(np.full((3, 8, 8, 3), 255, np.uint8)).features
    np.testing.assert_allclose(features, np.ones((3, 2048)))


def test_sha256_follows_the_weights_not_the_place(tmp_path):
    path = _save(tmp_path / "a")
    sha256 = load_inception(path).sha256
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b" / "README.txt").write_text("a note")
    assert load_inception(str(tmp_path / "b")).sha256 == sha256
    data = next((tmp_path / "b" / "variables").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:-4] + np.float32(2).tobytes())
    assert sha256_of(str(tmp_path / "b")) != sha256


def test_expected_sha256_is_compared(tmp_path):
    path = _save(tmp_path)
    sha256 = sha256_of(path)
    assert load_inception(path, sha256=sha256.upper()).sha256 == sha256
    other = "0" * 64
    with pytest.raises(UserError, match=f"{other}. Received: {sha256}") as info:
        load_inception(path, sha256=other)
    assert "\n" not in str(info.value)
    assert "--inception_sha256" in str(info.value)


@pytest.mark.parametrize("sha256", ["", "12ab", "x" * 64, "0" * 64 + "\n"])
def test_what_is_no_sha256_is_refused_before_loading(sha256):
    with pytest.raises(UserError, match="must be 64 hex digits"):
        load_inception("/nowhere", sha256=sha256)


@pytest.mark.parametrize(
    ("kwargs", "received"),
    [
        ({"width": 1000}, r"Received: \(1000, 1008\)"),
        ({"names": ("pool", "logits")}, "a dict of 'logits', 'pool'"),
        ({"names": ("pool_3", "probs")}, r"Received: \(2048, None\)"),
    ],
)
def test_wrong_outputs_are_refused_in_one_line(tmp_path, kwargs, received):
    with pytest.raises(UserError, match=received) as info:
        load_inception(_save(tmp_path, **kwargs))
    message = str(info.value)
    assert "--inception_path" in message
    assert "\n" not in message


def test_missing_and_empty_directories_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        match = f"--inception_path='{path}' must be a directory with"
        with pytest.raises(UserError, match=match):
            load_inception(str(path))
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(UserError, match="must be callable"):
        load_inception(str(tmp_path))


def test_hub_out_of_reach_is_one_line(monkeypatch):
    import tensorflow_hub

    def load(handle):
        assert socket.getdefaulttimeout() == 5.0
        raise OSError(f"cannot reach\n{handle}")

    monkeypatch.setattr(tensorflow_hub, "load", load)
    with pytest.raises(UserError, match="--inception_path=") as info:
        load_inception()
    assert "\n" not in str(info.value)
    assert "OSError: cannot reach https://" in str(info.value)
    assert socket.getdefaulttimeout() is None


def test_hub_route_equals_local_route(tmp_path, monkeypatch):
    path = _save(tmp_path)  # Hub takes a directory for a handle, too
    monkeypatch.setattr(tfgan_bridge, "inception_handle", lambda: path)
    assert load_inception().sha256 == load_inception(path).sha256


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 8, 8, 3), np.float32), "uint8.*Received: float32"),
        (np.zeros((0, 8, 8, 3), np.uint8), "N > 0"),
        (np.zeros((1, 8, 9, 3), np.uint8), r"\(1, 8, 9, 3\)"),
        (np.zeros((1, 8, 8, 1), np.uint8), "RGB"),
    ],
)
def test_wrong_images_are_refused(tmp_path, images, message):
    network = load_inception(_save(tmp_path))
    with pytest.raises(UserError, match=message):
        network(images)
