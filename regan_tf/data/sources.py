"""Where images come from: digits, CIFAR-10, or the user's folder or zip."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from regan_tf.data.arrays import load_cifar10, load_digits
from regan_tf.data.decode import FORMATS, one_line
from regan_tf.data.image_set import ImageSet
from regan_tf.data.known_layouts import find_known
from regan_tf.data.known_sets import DATASETS, KNOWN_SETS, NEED_PATH
from regan_tf.data.layout import SplitFiles, no_images, split_files
from regan_tf.data.memory import default_memory_limit
from regan_tf.data.scan import check_skipped, scan_files
from regan_tf.data.trees import FileTree, open_tree
from regan_tf.errors import UserError

SPLITS = ("train", "test")


def load_image_set(
    dataset: str,
    *,
    path: str | None,
    resolution: int,
    split: str = "train",
    skip_bad_images: bool = False,
    memory_limit: int | None = None,
    say: Callable[[str], None] = print,
) -> ImageSet | None:
    """Loads one split, every image cut to its centred square and scaled.

    Scaling is Pillow's bicubic filter with antialiasing; see
    `regan_tf.data.decode` for the kinds of files and what becomes of
    transparency, 16-bit grey and Exif rotation.

    The images under `path` may lie flat (no labels), in one folder for each
    class, or in `train/` and `test/` (else `val/`, `valid/` or `validation/`;
    of several the first in this order), each flat or with class folders; all
    that also inside one wrapping folder. Some images above and some in
    folders: no labels. Classes are sorted by name; those of the test split
    must occur in the train split, and are ignored if that has none.

    The layouts of the published sets of `KNOWN_SETS` are in docs/datasets.md;
    where their numbers are not the published ones, a line says so.

    Args:
        dataset: one of `DATASETS`. "digits" are scikit-learn's 1,797 digits,
            split 80% to 20% with the same share of each class. "cifar10"
            comes from Keras, or from `path` where that is given. "images"
            are any; the others are published sets.
        path: folder or zip of JPEG, PNG, WebP or BMP files: refused for
            "digits", and needed for all others but "cifar10".
        resolution: side of the loaded images in pixels, at least 1.
        split: "train" or "test".
        skip_bad_images: leaves files that cannot be used out, listed in
            `skipped`, instead of raising.
        memory_limit: bytes; a set that takes more is decoded each time it is
            read. None: 40% of the memory available now.
        say: gets a line about each thing that is not as published.

    Returns:
        The images as uint8; None where the source has no test split.

    Raises:
        UserError: any of this wrong, or files missing, unreadable or bad.
    """
    _check_arguments(dataset, path, resolution, split, memory_limit)
    if memory_limit is None:
        memory_limit = default_memory_limit()
    if path is not None:
        return _load_files(
            dataset,
            path,
            resolution=resolution,
            split=split,
            skip_bad_images=skip_bad_images,
            memory_limit=memory_limit,
            say=say,
        )
    load = load_digits if dataset == "digits" else load_cifar10
    return load(split, resolution, memory_limit)


def _check_arguments(
    dataset: str,
    path: str | None,
    resolution: int,
    split: str,
    memory_limit: int | None,
) -> None:
    if dataset not in DATASETS:
        raise UserError(
            f"`dataset` must be one of {', '.join(DATASETS)}. "
            f"Received: {dataset!r}"
        )
    if split not in SPLITS:
        raise UserError(f"`split` must be train or test. Received: {split!r}")
    if resolution < 1:
        raise UserError(
            f"`resolution` must be at least 1. Received: {resolution}"
        )
    if memory_limit is not None and memory_limit < 0:
        raise UserError(
            f"`memory_limit` must be at least 0 bytes. Received: {memory_limit}"
        )
    if dataset in NEED_PATH and not path:
        raise UserError(
            f"the dataset {dataset!r} needs a folder or zip of images. "
            "Give one by --data_path"
        )
    if dataset == "digits" and path is not None:
        raise UserError(
            "the dataset 'digits' comes with scikit-learn and takes no "
            f"--data_path. Received: {path!r}. Leave it out, or use 'images'"
        )


def _name_of(path: str) -> str:
    """The zip's name without its suffix, or the folder's name."""
    absolute = Path(os.path.abspath(os.path.expanduser(path)))
    return absolute.name if absolute.is_dir() else absolute.stem


def _load_files(
    dataset: str,
    path: str,
    *,
    resolution: int,
    split: str,
    skip_bad_images: bool,
    memory_limit: int,
    say: Callable[[str], None],
) -> ImageSet | None:
    tree = open_tree(path)
    name, files, notes = _find(dataset, tree, path, split)
    if files is None:
        return None
    for note in notes:
        say(note)
    if dataset in KNOWN_SETS and split == "train":
        _say_if_enlarged(tree, files.names[0], path, resolution, say)
    total = len(files.names)
    in_memory = total * resolution**2 * 3 <= memory_limit
    scanned = scan_files(tree, files, resolution, in_memory)
    check_skipped(scanned.skipped, total, path, skip_bad_images)
    labels = None
    if files.labels is not None:
        labels = np.array(files.labels, np.int32)[scanned.kept]
    return ImageSet(
        name,
        split,
        scanned.images,
        labels,
        files.class_names,
        scanned.fingerprint,
        scanned.skipped,
    )


def _find(
    dataset: str, tree: FileTree, path: str, split: str
) -> tuple[str, SplitFiles | None, tuple[str, ...]]:
    """The set's name, the files of a split, and what to say about them."""
    if dataset in KNOWN_SETS:
        found = find_known(dataset, tree, path, split)
        return found.name, found.files, found.notes
    if split_files(tree.names, "train") is None:
        raise UserError(no_images(path))
    name = dataset if dataset == "cifar10" else _name_of(path)
    return name, split_files(tree.names, split), ()


def _say_if_enlarged(
    tree: FileTree,
    name: str,
    path: str,
    resolution: int,
    say: Callable[[str], None],
) -> None:
    """A set passed on at a smaller size than the paper's loads all the same."""
    try:
        width, height = _image_size(tree, name, path)
    except UserError:
        return  # the scan names it, with all other bad files
    if min(width, height) < resolution:
        say(
            f"warning: the images in {path!r}, the first of {width}×{height}, "
            f"are enlarged to {resolution}×{resolution}"
        )


def first_image_size(path: str) -> tuple[int, int]:
    """Width and height in pixels of the first image under `path`.

    Raises:
        UserError: nothing there, or the image cannot be read.
    """
    tree = open_tree(path)
    files = split_files(tree.names, "train")
    if files is None:
        raise UserError(no_images(path))
    return _image_size(tree, files.names[0], path)


def _image_size(tree: FileTree, name: str, path: str) -> tuple[int, int]:
    try:
        data = io.BytesIO(tree.read(name))
        with Image.open(data, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # Pillow raises many kinds on bad files
        raise UserError(
            f"{name!r} in {path!r} cannot be read: {one_line(error)}"
        ) from None
