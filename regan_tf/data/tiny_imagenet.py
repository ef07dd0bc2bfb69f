"""Tiny-ImageNet as Stanford's CS231n course passes it on.

`train/<class>/images/*.JPEG` and `val/images/*.JPEG`, whose classes are in
`val/val_annotations.txt`; or `val/<class>/` as people sort it.
"""

from regan_tf.data.decode import BadImageError
from regan_tf.data.layout import (
    TRAIN_FOLDER,
    Files,
    Rows,
    SplitFiles,
    some,
    split_of_rows,
)
from regan_tf.data.trees import FileTree
from regan_tf.errors import UserError

_VAL_FOLDER = "val"
_ANNOTATIONS = "val_annotations.txt"


def tiny_imagenet_files(
    images: Files, tree: FileTree, path: str, split: str
) -> SplitFiles:
    """The images of "train", or of "val" as the test split.

    Labelled by folder below `train/`, and by annotations or folders below
    `val/`. The unlabelled test images, and anything else, are passed over.

    Args:
        images: from `image_files`.
        tree: where the annotations are.
        path: of the tree, for messages.
        split: "train" or "test".

    Raises:
        UserError: another layout, or annotations missing, unreadable or not
            of these images and classes.
    """
    train = _below(TRAIN_FOLDER, images)
    val = _below(_VAL_FOLDER, images)
    if not train or not val or any(len(parts) < 3 for parts, _ in train):
        tops = sorted({"/".join(parts[:2]) for parts, _ in images})
        raise UserError(
            f"--dataset=tiny_imagenet expects train/<class>/images/ and val/ "
            f"in {path!r}. Received: {some(tops)}; give the folder that "
            "holds train/ and val/, usually tiny-imagenet-200, or the zip"
        )
    class_names = tuple(sorted({parts[1] for parts, _ in train}))
    if split == "train":
        rows = [(parts[1], parts[-1], name) for parts, name in train]
    else:
        rows = _validation_rows(val, tree, class_names)
    return split_of_rows(rows, class_names, path)


def _below(folder: str, images: Files) -> Files:
    return [f for f in images if len(f[0]) > 1 and f[0][0].lower() == folder]


def _validation_rows(
    val: Files, tree: FileTree, class_names: tuple[str, ...]
) -> Rows:
    """Labelled by class folders where someone sorted the images into them,
    else by `val/val_annotations.txt` as published."""
    classes = set(class_names)
    if all(len(parts) > 2 and parts[1] in classes for parts, _ in val):
        return [(parts[1], parts[-1], name) for parts, name in val]
    parts, name = val[0]
    folder = "/".join(name.split("/")[: 1 - len(parts)])
    listed = f"{folder}/{_ANNOTATIONS}"
    class_of = _annotations(tree, listed, classes)
    rows = [(class_of.get(p[-1]), p[-1], name) for p, name in val]
    for c, _, name in rows:
        if c is None:
            raise UserError(
                f"{listed!r} must name the class of every image beside it. "
                f"Received: no line for {name!r}; get the set anew"
            )
    missing = sorted(class_of.keys() - {file for _, file, _ in rows})
    if missing:
        raise UserError(
            f"{listed!r} must name images that are there. Received: "
            f"{some(missing)}, without such a file; get the set anew"
        )
    return rows


def _annotations(
    tree: FileTree, listed: str, classes: set[str]
) -> dict[str, str]:
    """{file: class} of lines "val_0.JPEG n03444034 0 32 44 62"."""
    if listed not in tree.names:
        raise UserError(
            "--dataset=tiny_imagenet takes the classes of val/ from "
            f"{listed!r}. Received: no such file; put it there, or sort val/ "
            "into class folders"
        )
    try:
        text = tree.read(listed).decode("utf-8", "replace")
    except BadImageError as error:
        raise UserError(
            f"{listed!r} cannot be read: {error}. Get the set anew"
        ) from error
    class_of = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < 2 or words[1] not in classes:
            raise UserError(
                f"line {number} of {listed!r} must be a file, then a class "
                f"out of train/. Received: {line[:60]!r}; get the set anew"
            )
        class_of[words[0]] = words[1]
    return class_of
