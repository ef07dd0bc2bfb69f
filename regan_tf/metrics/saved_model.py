"""SavedModels of feature networks, from a directory or TensorFlow Hub."""

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


def load_from_directory(path: str, what: str) -> Any:
    """Returns the SavedModel in `path`; raises `UserError` if none is.

    Args:
        path: the directory.
        what: how the message calls it, e.g. "--inception_path='nets/a'".
    """
    import tensorflow as tf

    try:
        return tf.saved_model.load(path)
    except Exception as error:  # TensorFlow raises many kinds here
        raise UserError(
            f"{what} must be a directory with a SavedModel "
            f"(saved_model.pb, variables/). Received: {one_line(error)}."
        ) from error


def endpoint(
    model: Any, what: str
) -> tuple[Callable[[Any], Any], list[tuple[Any, Any]]]:
    """Returns the function of a loaded SavedModel, and what it takes.

    Args:
        model: is callable with a tensor, or has such a function `serve`
            (Keras 3's `model.export`), or a signature "serving_default";
            the first of these counts.
        what: how the message calls it.

    Returns:
        The function, which keeps `model` and so its variables alive, and
        for each trace its (args, kwargs), a `tf.TensorSpec` for each tensor.

    Raises:
        UserError: none of the three.
    """
    import tensorflow as tf

    for name in ("__call__", "serve"):
        function = getattr(model, name, None)
        traces = [
            concrete.structured_input_signature
            for concrete in getattr(function, "concrete_functions", [])
        ]
        # One that wants its tensor by name, or in a dict, has a signature.
        traces = [
            (args, kwargs)
            for args, kwargs in traces
            if args and isinstance(args[0], tf.TensorSpec)
        ]
        if traces:
            return _owned(function, model), traces
    signatures = getattr(model, "signatures", {})
    if "serving_default" in signatures:
        function = signatures["serving_default"]
        return _owned(function, model), [function.structured_input_signature]
    raise UserError(
        f"{what} must be callable with a tensor or have a signature "
        '"serving_default". Received: neither. Save it with an '
        "`input_signature`, or as Keras's `model.export` does."
    )


def _owned(function: Callable[[Any], Any], model: Any) -> Callable[[Any], Any]:
    # A loaded function does not keep alive the variables it reads.
    return lambda images, _owner=model: function(images)


def sha256_of(path: str) -> str:
    """Hashes a file, or a SavedModel's graph, variables and assets.

    Of a directory: names and bytes, in sorted order; of a file, its bytes.
    """
    import tensorflow as tf

    digest = hashlib.sha256()
    if not tf.io.gfile.isdir(path):
        _add_file(digest, path)
        return digest.hexdigest()
    for name in sorted(_weight_files(path)):
        digest.update(name.encode() + b"\0")
        _add_file(digest, os.path.join(path, name))
    return digest.hexdigest()


def _add_file(digest: Any, path: str) -> None:
    import tensorflow as tf

    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)


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
    """Returns kind and message of an exception in at most one line.

    Without the full stop, so that it can stand in a sentence.
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}".rstrip(" .:")
