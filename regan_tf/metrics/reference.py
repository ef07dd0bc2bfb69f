"""Features of real images, computed once and cached under their key."""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from regan_tf.data.image_set import ImageSet
from regan_tf.metrics.collect import FeatureSet, collect
from regan_tf.metrics.features import FeatureNetwork
from regan_tf.metrics.frechet import GaussianStatistics

_FORMAT = 1  # raise it with anything that changes what is stored


def draw(total: int, count: int) -> np.ndarray:
    """`count` sorted numbers below `total`, always the same; all if fewer."""
    if total <= count:
        return np.arange(total)
    # RandomState and not default_rng: its streams never change with NumPy.
    return np.sort(np.random.RandomState(0).permutation(total)[:count])


def reference_features(
    images: ImageSet,
    networks: Sequence[FeatureNetwork],
    *,
    max_rows: int,
    cache_dir: str | None = None,
    say: Callable[[str], None] = print,
) -> FeatureSet:
    """Features of a set of real images, from the cache where they are.

    The entry `<cache_dir>/reference-<hash of its key>.npz` holds its key: the
    images' fingerprint and number, the network's name, hash and resize mode,
    and the rows kept. It is written under a temporary name, then renamed;
    one that is damaged or holds another key is computed anew.

    Args:
        images: the set.
        networks: copies of one network, one a device.
        max_rows: most images whose features are kept, drawn by `draw`.
        cache_dir: None caches nothing. Made if missing.
        say: gets a line per event.

    Raises:
        UserError: features that are not finite, or images of a wrong kind.
    """
    key = _key(images, networks[0], max_rows)
    text = json.dumps(key, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = os.path.join(cache_dir, f"reference-{name}.npz") if cache_dir else ""
    found = _load(path, text, say) if path else None
    if found is not None:
        return found
    source = _source(images)
    result = collect(
        networks,
        [source] * len(networks),
        len(images),
        resolution=images.images.shape[1],
        rows=draw(len(images), max_rows),
        progress=f"{networks[0].name} features of {images.name} {images.split}",
    )
    if path:
        _save(path, text, result, say)
    return result


def _source(images: ImageSet) -> Callable[[int, int], np.ndarray]:
    return lambda count, start: images.images[start : start + count]


def _key(
    images: ImageSet, network: FeatureNetwork, max_rows: int
) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "images": images.fingerprint,
        "count": len(images),
        "resolution": images.images.shape[1],
        "network": network.name,
        "feature_sha256": network.sha256,
        "resize": network.resize,
        "max_rows": max_rows,
    }


def _load(path: str, key: str, say: Callable[[str], None]) -> FeatureSet | None:
    """The entry at `path`; None where there is none or it is of no use."""
    if not os.path.exists(path):
        return None
    try:
        with np.load(path) as arrays:
            stored = str(arrays["key"])
            statistics = GaussianStatistics.of(arrays)
            rows, counts = arrays["rows"], arrays["class_counts"]
        width = len(statistics.total)
        if stored != key:
            raise ValueError("it is of something else")
        if rows.ndim != 2 or rows.shape[1] != width or rows.dtype.kind != "f":
            raise ValueError("its features have another width")
    except Exception as error:  # zip, key, shape, type and file errors alike
        say(f"cached {path} is damaged ({error}), computing it anew")
        return None
    return FeatureSet(statistics, rows, counts if counts.size else None)


def _save(
    path: str, key: str, result: FeatureSet, say: Callable[[str], None]
) -> None:
    """Caches a result; without room for it the score stands all the same."""
    temporary = f"{path}.tmp-{uuid.uuid4().hex}"
    counts = result.class_counts
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            np.savez(
                file,
                key=key,
                rows=result.rows,
                class_counts=np.zeros(0) if counts is None else counts,
                **vars(result.statistics),
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        say(f"features of the reference are not cached: {error}")
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
