"""Masks and weights of both networks in .npz files.

An array's name is its network and its variable's path, such as
"generator/up1_conv1/kernel": both networks may have a layer of one name.
Importable without TensorFlow.
"""

import dataclasses
import hashlib
import io

import numpy as np

from regan_tf.errors import UserError
from regan_tf.train.run_dir import write_atomically, writing


def named_weights(model):
    """The variables of a network but its masks, by name.

    Args:
        model: built `keras.Model`; its name is the network's.

    Returns:
        Dict of "<network>/<path>" to variable.
    """
    return {
        f"{model.name}/{v.path}": v
        for v in model.variables
        if not v.path.endswith("kernel_mask")
    }


def save_arrays(path, arrays):
    """Writes a dict of names to arrays, under a temporary name first.

    Raises:
        UserError: the file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with writing(path):
        write_atomically(path, buffer.getvalue())


def load_arrays(path, flag, shapes):
    """Reads what `save_arrays` wrote.

    Args:
        path: of the file.
        flag: that it comes from.
        shapes: dict of name to shape that the file must have, all of them
            and no other.

    Returns:
        Dict of name to array, in order of `shapes`.

    Raises:
        UserError: no such file, or others are in it.
    """
    arrays = _read(path, flag)
    missing = [n for n in shapes if n not in arrays]
    unknown = [n for n in arrays if n not in shapes]
    expected = f"--{flag} must hold an array for each of {len(shapes)} names"
    if missing:
        raise UserError(f"{expected}. Received: {path!r} without {missing[0]}")
    if unknown:
        raise UserError(
            f"{expected} and for no other. Received: {path!r} with "
            f"{unknown[0]}, which is none of them"
        )
    for name, shape in shapes.items():
        found = arrays[name].shape
        if found != tuple(shape):
            raise UserError(
                f"--{flag} must fit the networks. Received: {path!r} with "
                f"{name} of shape {found} instead of {tuple(shape)}"
            )
    return {name: arrays[name] for name in shapes}


def load_masks(path, shapes):
    """Reads the masks of kernels: bool, True keeps an entry.

    Args:
        path, shapes: as for `load_arrays`.

    Raises:
        UserError: as `load_arrays`, or entries other than 0 and 1.
    """
    masks = load_arrays(path, "masks", shapes)
    for name, mask in masks.items():
        _check_binary(mask, name, path)
    return {name: mask.astype(bool) for name, mask in masks.items()}


def _check_binary(mask, name, path):
    if not np.isin(mask, (0, 1)).all():
        raise UserError(
            "--masks must hold zeros and ones. Received: "
            f"{path!r} with other entries in {name}"
        )


def load_weights(path, shapes):
    """Reads the weights that a run starts from: float32.

    Args:
        path, shapes: as for `load_arrays`.

    Raises:
        UserError: as `load_arrays`, or values that are no finite numbers.
    """
    arrays = load_arrays(path, "initial_weights", shapes)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UserError(
                "--initial_weights must hold finite numbers. Received: "
                f"{path!r} with others in {name}"
            )
    return {name: a.astype("float32") for name, a in arrays.items()}


def contents(method):
    """Hashes of what the files of a `MethodConfig` hold, by setting.

    What a resume compares: the files may lie elsewhere by then.

    Raises:
        UserError: a file cannot be read.
    """
    return {
        f"method.{flag}_content": _digest(_read(getattr(method, flag), flag))
        for flag in ("masks", "initial_weights")
        if getattr(method, flag)
    }


def with_measured_sparsity(config):
    """`config` with the sparsity that its masks have, where it has any.

    Args:
        config: an `ExperimentConfig`.

    Raises:
        UserError: the masks cannot be read, or remove nothing or everything.
    """
    path = config.method.masks
    if path is None:
        return config
    masks = _read(path, "masks")
    for name, mask in masks.items():
        _check_binary(mask, name, path)
    size = sum(mask.size for mask in masks.values())
    kept = sum(int(np.count_nonzero(mask)) for mask in masks.values())
    if not 0 < kept < size:
        raise UserError(
            "--masks must keep some entries and remove others. Received: "
            f"{path!r}, which keeps {kept:,} of {size:,}"
        )
    # As a decimal fraction, so that 0.2 is told and recorded as that.
    sparsity = round(1 - kept / size, 12)
    method = dataclasses.replace(config.method, sparsity=sparsity)
    return dataclasses.replace(config, method=method)


def _read(path, flag):
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # numpy and zipfile raise many kinds here
        reason = (str(error) or repr(error)).splitlines()[0][:200]
        raise UserError(
            f"--{flag} must be an .npz file of arrays. Received: {path!r} "
            f"({reason})"
        ) from None
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise UserError(
                f"--{flag} must hold numbers. Received: {path!r} with "
                f"{name} of dtype {array.dtype}"
            )
    return arrays


def _digest(arrays):
    """A hash of names and values, whatever the file's order and dtypes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.astype("<f4").tobytes())
    return digest.hexdigest()
