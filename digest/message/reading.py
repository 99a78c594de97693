"""Read finished bytes as a receiver does, and refuse those that do not say what was meant."""

import base64
import quopri
import re
from collections.abc import Iterable, Sequence
from email import message_from_bytes
from itertools import zip_longest

from digest.message.fields import Field
from digest.message.parts import Part

SIGNATURE = "DKIM-Signature"

_LINE_OCTETS = 998  # RFC 5322 section 2.1.1
_ENCODED_WORD = re.compile(r"=\?utf-8\?([bq])\?([^?\s]*)\?=", re.IGNORECASE)


def read_back(wire: bytes, fields: Sequence[Field], parts: Sequence[Part], *, signatures: int = 0) -> None:
    """Check that a receiver finds in the bytes what was asked for, all of it and nothing else.

    Raises:
        ValueError: he does not.

    """
    _check_lines(wire)
    found = _read_head(wire)
    signed, found = found[:signatures], found[signatures:]
    asked = [(field.name, field.text) for field in fields]
    if found != asked:
        said, meant = next(pair for pair in zip_longest(found, asked) if pair[0] != pair[1])
        raise ValueError(f"the finished headers say {said!r:.120} where {meant!r:.120} was meant")
    if any(name != SIGNATURE for name, _ in signed):
        raise ValueError(f"the finished headers do not begin with {signatures} signatures")
    leaves = [leaf for leaf in message_from_bytes(wire).walk() if not leaf.is_multipart()]
    decoded = [
        (leaf.get_content_type(), leaf.get_filename(""), leaf.get_payload(decode=True)) for leaf in leaves
    ]
    if decoded != [(part.media_type, part.name, _on_the_wire(part)) for part in parts]:
        raise ValueError("the finished parts do not decode to the letter")


def head_like(pieces: Iterable[bytes | int], *, signatures: int) -> re.Pattern[bytes]:
    """Give what the head of a mail must match whose like was read back before, to its empty line.

    It has so many signatures, then each octet of `pieces` and nothing else; where a number stands, something that is
    visible and has no space in it.
    """
    line = b"[ -~]{1,%d}\r\n" % (_LINE_OCTETS - len(f"{SIGNATURE}:"))
    field = b"%b:%b(?:[ \t]%b)*" % (SIGNATURE.encode("ascii"), line, line)
    meant = (re.escape(piece) if isinstance(piece, bytes) else rb"[!-~\x80-\xff]+" for piece in pieces)
    return re.compile(b"(?:%b){%d}%b\r\n" % (field, signatures, b"".join(meant)))


def _check_lines(octets: bytes) -> None:
    lines = octets.split(b"\r\n")
    if not octets.isascii() and not all(line.isascii() or line.startswith(b"To: ") for line in lines):
        raise ValueError("the bytes are not 7-bit ASCII")
    if not octets.count(b"\r") == octets.count(b"\n") == len(lines) - 1:
        raise ValueError("the bytes are not lines that end in CRLF")
    if max(map(len, lines)) > _LINE_OCTETS:
        raise ValueError(f"a line is longer than {_LINE_OCTETS} octets")
    if b"\r\n." in octets:
        raise ValueError("a line begins with a dot")


def _on_the_wire(part: Part) -> bytes:
    content = b"".join(octets for octets in part.content if isinstance(octets, bytes))
    return content if part.content_id or part.name else content.replace(b"\n", b"\r\n")


def _read_head(wire: bytes) -> list[tuple[str, str]]:
    """Read the header fields as (name, text), unfolded (RFC 5322 section 2.2.3) and decoded (RFC 2047)."""
    head = wire.partition(b"\r\n\r\n")[0].decode()
    lines = re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n")
    named = (line.partition(":") for line in lines)
    return [(name, _decode(value.strip(" "))) for name, _, value in named]


def _decode(value: str) -> str:
    """Decode each encoded-word by itself, so that one which ends within a character is found."""

    def word(match: re.Match[str]) -> str:
        encoding, text = match[1].lower(), match[2].encode("ascii")
        octets = base64.b64decode(text) if encoding == "b" else quopri.decodestring(text, header=True)
        return octets.decode("utf-8")

    return _ENCODED_WORD.sub(word, re.sub(r"(?<=\?=)[ \t]+(?==\?)", "", value))
