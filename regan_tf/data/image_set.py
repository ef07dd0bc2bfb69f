"""The record of a loaded image set, in memory or decoded on demand."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from regan_tf.data.threads import map_in_threads
from regan_tf.errors import UserError


class StreamedImages:
    """Images decoded each time they are read, for sets larger than memory.

    Reads like a uint8 array of shape `(N, R, R, 3)`, by an int (giving
    `(R, R, 3)`, as NumPy does), a slice or an index array (giving
    `(n, R, R, 3)`), with the same pixels as the array in memory. May be read
    by several threads at once.

    Args:
        decode: gives the uint8 `(R, R, 3)` image of a source position, and
            must be thread-safe.
        positions: integer array of shape `(N,)`, the positions held.
        resolution: R, in pixels.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        decode: Callable[[int], np.ndarray],
        positions: np.ndarray,
        resolution: int,
    ) -> None:
        self._decode = decode
        self._positions = np.asarray(positions, np.int64)
        self._resolution = resolution

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (len(self), self._resolution, self._resolution, 3)

    @property
    def nbytes(self) -> int:
        """Bytes that all images together would take in memory."""
        return len(self) * self._resolution**2 * 3

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, key: Any) -> np.ndarray:
        wanted = self._positions[key]
        images = np.empty((wanted.size, *self.shape[1:]), np.uint8)
        flat = wanted.ravel()

        def fill(row: int) -> None:
            images[row] = self._decode(int(flat[row]))

        map_in_threads(fill, range(len(flat)))
        return images.reshape(*wanted.shape, *self.shape[1:])

    def take(self, indices: np.ndarray) -> "StreamedImages":
        """The images at `indices`, still streamed."""
        chosen = self._positions[indices]
        return StreamedImages(self._decode, chosen, self._resolution)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one split, at one resolution.

    Attributes:
        name: of the published set, else of the folder or zip.
        split: "train" or "test".
        images: uint8, shape `(N, R, R, 3)`, RGB in 0..255.
        labels: int32 of shape `(N,)`, ids into `class_names`; None without.
        class_names: sorted for folders; () without labels. A test split has
            the names of its train split.
        fingerprint: SHA-256 in hex; changes with the images' content, their
            order or the resolution.
        skipped: "path: reason" for each file that was left out.
    """

    name: str
    split: str
    images: np.ndarray | StreamedImages
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    fingerprint: str
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def of_classes(self, names: tuple[str, ...]) -> "ImageSet":
        """The images of some classes; all of them for ().

        Args:
            names: of `class_names`.

        Raises:
            UserError: a name that no class has, no classes, or no images of
                these.
        """
        rows = self.rows_of(names)
        if not len(rows):
            raise UserError(
                f"--classes must name classes that {self.name}, {self.split} "
                f"split, has images of. Received: {', '.join(names)}"
            )
        return self.take(rows) if names else self

    def rows_of(self, names: tuple[str, ...]) -> np.ndarray:
        """Indices of the images of some classes, ascending; of all for ().

        Raises:
            UserError: as of `of_classes`.
        """
        if not names:
            return np.arange(len(self))
        unknown = [n for n in names if n not in self.class_names]
        if unknown:
            known = ", ".join(self.class_names[:20]) or "in no class folders"
            raise UserError(
                f"--classes must name classes of {self.name}, which are "
                f"{known}. Received: {unknown[0]!r}"
            )
        wanted = [self.class_names.index(name) for name in names]
        return np.flatnonzero(np.isin(self.labels, wanted))

    def take(self, indices: np.ndarray) -> "ImageSet":
        """The subset at `indices`, in their order, streamed if this one is.

        Args:
            indices: integers of shape `(n,)`, each in [0, N).

        Raises:
            UserError: indices of another shape, type or range.
        """
        chosen = np.asarray(indices)
        valid = chosen.ndim == 1 and chosen.dtype.kind in "iu" and chosen.size
        if not valid or chosen.min() < 0 or chosen.max() >= len(self):
            raise UserError(
                f"`indices` must be a non-empty list of integers in "
                f"[0, {len(self)}). Received: {indices!r:.200}"
            )
        chosen = chosen.astype(np.int64)
        streamed = isinstance(self.images, StreamedImages)
        return replace(
            self,
            images=self.images.take(chosen)
            if streamed
            else self.images[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            fingerprint=fingerprint_of(self.fingerprint, chosen),
        )


def fingerprint_of(*parts: str | int | np.ndarray | None) -> str:
    """SHA-256 in hex of text, numbers and arrays (shape, type and bytes)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape};".encode())
            digest.update(np.ascontiguousarray(part))
        else:
            text = str(part).encode("utf-8", "surrogateescape")
            digest.update(b"%d:" % len(text) + text + b";")
    return digest.hexdigest()
