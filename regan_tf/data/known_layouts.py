"""The files of published data sets, in the layouts they are passed on in.

Nothing is decoded here: names and annotation files only. Folders that hold
everything, and what macOS and Windows leave behind, do not matter; keys are
built from classes and file names, so that every layout of a set, packed or
not, has the same fingerprint.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regan_tf.data.known_sets import FEW_SHOT_COUNTS, KNOWN_SETS
from regan_tf.data.layout import (
    TEST_FOLDERS,
    TRAIN_FOLDER,
    Files,
    SplitFiles,
    image_files,
    no_images,
    some,
    split_of_rows,
)
from regan_tf.data.tiny_imagenet import tiny_imagenet_files
from regan_tf.data.trees import FileTree
from regan_tf.errors import UserError

# Folders of Oxford Flowers that are no classes.
_NO_CLASSES = ("jpg", TRAIN_FOLDER, *TEST_FOLDERS)


@dataclass(frozen=True)
class KnownFiles:
    """What was found of a published set.

    Attributes:
        name: of the set: that of `KNOWN_SETS`, or of `FEW_SHOT_COUNTS`.
        files: of the split; None where the set has no such split.
        notes: lines for the user about what is not as published.
    """

    name: str
    files: SplitFiles | None
    notes: tuple[str, ...] = ()


def find_known(
    dataset: str, tree: FileTree, path: str, split: str
) -> KnownFiles:
    """Finds the images of a split of a published set.

    Args:
        dataset: a name of `KNOWN_SETS`.
        tree: the files.
        path: where they are: for messages, and what a few-shot set is known
            by.
        split: "train", or "test", which only Tiny-ImageNet has: its labelled
            validation images.

    Raises:
        UserError: no such set at `path`, or annotations that do not fit it.
    """
    images = image_files(tree.names)
    if not images:
        raise UserError(no_images(path))
    found = _FINDERS[dataset](images, tree, path, split)
    if found.files is None:
        return found
    known = KNOWN_SETS[dataset]
    expected = FEW_SHOT_COUNTS.get(found.name, known.counts.get(split))
    notes = [*found.notes, *_odd_counts(found, expected, known.num_classes)]
    prefix = f"{found.name} {split}: "
    return KnownFiles(found.name, found.files, tuple(prefix + n for n in notes))


def _odd_counts(
    found: KnownFiles, expected: int, num_classes: int
) -> Iterator[str]:
    count, classes = len(found.files.names), len(found.files.class_names)
    if count != expected:
        line = (
            f"warning: {count:,} images, the published set has {expected:,}; "
            "get it anew unless a part is meant"
        )
        if found.name.startswith("AnimalFace"):
            line += " (Table 5 of the paper swaps the counts of cat and dog)"
        yield line
    if classes and classes != num_classes:
        yield (
            f"warning: {classes} classes, the published set has "
            f"{num_classes}; get it anew unless a part is meant"
        )


def _oxford_flowers(
    images: Files, tree: FileTree, path: str, split: str
) -> KnownFiles:
    """All `image_?????.jpg`, whatever split they were put in: the paper
    scores against the training images. Labelled by class folders if all are
    in such; the segmentations that are published beside them are no images."""
    images = [f for f in images if not f[0][-1].startswith("segmim_")]
    _check_names(images, "oxford_flowers", "image_00001.jpg", path)
    if split == "test":
        return KnownFiles("oxford_flowers", None)
    rows = [(_class_folder(parts), parts[-1], name) for parts, name in images]
    classes = {c for c, _, _ in rows}
    if None not in classes and len(classes) > 1:
        files = split_of_rows(rows, tuple(sorted(classes)), path)
        return KnownFiles("oxford_flowers", files)
    note = (
        "no labels: they come from folders of classes; imagelabels.mat is not "
        "read"
    )
    return KnownFiles("oxford_flowers", split_of_rows(rows, (), path), (note,))


def _class_folder(parts: tuple[str, ...]) -> str | None:
    if len(parts) < 2 or parts[-2].lower() in _NO_CLASSES:
        return None
    return parts[-2]


def _ffhq(images: Files, tree: FileTree, path: str, split: str) -> KnownFiles:
    """All numbered images; folders of a thousand are no classes."""
    _check_names(images, "ffhq", "00000.png", path)
    rows = [(None, parts[-1], name) for parts, name in images]
    files = split_of_rows(rows, (), path) if split == "train" else None
    return KnownFiles("ffhq", files)


_NAMES = {
    "oxford_flowers": re.compile(r"image_\d{5}\.jpe?g", re.IGNORECASE),
    # "img00000000.png" is what NVIDIA's dataset_tool.py makes of it.
    "ffhq": re.compile(r"(\d{5}|img\d{8})\.\w+"),
}


def _check_names(images: Files, dataset: str, like: str, path: str) -> None:
    good = _NAMES[dataset].fullmatch
    strange = [name for parts, name in images if not good(parts[-1])]
    if strange or not images:
        raise UserError(
            f"--dataset={dataset} expects images named like {like} in "
            f"{path!r}. Received: {some(strange)}; give the folder or zip of "
            "that set alone, or pass --dataset=images"
        )


def _few_shot(
    images: Files, tree: FileTree, path: str, split: str
) -> KnownFiles:
    """One of `FEW_SHOT_COUNTS`, known by a folder within, else by the name of
    the folder or zip or of the one above. Folders are no classes."""
    inside = {
        next(filter(None, map(_few_shot_name, name.split("/")[:-1])), None)
        for _, name in images
    }
    if len(inside) > 1:
        tops = sorted({parts[0] for parts, _ in images})
        raise UserError(
            f"--dataset=few_shot expects one set in {path!r}. Received: "
            f"{some(tops)}; give the folder of one of them"
        )
    (name,) = inside
    name = name or few_shot_set(path)
    if name is None:
        raise UserError(
            "--dataset=few_shot knows a set by the name of its folder or zip: "
            f"{', '.join(FEW_SHOT_COUNTS)}. Received: {path!r}; name it so, or "
            "pass --dataset=images"
        )
    rows = [(None, parts[-1], name) for parts, name in images]
    files = split_of_rows(rows, (), path) if split == "train" else None
    return KnownFiles(name, files)


def few_shot_set(path: str) -> str | None:
    """The name in `FEW_SHOT_COUNTS` of the set at `path`, by that of the
    folder or zip or of the one above, which need not be there."""
    whole = Path(os.path.abspath(os.path.expanduser(path)))
    return _few_shot_name(whole.name) or _few_shot_name(whole.parent.name)


def _few_shot_name(word: str) -> str | None:
    """The set that a folder or zip like "100-shot-obama (1).zip" holds."""
    for name in FEW_SHOT_COUNTS:
        if _letters(word).startswith(_letters(name)):
            return name
    return None


def _letters(word: str) -> str:
    return re.sub("[^a-z0-9]", "", word.lower())


def _tiny_imagenet(
    images: Files, tree: FileTree, path: str, split: str
) -> KnownFiles:
    files = tiny_imagenet_files(images, tree, path, split)
    return KnownFiles("tiny_imagenet", files)


_FINDERS: dict[str, Callable[[Files, FileTree, str, str], KnownFiles]] = {
    "tiny_imagenet": _tiny_imagenet,
    "few_shot": _few_shot,
    "oxford_flowers": _oxford_flowers,
    "ffhq": _ffhq,
}
