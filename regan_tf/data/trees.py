"""Trees of files, in a folder or a zip, read by name into memory.

Nothing is ever written to disk, and nothing is read without a limit.
"""

import os
import stat
import threading
import zipfile
from collections.abc import Iterator
from typing import IO, Protocol

from regan_tf.data.decode import BadImageError, one_line
from regan_tf.errors import UserError

MAX_FILE_BYTES = 2**26  # 64 MiB for one image file, packed or unpacked
_CHUNK_BYTES = 2**20
_ENCRYPTED = 0x1  # zip member flag


class FileTree(Protocol):
    """Files under one root; `names` are relative, with "/", and sorted."""

    names: tuple[str, ...]

    def read(self, name: str) -> bytes:
        """Content of a file; thread-safe.

        Raises:
            BadImageError: unreadable, damaged or above `MAX_FILE_BYTES`.
        """


def open_tree(path: str) -> FileTree:
    """Opens a folder or a zip.

    Raises:
        UserError: nothing there, not readable, or a file that is no zip.
    """
    expanded = os.path.expanduser(path)
    if not os.path.exists(expanded):
        raise UserError(
            f"no such folder or zip: {path!r}. Give the path of a folder of "
            "images or of a zip"
        )
    try:
        if os.path.isdir(expanded):
            return FolderTree(expanded)
        if os.path.isfile(expanded):
            return ZipTree(expanded)
    except OSError as error:
        raise UserError(f"cannot read {path!r}: {one_line(error)}") from error
    raise UserError(f"expected a folder or a zip. Received: {path!r}")


class FolderTree:
    """A folder on disk. Dot-files and dot-folders are not listed."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.names = tuple(sorted(_walk(root, "", ())))

    def read(self, name: str) -> bytes:
        path = os.path.join(self._root, name)
        try:
            # Asked before opening: opening a named pipe would wait forever.
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise BadImageError("not a regular file")
            with open(path, "rb") as file:
                return _read_limited(file)
        except OSError as error:
            raise BadImageError(error.strerror or one_line(error)) from error


def _walk(
    folder: str, prefix: str, above: tuple[tuple[int, int], ...]
) -> Iterator[str]:
    """Names below a folder; links are followed, but not into a loop."""
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    with os.scandir(folder) as entries:
        visible = [e for e in entries if not e.name.startswith(".")]
    for entry in visible:
        # isdir: a link that leads nowhere is listed, and found bad when read.
        if entry.is_symlink() and not os.path.isdir(entry.path):
            yield prefix + entry.name
        elif entry.is_dir():
            inner = f"{prefix}{entry.name}/"
            yield from _walk(entry.path, inner, (*above, identity))
        else:
            yield prefix + entry.name


class ZipTree:
    """A zip, never unpacked to disk. Of two equal names the later counts.

    Only stored and deflated members are read: Python unpacks the other
    methods without a limit.
    """

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:  # is_zipfile would hide an OSError
            is_zip = zipfile.is_zipfile(file)
        if not is_zip:
            raise UserError(
                f"not a zip: {path!r}. Expected a folder of images or a zip"
            )
        try:
            self._zip = zipfile.ZipFile(path)
        except Exception as error:  # a hostile directory raises many types
            raise UserError(
                f"damaged zip {path!r}: {one_line(error)}. Make it anew"
            ) from error
        self._lock = threading.Lock()
        self._members = {
            info.filename.replace("\\", "/"): info
            for info in self._zip.infolist()
            if not info.is_dir()
        }
        self.names = tuple(sorted(self._members))

    def read(self, name: str) -> bytes:
        info = self._members[name]
        if info.flag_bits & _ENCRYPTED:
            raise BadImageError("encrypted zip member")
        if info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise BadImageError("zip member neither stored nor deflated")
        _check_size(info.file_size)
        try:
            # ZipFile.open counts its handles without a lock of its own.
            with self._lock, self._zip.open(info) as file:
                return _read_limited(file)
        except (BadImageError, MemoryError):
            raise
        except Exception as error:  # BadZipFile, zlib.error, EOFError, ...
            raise BadImageError(one_line(error)) from error


def _read_limited(file: IO[bytes]) -> bytes:
    """Everything up to the limit; the declared size may be a lie."""
    data = bytearray()
    while chunk := file.read(_CHUNK_BYTES):
        data += chunk
        _check_size(len(data))
    return bytes(data)


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise BadImageError(
            f"larger than the {MAX_FILE_BYTES} bytes allowed for one file"
        )
