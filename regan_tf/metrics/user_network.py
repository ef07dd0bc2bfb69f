"""Any network of the user's as feature network: Keras file or SavedModel."""

import os
import re
import zipfile
from collections.abc import Callable
from typing import Any

from regan_tf.errors import UserError
from regan_tf.metrics.image_network import ImageNetwork
from regan_tf.metrics.resize import check_mode
from regan_tf.metrics.saved_model import (
    endpoint,
    load_from_directory,
    one_line,
    sha256_of,
)

_KERAS_FILES = (".keras", ".h5")


def load_feature_network(path: str, *, resize: str) -> ImageNetwork:
    """Loads a network that maps images to features.

    It takes float32 images (N, S, S, 3) in [-1, 1], or uint8 ones if its
    input says uint8. If S is fixed, images are resized to it; if it is open,
    they go in as they are. It returns floats: features (N, D), or maps
    (N, h, w, D), whose mean over h and w is taken; or a pair (features,
    logits); or a dict with "features" or "pool_3", and perhaps "logits".

    Called under `tf.device` it loads to that device and computes there.

    Args:
        path: a Keras file (.keras, .h5), which is loaded without running code
            from it, or the folder of a SavedModel: callable, from Keras 3's
            `model.export`, or with a "serving_default" signature, whose
            outputs without names ("output_0", "output_1") are a pair.
        resize: mode for a fixed S, see `regan_tf.metrics.resize`.

    Returns:
        The network. Its `name` is the folder's, or the file's without the
        ending, with "_" for all but letters, digits, "_" and "-"; `sha256` is
        that of the file, or as in `saved_model.sha256_of`; `resize` is the
        mode, or "none" if S is open; `num_classes` is None.

    Raises:
        UserError: nothing loadable there, or inputs or outputs (of grey
            images, tried out once) other than the above.
    """
    check_mode(resize)
    path = os.path.expanduser(path)
    what = f"--features={path!r}"
    is_folder = os.path.isdir(path)
    load = load_folder if is_folder else load_file
    model, inputs = load(path, what)
    size, dtype = image_input(inputs, what)
    name = os.path.basename(os.path.abspath(path))
    if not is_folder:
        name = os.path.splitext(name)[0]
    try:
        network = ImageNetwork(
            traced(model, size, dtype),
            name=re.sub(r"[^A-Za-z0-9_-]", "_", name),
            sha256=sha256_of(path),
            size=size,
            resize=resize,
            dtype=dtype,
        )
        network.try_out()
    except Exception as error:  # of TensorFlow, Keras and the network
        raise UserError(
            f"{what} must map images (N, {size or 'R'}, {size or 'R'}, 3), for "
            "any N, to float features (N, D) or (N, h, w, D), to a pair "
            '(features, logits), or to a dict with "features". '
            f"Received: {one_line(error)}. Save a network around it that does."
        ) from error
    return network


def traced(
    model: Callable[[Any], Any], size: int | None, dtype: str = "float32"
) -> Callable[[Any], Any]:
    """Returns `model` as a graph of images (N, `size`, `size`, 3), any N.

    Traced once, here, so that threads that call it only run it.
    """
    import tensorflow as tf

    spec = tf.TensorSpec((None, size, size, 3), dtype)
    function = tf.function(model, input_signature=[spec], autograph=False)
    graph = function.get_concrete_function()
    # Variables live as long as `model`, not as long as the graph.
    return lambda images, _owner=model: graph(images)


def load_folder(path: str, what: str) -> tuple[Callable, list[list]]:
    """Returns the function of a SavedModel and each trace's tensors."""
    import tensorflow as tf

    function, traces = endpoint(load_from_directory(path, what), what)
    return function, [
        [part for part in tf.nest.flatten(trace) if hasattr(part, "dtype")]
        for trace in traces
    ]


def load_file(path: str, what: str) -> tuple[Callable, list[list]]:
    """Returns the network in a Keras file and its inputs, as one trace."""
    import keras
    import tensorflow as tf

    exists = os.path.exists(path)
    if not exists or not path.endswith(_KERAS_FILES):
        raise UserError(
            f"{what} must be a Keras file ({', '.join(_KERAS_FILES)}) or a "
            "folder with a SavedModel. Received: "
            f"{'another kind of file' if exists else 'nothing there'}."
        )
    try:
        if path.endswith(".keras") and not zipfile.is_zipfile(path):
            raise ValueError("no zip archive")  # Keras says "File not found"
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        # Keras takes any N, even if it was built with a certain one.
        inputs = [
            tf.TensorSpec((None, *part.shape[1:]), part.dtype)
            for part in model.inputs
        ]
    except Exception as error:  # of zip, HDF5, JSON, Keras and layers
        raise UserError(
            f"{what} must be a file that Keras loads without code of yours, "
            f"with a known input shape. Received: {one_line(error)}. Save it "
            "by `model.export(folder)` and pass the folder."
        ) from error
    return lambda images: model(images, training=False), [inputs]


def image_input(traces: list[list], what: str) -> tuple[int | None, str]:
    """Returns size (None: open) and type of the images a network takes."""
    found = {_size_and_type(tensors) for tensors in traces}
    if len(found) != 1 or None in found:
        received = {
            " and ".join(f"{t.dtype.name} {t.shape}" for t in tensors)
            for tensors in traces
        }
        raise UserError(
            f"{what} must take one input, square float32 or uint8 images "
            "(N, S, S, 3), for any N. "
            f"Received: one that takes {' or '.join(sorted(received))}. "
            "Save a network around it that does."
        )
    return found.pop()


def _size_and_type(tensors: list) -> tuple[int | None, str] | None:
    """Returns None for inputs other than images, any number of them."""
    if len(tensors) != 1 or tensors[0].dtype.name not in ("float32", "uint8"):
        return None
    shape = tensors[0].shape
    if shape.rank not in (None, 4):
        return None
    count, height, width, channels = shape.with_rank(4)
    sizes = {height, width} - {None}
    if count is not None or channels not in (None, 3) or len(sizes) > 1:
        return None
    return sizes.pop() if sizes else None, tensors[0].dtype.name
