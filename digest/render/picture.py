"""Measure a picture that came with its article; only such a one travels with the letter and is shown."""

import base64
import binascii
import re
import struct
from dataclasses import dataclass

from digest.model import Article

COLUMN = 560  # pixels: how wide a picture may stand in the letter

_DATA_URI = re.compile(r"data:image/(?:png|gif|jpeg);base64,([A-Za-z0-9+/]+={0,2})")
# A JPEG is a run of segments: a marker, a length that counts itself, the rest. One tells the size.
_JPEG_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture in the letter; width and height in CSS pixels."""

    source: str
    width: int
    height: int
    alt: str


def picture(article: Article) -> Picture | None:
    """Give the article's picture if it came with the text, is PNG, GIF or JPEG, and tells its size.

    One that stands on a stranger's server would tell him who reads, and when.
    """
    uri = _DATA_URI.fullmatch(article.image or "")
    if uri is None:
        return None
    try:
        width, height = _size(base64.b64decode(uri[1]))
    except (binascii.Error, struct.error):  # cut short, or no picture at all
        return None
    if not 0 < height <= 2 * width:  # a strip that would push the stories off the screen
        return None
    shown = min(width, COLUMN)
    scaled = max(1, round(height * shown / width))
    return Picture(source=uri[0], width=shown, height=scaled, alt=article.image_alt)


def _size(content: bytes) -> tuple[int, int]:
    """Read width and height in pixels.

    Raises:
        struct.error: the bytes end before they say.

    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack_from(">II", content, 16)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return struct.unpack_from("<HH", content, 6)
    at = 2  # behind the start of image
    while True:
        marker, length = struct.unpack_from(">xBH", content, at)
        if marker in _JPEG_START_OF_FRAME:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + length
