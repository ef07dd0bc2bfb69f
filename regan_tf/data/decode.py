"""From the bytes of an image file to a square uint8 RGB array."""

import io
import threading

import numpy as np

# The four plugins are imported here, so that no thread has to load one.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
MAX_PIXELS = 2**26  # 67 million (8192 × 8192); more is taken for a bomb
# Images above this many pixels are decoded one at a time, so that all the
# threads together stay below about 1.5 GB.
_LARGE_PIXELS = 2**24
_large = threading.Lock()

# Exif orientation → what turns the stored pixels upright.
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImageError(Exception):
    """A file that cannot be used; the message is the reason, in one line."""


def decode_image(data: bytes, resolution: int) -> np.ndarray:
    """Decodes one JPEG, PNG, WebP or BMP file, known by its content.

    Transparency is composited on white, 16-bit grey scaled to 8 bits, the
    Exif orientation applied and the first frame of an animation taken.
    Colour profiles are ignored. Then cut and scaled as by `fit_square`.

    Returns:
        uint8 array of shape `(resolution, resolution, 3)`, 0..255.

    Raises:
        BadImageError: not such a file, damaged, or above `MAX_PIXELS`.
    """
    if not data:
        raise BadImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _decode_opened(image, resolution)
    except (BadImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise BadImageError("not a JPEG, PNG, WebP or BMP image") from None
    except Exception as error:
        # Pillow meets hostile bytes with many types, from SyntaxError to
        # struct.error and DecompressionBombError: all mean a bad file.
        raise BadImageError(one_line(error)) from error


def one_line(error: object) -> str:
    """The message of an error without line breaks; its type without one."""
    return " ".join(str(error).split()) or type(error).__name__


def _decode_opened(image: Image.Image, resolution: int) -> np.ndarray:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BadImageError(
            f"{width}x{height} pixels are more than the {MAX_PIXELS} allowed"
        )
    if width * height > _LARGE_PIXELS:
        with _large:
            return fit_square(_upright_rgb(image), resolution)
    return fit_square(_upright_rgb(image), resolution)


def fit_square(image: Image.Image, resolution: int) -> np.ndarray:
    """Cuts the centred square out of an RGB image and scales it.

    Scaled by Pillow's bicubic filter, which widens with the reduction
    (antialiasing); an image of the right size keeps its pixels.

    Returns:
        uint8 array of shape `(resolution, resolution, 3)`.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.size != (side, side):
        image = image.crop((left, top, left + side, top + side))
    if side != resolution:
        image = image.resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _upright_rgb(image: Image.Image) -> Image.Image:
    image.load()
    method = _UPRIGHT.get(_orientation(image))
    if image.mode.startswith("I"):
        rgb = _scaled_16_bit(image)
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        rgb = Image.alpha_composite(white, rgba).convert("RGB")
    else:
        rgb = image.convert("RGB")
    return rgb if method is None else rgb.transpose(method)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged Exif data; the picture itself may be sound
        return 1


def _scaled_16_bit(image: Image.Image) -> Image.Image:
    """Grey 0..65535 to RGB 0..255; Pillow's own conversion clips at 255."""
    grey = np.asarray(image).astype(np.uint32)
    transparent = image.info.get("transparency")  # one grey value, or absent
    if isinstance(transparent, int):
        grey = np.where(grey == transparent, 65535, grey)
    scaled = (np.minimum(grey, 65535) * 255 + 32767) // 65535
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
