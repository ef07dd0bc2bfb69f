"""Tiny images, folders and zips for the tests of this package."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(value: int = 0, size: int = 4) -> bytes:
    """A PNG of one grey value."""
    return encoded(Image.new("RGB", (size, size), (value,) * 3))


def write_folder(root: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return str(root)


def write_zip(path: Path, files: dict[str, bytes], method: int = 0) -> str:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return str(path)


def png_bomb(side: int) -> bytes:
    """A PNG of a few bytes that declares `side` × `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + body + chunk(b"IEND", b"")


def noise(count: int, side: int = 2, seed: int = 0) -> np.ndarray:
    """uint8 images `(count, side, side, 3)`."""
    random = np.random.default_rng(seed)
    shape = (count, side, side, 3)
    return random.integers(0, 256, shape, np.uint8)
