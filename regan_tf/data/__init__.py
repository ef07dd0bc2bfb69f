"""Images for training: sources, subsets and the input pipeline.

The names load lazily: `import regan_tf.data` does not import TensorFlow,
which only `image_batches` and `shown_indices` (and Keras' CIFAR-10) need.
"""

from importlib import import_module
from typing import Any

_MODULE_OF = {
    "DATASETS": "known_sets",
    "ImageSet": "image_set",
    "StreamedImages": "image_set",
    "first_image_size": "sources",
    "image_batches": "pipeline",
    "load_image_set": "sources",
    "shown_indices": "pipeline",
    "subset_count": "subset",
    "subset_indices": "subset",
}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
