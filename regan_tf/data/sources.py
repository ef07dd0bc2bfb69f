"""Where images come from: digits, CIFAR-10, or the user's folder or zip."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from regan_tf.data.arrays import load_cifar10, load_digits
from regan_tf.data.decode import FORMATS, one_line
from regan_tf.data.image_set import ImageSet
from regan_tf.data.layout import IMAGE_SUFFIXES, split_files
from regan_tf.data.memory import default_memory_limit
from regan_tf.data.scan import check_skipped, scan_files
from regan_tf.data.trees import open_tree
from regan_tf.errors import UserError

DATASETS = ("digits", "cifar10", "images")
SPLITS = ("train", "test")


def load_image_set(
    dataset: str,
    *,
    path: str | None,
    resolution: int,
    split: str = "train",
    skip_bad_images: bool = False,
    memory_limit: int | None = None,
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

    Args:
        dataset: one of `DATASETS`. "digits" are scikit-learn's 1,797 digits,
            split 80% to 20% with the same share of each class. "cifar10"
            comes from Keras, or from `path` where that is given.
        path: folder or zip of JPEG, PNG, WebP or BMP files: needed for
            "images", refused for "digits".
        resolution: side of the loaded images in pixels, at least 1.
        split: "train" or "test".
        skip_bad_images: leaves files that cannot be used out, listed in
            `skipped`, instead of raising.
        memory_limit: bytes; a set that takes more is decoded each time it is
            read. None: 40% of the memory available now.

    Returns:
        The images as uint8; None where the source has no test split.

    Raises:
        UserError: any of this wrong, or files missing, unreadable or bad.
    """
    _check_arguments(dataset, path, resolution, split, memory_limit)
    if memory_limit is None:
        memory_limit = default_memory_limit()
    if path is not None:
        name = dataset if dataset == "cifar10" else _name_of(path)
        return _load_files(
            name,
            path,
            resolution=resolution,
            split=split,
            skip_bad_images=skip_bad_images,
            memory_limit=memory_limit,
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
    if dataset == "images" and not path:
        raise UserError(
            "the dataset 'images' needs a folder or zip of images. "
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
    name: str,
    path: str,
    *,
    resolution: int,
    split: str,
    skip_bad_images: bool,
    memory_limit: int,
) -> ImageSet | None:
    tree = open_tree(path)
    if split_files(tree.names, "train") is None:
        raise UserError(_no_images(path))
    files = split_files(tree.names, split)
    if files is None:
        return None
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


def first_image_size(path: str) -> tuple[int, int]:
    """Width and height in pixels of the first image under `path`.

    Raises:
        UserError: nothing there, or the image cannot be read.
    """
    tree = open_tree(path)
    files = split_files(tree.names, "train")
    if files is None:
        raise UserError(_no_images(path))
    try:
        data = io.BytesIO(tree.read(files.names[0]))
        with Image.open(data, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # Pillow raises many kinds on bad files
        raise UserError(
            f"{files.names[0]!r} in {path!r} cannot be read: {one_line(error)}"
        ) from None


def _no_images(path: str) -> str:
    return f"no images in {path!r}. Expected files that end in " + ", ".join(
        IMAGE_SUFFIXES
    )
