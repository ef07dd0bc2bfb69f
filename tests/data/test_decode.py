import io

import numpy as np
import pytest
from PIL import Image

from regan_tf.data.decode import BadImageError, decode_image, fit_square
from tests.data.make import encoded, noise, png_bomb


def pixel(data: bytes) -> tuple[int, ...]:
    """The one colour of an image that has just one."""
    image = decode_image(data, 2)
    assert image.shape == (2, 2, 3) and image.dtype == np.uint8
    colours = {tuple(p) for p in image.reshape(-1, 3).tolist()}
    assert len(colours) == 1
    return colours.pop()


@pytest.mark.parametrize(
    "mode, value, expected",
    [
        ("1", 1, (255, 255, 255)),
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (200, 0, 0, 51), (244, 204, 204)),  # 20% red on white
        ("I;16", 0, (0, 0, 0)),
        ("I;16", 300, (1, 1, 1)),  # 300 / 257, not clipped to 255
        ("I;16", 32896, (128, 128, 128)),
        ("I;16", 65535, (255, 255, 255)),
    ],
)
def test_png_modes(mode, value, expected):
    assert pixel(encoded(Image.new(mode, (4, 4), value))) == expected


def test_palette_with_and_without_transparency():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 10, 20, 30])
    assert pixel(encoded(image)) == (10, 20, 30)
    assert pixel(encoded(image, transparency=0)) == (10, 20, 30)
    assert pixel(encoded(image, transparency=1)) == (255, 255, 255)


def test_transparent_grey_value_of_16_bits_becomes_white():
    image = Image.new("I;16", (4, 4), 300)
    data = encoded(image, transparency=300)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.info["transparency"] == 300
    assert pixel(data) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_formats(kind):
    data = encoded(Image.new("RGB", (6, 6), (200, 100, 50)), kind)
    expected = np.broadcast_to((200, 100, 50), (4, 4, 3))
    np.testing.assert_allclose(decode_image(data, 4), expected, atol=4)


def test_cmyk_jpeg_is_converted_to_rgb():
    data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
    np.testing.assert_allclose(pixel(data), (255, 0, 0), atol=4)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (4, 4), c) for c in ("red", "blue")]
    options = {"save_all": True, "append_images": frames[1:], "duration": 9}
    data = encoded(frames[0], kind, lossless=True, **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 2
    assert pixel(data) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    upright = noise(1, 3)[0]
    stored = {  # how a camera held that way would have stored it
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(decode_image(data, 3), upright)


def test_centre_crop_keeps_the_pixels():
    wide = noise(1, 6)[0][:4]  # 4 high, 6 wide
    data = encoded(Image.fromarray(wide))
    np.testing.assert_array_equal(decode_image(data, 4), wide[:, 1:5])


def test_resizing_is_antialiased():
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    image = Image.fromarray(checks.astype(np.uint8)).convert("RGB")
    small = fit_square(image, 8)
    assert abs(small[2:-2, 2:-2].astype(int) - 128).max() <= 2


def bad_images() -> dict[str, tuple[bytes, str]]:
    """Name → content and a part of the reason."""
    picture = Image.fromarray(noise(1, 64)[0])
    photo, drawing = encoded(picture, "JPEG"), encoded(picture)
    webp, bitmap = encoded(picture, "WEBP"), encoded(picture, "BMP")
    return {
        "empty": (b"", "empty"),
        "text": (b"hello, I am text", "not a JPEG, PNG"),
        "gif": (encoded(picture, "GIF"), "not a JPEG, PNG"),
        "half a jpeg": (photo[: len(photo) // 2], "truncated"),
        "half a png": (drawing[: len(drawing) // 2], "truncated"),
        "half a webp": (webp[: len(webp) // 2], "."),
        "half a bmp": (bitmap[: len(bitmap) // 2], "truncated"),
        "flipped": (drawing[:45] + b"xxxx" + drawing[49:], "."),
        "ours": (png_bomb(9000), "pixels are more than"),
        "bomb": (png_bomb(60000), "bomb"),  # above Pillow's own limit too
    }


@pytest.mark.parametrize("name", bad_images())
def test_bad_images_are_told_in_one_line(name):
    data, reason = bad_images()[name]
    with pytest.raises(BadImageError, match=reason) as caught:
        decode_image(data, 4)
    assert "\n" not in str(caught.value)
