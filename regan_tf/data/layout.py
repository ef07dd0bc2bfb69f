"""From file names alone: which images, which split, which classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from regan_tf.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp")
TRAIN_FOLDER = "train"
TEST_FOLDERS = ("test", "val", "valid", "validation")  # the first found counts

Parts = tuple[str, ...]  # of a path: folders, then the file's name
Files = list[tuple[Parts, str]]  # and the name that the tree knows it by
# (class or None, the file's own name, the name that the tree knows it by)
Rows = list[tuple[str | None, str, str]]


@dataclass(frozen=True)
class SplitFiles:
    """The image files of one split.

    Attributes:
        names: as the tree gives them, in the order of `keys`.
        keys: sorted paths without any wrapping folder, the same for a folder
            and its zip.
        labels: class id of each file; None without class folders.
        class_names: sorted; () without labels.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]


def split_files(names: Sequence[str], split: str) -> SplitFiles | None:
    """Finds the images of a split; the layouts are those of `load_image_set`.

    Args:
        names: relative file names with "/", of any kind of file.
        split: "train" or "test".

    Returns:
        None without images of that split.

    Raises:
        UserError: images beside `train/` and `test/`, a test folder without a
            train folder, or a test class that is not a train class.
    """
    files = image_files(names)
    folders = _split_folders(files)
    if folders is None:
        return _with_classes(files, None) if split == "train" else None
    train_files, test_files = folders
    train = _with_classes(train_files, None)
    if split == "train" or train is None:
        return train
    return _with_classes(test_files, train.class_names)


def image_files(names: Sequence[str]) -> Files:
    """The images among `names`, below the folders that hold everything."""
    found = [(p, name) for name in names if (p := _image_parts(name))]
    return _unwrapped(found)


def split_of_rows(
    rows: Rows, class_names: tuple[str, ...], path: str
) -> SplitFiles:
    """Files whose keys are `<class>/<file>`, wherever they lie.

    Args:
        rows: every image of the split; each class out of `class_names`.
        class_names: sorted; () for a split without labels, keyed `<file>`.
        path: of the tree, for the message.

    Raises:
        UserError: two files with one key.
    """
    keyed = sorted(
        (f"{c}/{file}" if class_names else file, c, name)
        for c, file, name in rows
    )
    for (key, _, one), (next_key, _, other) in pairwise(keyed):
        if key == next_key:
            raise UserError(
                f"expected each image once in {path!r}. Received: "
                f"{some([one, other])}; give the folder of one of them"
            )
    ids = {c: i for i, c in enumerate(class_names)}
    labels = tuple(ids[c] for _, c, _ in keyed) if class_names else None
    names = tuple(name for *_, name in keyed)
    keys = tuple(key for key, *_ in keyed)
    return SplitFiles(names, keys, labels, class_names)


def no_images(path: str) -> str:
    """The message where a tree holds no image."""
    return f"no images in {path!r}. Expected files that end in " + ", ".join(
        IMAGE_SUFFIXES
    )


def some(names: Sequence[str]) -> str:
    """The first three names, in one line whatever they hold."""
    shown = ", ".join(ascii(name) for name in names[:3]) or "nothing"
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _image_parts(name: str) -> Parts | None:
    """Folders and name of an image; None for everything else.

    "." and ".." mean nothing here: nothing is written, whatever a zip says.
    """
    parts = tuple(p for p in name.split("/") if p not in ("", ".", ".."))
    hidden = any(p.startswith(".") or p == "__MACOSX" for p in parts)
    if hidden or not name.lower().endswith(IMAGE_SUFFIXES):
        return None
    return parts


def _unwrapped(files: Files) -> Files:
    """Drops folders that hold everything, but never a lone class folder."""
    while len({parts[0] for parts, _ in files}) == 1:
        depths = [len(parts) for parts, _ in files]
        top = files[0][0][0].lower()
        is_split = top in (TRAIN_FOLDER, *TEST_FOLDERS)
        if is_split or max(depths) <= 2 or min(depths) == 1:
            break
        files = [(parts[1:], name) for parts, name in files]
    return files


def _split_folders(files: Files) -> tuple[Files, Files] | None:
    """(train files, test files) below their folders; None without such."""
    tops = {p[0].lower() if len(p) > 1 else "." for p, _ in files}
    test_tops = [t for t in TEST_FOLDERS if t in tops]
    others = tops - {TRAIN_FOLDER, *TEST_FOLDERS}
    if TRAIN_FOLDER not in tops:
        if test_tops and not others:
            raise UserError(
                f"found a folder {test_tops[0]!r} but no folder 'train' "
                "beside it. Name the training images' folder 'train'"
            )
        return None
    if others:
        if not test_tops:  # "train" is then a class, as beside "bus"
            return None
        raise UserError(
            "found 'train' and a test folder, but also images outside them, "
            f"in {sorted(others)[0]!r}. Move those away or into one of them"
        )
    test_top = test_tops[0] if test_tops else None
    return _below(files, TRAIN_FOLDER), _below(files, test_top)


def _below(files: Files, top: str | None) -> Files:
    return [(p[1:], name) for p, name in files if p[0].lower() == top]


def _with_classes(
    files: Files, known: tuple[str, ...] | None
) -> SplitFiles | None:
    """Labels files by their first folder; `known` are the train classes."""
    if not files:
        return None
    files = sorted(files, key=lambda file: ("/".join(file[0]), file[1]))
    names = tuple(name for _, name in files)
    keys = tuple("/".join(parts) for parts, _ in files)
    has_classes = all(len(parts) > 1 for parts, _ in files) and known != ()
    if not has_classes:
        return SplitFiles(names, keys, None, ())
    found = tuple(sorted({parts[0] for parts, _ in files}))
    class_names = found if known is None else known
    unknown = [c for c in found if c not in class_names]
    if unknown:
        raise UserError(
            f"the test split has a class {unknown[0]!r} that the train split "
            f"lacks. Expected classes out of: {', '.join(class_names)}"
        )
    ids = {c: i for i, c in enumerate(class_names)}
    labels = tuple(ids[parts[0]] for parts, _ in files)
    return SplitFiles(names, keys, labels, class_names)
