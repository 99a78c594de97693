"""Turn fetched bytes into text: by byte order mark, by what is declared where that holds, else by guess."""

import codecs
import re
from collections.abc import Iterator

_DECLARED_WITHIN = 4096  # bytes; HTML's own rule says 1,024, pages do not keep to it
_GUESS_FROM = 50_000  # bytes
_LIKELIEST = "cp1252"  # of the western encodings, which short texts cannot tell apart
_DECLARATION = re.compile(
    rb"""<(?:\?xml|meta)\b[^>]{0,300}?\b(?:encoding|charset)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)

_MARKS = (  # the longer ones first: UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# A declared name stands for the superset that is really used, as the WHATWG's Encoding Standard has it.
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_SEVEN_BIT = ("iso2022", "hz")  # only these say something about bytes that are all ASCII
_NEVER = frozenset({"utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})

_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"\x7fELF", "an ELF program"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"\x1f\x8b\x08", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
)
_RIFF = re.compile(rb"RIFF....(WEBP|WAVE|AVI )", re.DOTALL)
_MPEG4 = re.compile(b"....ftyp", re.DOTALL)
_LOOK_AT = 4096  # characters
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_MOST_ODD = 0.1  # of the characters looked at


def decode(content: bytes, *, charset: str | None = None) -> str:
    """Give the text of `content`; `charset` is what the server said.

    A byte order mark decides. Then whatever is valid UTF-8 is UTF-8, whatever is declared: other encodings'
    text hardly ever is, and pages saved twice keep a stale declaration. Then the server's charset and the
    document's own count, each only where all bytes fit it; then a guess.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    for encoding in _candidates(content, charset):
        try:
            return content.decode(encoding)
        except (LookupError, ValueError):
            continue
    return _guess(content)


def binary_kind(content: bytes, text: str) -> str | None:
    """Say what `content`, which decodes to `text`, is where it is not text at all: "a PNG image"."""
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if _RIFF.match(content):
        return "a picture, sound or film (RIFF)"
    if _MPEG4.match(content):
        return "a film or picture (MPEG-4)"
    start = text[:_LOOK_AT]
    return "binary data" if len(_ODD.findall(start)) > _MOST_ODD * len(start) else None


def _candidates(content: bytes, charset: str | None) -> Iterator[str]:
    written = _DECLARATION.search(content[:_DECLARED_WITHIN])
    declared = [_codec(charset), _codec(written[1].decode("ascii", "replace")) if written else None]
    for codec in declared:
        if codec and (
            codec.startswith(_SEVEN_BIT) or (codec.startswith(("utf-16", "utf-32")) and b"\0" in content)
        ):
            yield codec
    yield "utf-8"
    for codec in declared:
        if codec and not codec.startswith(("utf-16", "utf-32")):
            yield codec


def _codec(name: str | None) -> str | None:
    """Give the codec that a declared name means, or None where it is no encoding of text."""
    try:
        codec = codecs.lookup((name or "").strip("\"' \t\r\n")).name
    except (LookupError, ValueError):
        return None
    return None if codec in _NEVER else _MEANT.get(codec, codec)


def _guess(content: bytes) -> str:
    """Decode what fits no declaration: nearly UTF-8 (cut off, or one bad byte), else as the letters look."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = sum(1 for character in text if character > "\x7f") - broken
    if sound > broken:
        return text
    from charset_normalizer import from_bytes  # noqa: PLC0415 - rarely needed

    plausible = [match.encoding for match in from_bytes(content[:_GUESS_FROM], cp_exclusion=["utf_7"])]
    if not plausible:
        return text
    return content.decode(_LIKELIEST if _LIKELIEST in plausible else plausible[0], "replace")
