from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from neuroguide._core import settings
from neuroguide._core.errors import FileError
from neuroguide.stimuli.pixels import FilePixels, decode


def test_decodes_what_was_encoded(pictures, encode):
    for format in ("PNG", "BMP", "TIFF", "PPM"):
        np.testing.assert_array_equal(decode(encode(pictures[0], format), name="a"), pictures[0])
    np.testing.assert_array_equal(decode(encode(pictures[0], "WEBP", lossless=True), name="a"), pictures[0])
    smooth = np.full((16, 16, 3), 90, dtype=np.uint8)
    np.testing.assert_allclose(decode(encode(smooth, "JPEG"), name="a"), smooth, atol=2)


def test_grey_palette_and_16_bit_become_rgb(pictures, encode, tmp_path):
    grey = pictures[0][..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(decode(encode(grey), name="a"), expected)
    Image.fromarray(grey).convert("P").save(tmp_path / "p.png")
    np.testing.assert_array_equal(decode((tmp_path / "p.png").read_bytes(), name="a"), expected)
    np.testing.assert_array_equal(decode(encode(grey.astype(np.uint16) * 257), name="a"), expected)


def test_transparent_pixels_lie_on_grey(pictures, encode):
    image = np.dstack([pictures[0], np.full((12, 10), 255, np.uint8)])
    image[:6, :, 3] = 0
    decoded = decode(encode(image), name="a")
    np.testing.assert_array_equal(decoded[:6], 128)
    np.testing.assert_array_equal(decoded[6:], pictures[0][6:])


def test_32_bit_values_are_refused_because_their_range_is_unknown(encode):
    with pytest.raises(FileError, match=r"a\.tif holds 'F' values"):
        decode(encode(np.zeros((4, 4), np.float32), "TIFF"), name="a.tif")


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"])
def test_what_is_no_image_is_named(data):
    with pytest.raises(FileError, match=r"bad\.png is damaged or no image") as caught:
        decode(data, name="bad.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_truncated_images_are_named(encode, format):
    data = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), format)
    with pytest.raises(FileError, match=r"cut\.img is damaged"):
        decode(data[: len(data) // 2], name="cut.img")


def _png_claiming(width: int, height: int) -> bytes:
    """A few bytes that claim to be a huge PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_001, 10_000, 60_000])
def test_images_with_too_many_pixels_are_refused_before_they_are_decoded(side):
    with pytest.raises(FileError, match=r"too many pixels|more than the 64,000,000 accepted"):
        decode(_png_claiming(side, side), name="bomb.png")


def test_the_limit_is_the_setting(pictures, encode, monkeypatch):
    monkeypatch.setattr(settings, "MAX_IMAGE_PIXELS", 119)
    with pytest.raises(FileError, match="has 120 pixels, more than the 119 accepted"):
        decode(encode(pictures[0]), name="a")


def test_a_file_that_was_moved_is_named(tmp_path):
    with pytest.raises(FileError, match=r"gone\.png cannot be read .*was it moved"):
        FilePixels([tmp_path / "gone.png"]).read(0)
