"""Write text in quoted-printable so that it can be cut and spliced (RFC 2045 section 6.7).

What is escaped is decided by Python, where lines break here: each piece begins on a line of its own, and a soft line
break joins it to the next, so that no value can make another's line too long. No line begins with a dot: it is
written =2E, and so is a dot after a dot, so that a line can always be broken before something else.
"""

import binascii
import re

_LINE = 75  # RFC 2045: 76 with the = of a soft line break
SOFT_BREAK = b"=\r\n"
_DOT = re.compile(rb"(?<![^\n.])\.")
_CHUNK = re.compile(rb".{1,%d}(?<!=)(?<!=.)(?!\.)" % _LINE)  # ends neither in an escape nor before a dot
_AS_IT_IS = re.compile(
    rb"[A-Za-z0-9][A-Za-z0-9/:@+_?.-]{0,%d}" % (_LINE - 1)
)  # as most addresses and links are
_ENDED = re.compile(rb"[^\n]\r\n\Z")


def encode(text: bytes, *, goes_on: bool) -> bytes:
    """Encode a piece of a text with LF line ends; it `goes_on` where another follows.

    The last one ends its line, softly where the text does not: a body ends with exactly one CRLF (RFC 6376 section
    3.4.3).
    """
    if goes_on and _AS_IT_IS.fullmatch(text):
        return text + SOFT_BREAK
    escaped = binascii.b2a_qp(text).replace(b"=\n", b"")
    lines = _DOT.sub(b"=2E", escaped).split(b"\n")
    broken = b"\r\n".join([line if len(line) <= _LINE else _broken(line) for line in lines])
    ended = not goes_on and _ENDED.search(broken)
    return broken if ended else broken + SOFT_BREAK


def _broken(line: bytes) -> bytes:
    return SOFT_BREAK.join(_CHUNK.findall(line))
