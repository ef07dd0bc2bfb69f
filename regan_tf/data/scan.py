"""Reads every image file once before training, and keeps what fits."""

import zlib
from dataclasses import dataclass

import numpy as np

from regan_tf.data.decode import BadImageError, decode_image
from regan_tf.data.image_set import StreamedImages, fingerprint_of
from regan_tf.data.layout import SplitFiles
from regan_tf.data.threads import map_in_threads
from regan_tf.data.trees import FileTree
from regan_tf.errors import UserError

NAMED_BAD_IMAGES = 5  # in the error; `ImageSet.skipped` names all


@dataclass(frozen=True)
class ScannedFiles:
    """The sound files of one split, decoded or ready to be.

    Attributes:
        images: uint8, shape `(N, R, R, 3)`.
        kept: int64 of shape `(N,)`, positions in the split's list of files.
        skipped: "path: reason" of the other files.
        fingerprint: SHA-256 in hex over paths, sizes, checksums, resolution.
    """

    images: np.ndarray | StreamedImages
    kept: np.ndarray
    skipped: tuple[str, ...]
    fingerprint: str


def scan_files(
    tree: FileTree, files: SplitFiles, resolution: int, in_memory: bool
) -> ScannedFiles:
    """Decodes all files, in threads; the bad ones are listed, not raised."""
    total = len(files.names)
    shape = (total, resolution, resolution, 3)
    images = np.empty(shape, np.uint8) if in_memory else None

    def scan_one(i: int) -> tuple[int, int] | str:
        """(bytes, checksum) of a sound file; the reason for a bad one."""
        try:
            data = tree.read(files.names[i])
            image = decode_image(data, resolution)
        except BadImageError as error:
            return str(error)
        if images is not None:
            images[i] = image
        return len(data), zlib.crc32(data)

    found = map_in_threads(scan_one, range(total))
    skipped = [
        # One line whatever the name holds: newlines, bytes that are no text.
        f"{files.names[i].encode('unicode_escape').decode()}: {reason}"
        for i, reason in enumerate(found)
        if isinstance(reason, str)
    ]
    kept = [i for i, result in enumerate(found) if not isinstance(result, str)]
    marks = [(files.keys[i], *found[i]) for i in kept]
    if images is None:
        checksums = [0 if isinstance(f, str) else f[1] for f in found]
        images = _streamed(tree, files.names, checksums, kept, resolution)
    elif skipped:
        images = _keep_rows(images, kept)
    return ScannedFiles(
        images,
        np.array(kept, np.int64),
        tuple(skipped),
        fingerprint_of("files", resolution, *map(repr, marks)),
    )


def _keep_rows(images: np.ndarray, kept: list[int]) -> np.ndarray:
    """`images[kept]` in place: a copy could be too much for the memory."""
    for new, old in enumerate(kept):
        images[new] = images[old]
    return images[: len(kept)]


def _streamed(
    tree: FileTree,
    names: tuple[str, ...],
    checksums: list[int],
    kept: list[int],
    resolution: int,
) -> StreamedImages:
    def decode(position: int) -> np.ndarray:
        name = names[position]
        try:
            data = tree.read(name)
            if zlib.crc32(data) != checksums[position]:
                raise BadImageError("other content")
            return decode_image(data, resolution)
        except BadImageError as error:
            raise UserError(
                f"{name!r} has changed since the start: {error}. Put the old "
                "file back, or start again"
            ) from error

    return StreamedImages(decode, np.array(kept, np.int64), resolution)


def check_skipped(
    skipped: tuple[str, ...], total: int, path: str, allowed: bool
) -> None:
    """Refuses bad files that were not allowed, or that are all there is.

    Raises:
        UserError: names the first five, with their reasons.
    """
    if not skipped or (allowed and len(skipped) < total):
        return
    more = len(skipped) - NAMED_BAD_IMAGES
    named = "; ".join(skipped[:NAMED_BAD_IMAGES])
    remedy = (
        "None is left to train on"
        if allowed
        else "Mend or remove them, or leave them out by --skip_bad_images"
    )
    raise UserError(
        f"{len(skipped)} of {total} images in {path!r} cannot be used: {named}"
        + (f"; and {more} more. " if more > 0 else ". ")
        + remedy
    )
