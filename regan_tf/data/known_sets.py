"""What is known of the data sets that have a name: plain data.

Importable without NumPy, for the command line. `regan_tf.data.known_layouts`
finds their files, docs/datasets.md says where to get them.
"""

from dataclasses import dataclass

CIFAR10_SIDE = 32  # also the default for images of one's own


@dataclass(frozen=True)
class KnownSet:
    """A published set that the user downloads.

    Attributes:
        resolution: side in pixels that the paper trains at.
        counts: images of each split, where one number holds for the set.
        num_classes: with labels; 0 for a set without.
    """

    resolution: int
    counts: dict[str, int]
    num_classes: int = 0


KNOWN_SETS = {
    "tiny_imagenet": KnownSet(64, {"train": 100_000, "test": 10_000}, 200),
    "few_shot": KnownSet(256, {}),  # see FEW_SHOT_COUNTS
    "oxford_flowers": KnownSet(256, {"train": 8_189}, 102),
    "ffhq": KnownSet(1024, {"train": 70_000}),
}

# By the names of the folders and zips they come in. The paper's Table 5 prints
# 389 cats and 160 dogs; the set's publishers say 160 cats and 389 dogs.
FEW_SHOT_COUNTS = {
    "100-shot-obama": 100,
    "100-shot-grumpy_cat": 100,
    "100-shot-panda": 100,
    "AnimalFace-cat": 160,
    "AnimalFace-dog": 389,
}

DATASETS = ("digits", "cifar10", "images", *KNOWN_SETS)
NEED_PATH = ("images", *KNOWN_SETS)


def default_resolution(dataset: str) -> int:
    """Side in pixels where the user names none; 32 for unpublished sets."""
    known = KNOWN_SETS.get(dataset)
    return CIFAR10_SIDE if known is None else known.resolution
