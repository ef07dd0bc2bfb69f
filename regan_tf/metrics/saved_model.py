"""Where the Inception network comes from: a directory or TensorFlow Hub."""

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from regan_tf.errors import UserError
from regan_tf.metrics import tfgan_bridge

_HUB_TIMEOUT = 5.0  # seconds without an answer from TensorFlow Hub


def load_from_hub() -> tuple[Any, str]:
    """Returns TF-GAN's Inception SavedModel and its directory in the cache."""
    try:
        # tensorflow_hub needs pkg_resources, which setuptools may lack.
        import tensorflow_hub as hub

        with _socket_timeout(_HUB_TIMEOUT):
            handle = tfgan_bridge.inception_handle()
            return hub.load(handle), hub.resolve(handle)
    except Exception as error:  # network, cache, imports: all end here
        raise UserError(
            "The Inception network cannot be had from TensorFlow Hub "
            f"({one_line(error)}). Pass --inception_path=<directory> with a "
            "SavedModel of tensorflow/tfgan/eval/inception/1."
        ) from error


def load_from_directory(path: str) -> Any:
    """Returns the SavedModel in `path`; raises `UserError` if none is."""
    import tensorflow as tf

    try:
        return tf.saved_model.load(path)
    except Exception as error:  # TensorFlow raises many kinds here
        raise UserError(
            f"--inception_path={path!r} must be a directory with a SavedModel "
            f"(saved_model.pb, variables/). Received: {one_line(error)}"
        ) from error


def as_callable(model: Any, source: str) -> Callable[[Any], Any]:
    """Returns a loaded SavedModel, or its serving signature, as a function."""
    if callable(model):
        return model
    if "serving_default" in getattr(model, "signatures", {}):
        return model.signatures["serving_default"]
    raise UserError(
        f"The SavedModel from {source} must be callable or have a "
        'signature "serving_default". Pass --inception_path=<directory> with '
        "tensorflow/tfgan/eval/inception/1."
    )


def sha256_of(directory: str) -> str:
    """Hashes graph, variables and assets: names and bytes, in sorted order."""
    import tensorflow as tf

    digest = hashlib.sha256()
    for name in sorted(_weight_files(directory)):
        digest.update(name.encode() + b"\0")
        with tf.io.gfile.GFile(os.path.join(directory, name), "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _weight_files(directory: str) -> Iterator[str]:
    # Other files (notes, .DS_Store) do not change what the network computes.
    import tensorflow as tf

    for folder, _, names in tf.io.gfile.walk(directory):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), directory)
            if path.startswith(("saved_model.pb", "variables", "assets")):
                yield path.replace(os.sep, "/")


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Bounds the wait of downloads that set no limit of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def one_line(error: BaseException) -> str:
    """Returns kind and message of an exception in at most one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"
