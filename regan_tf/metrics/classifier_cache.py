"""Cache of trained classifiers: one directory each, written atomically."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence

import numpy as np

from regan_tf.errors import UserError

_WEIGHTS = "weights.npz"
_META = "meta.json"


def cache_key(parts: Mapping[str, object]) -> str:
    """Hashes everything a classifier depends on, to 16 hex digits."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def weights_sha256(weights: Sequence[np.ndarray]) -> str:
    """Hashes shapes, types and values of a network's weights, in order."""
    digest = hashlib.sha256()
    for weight in weights:
        digest.update(f"{weight.shape} {weight.dtype.str}\n".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def prepare(cache_dir: str) -> None:
    """Makes the cache directory; raises `UserError` if it cannot be written.

    Worth calling before training: minutes are lost when only saving fails.
    """
    try:
        os.makedirs(cache_dir, exist_ok=True)
        writable = os.access(cache_dir, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise UserError(
            "The cache directory must be writable. "
            f"Received: {cache_dir!r}. Choose another directory."
        )


def save(
    directory: str, weights: Sequence[np.ndarray], meta: Mapping[str, object]
) -> None:
    """Writes an entry under a temporary name and renames it in place."""
    temporary = f"{directory}.tmp-{uuid.uuid4().hex}"
    os.makedirs(temporary)
    try:
        np.savez(os.path.join(temporary, _WEIGHTS), *weights)
        record = {**meta, "sha256": weights_sha256(weights)}
        with open(os.path.join(temporary, _META), "w") as file:
            json.dump(record, file, indent=1)
        # Rename replaces no filled directory: a damaged entry goes first.
        shutil.rmtree(directory, ignore_errors=True)
        try:
            os.rename(temporary, directory)
        except OSError:
            if not os.path.isdir(directory):
                raise
            # Another process was faster; its entry has the same key.
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load(directory: str) -> tuple[list[np.ndarray], dict]:
    """Reads an entry back.

    Returns:
        The weights in order and the `meta` given to `save`, with "sha256".

    Raises:
        FileNotFoundError: no entry.
        ValueError: damaged (unreadable, or values unlike the stored hash).
    """
    if not os.path.isdir(directory):
        raise FileNotFoundError(directory)
    try:
        with open(os.path.join(directory, _META)) as file:
            meta = json.load(file)
        with np.load(os.path.join(directory, _WEIGHTS)) as arrays:
            weights = [arrays[name] for name in arrays.files]
        stored = meta["sha256"]
    except Exception as error:  # zip, json, key and file errors alike
        raise ValueError(f"unreadable: {error}") from error
    if stored != weights_sha256(weights):
        raise ValueError("weights differ from their hash")
    return weights, meta
