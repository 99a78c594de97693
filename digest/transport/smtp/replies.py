"""Read what a server answers: octets become replies (RFC 5321 section 4.2), and those safe to show."""

import re
from collections.abc import Iterator

from digest.clean import clean_text
from digest.model import Reply

_LINE_OCTETS = 4096  # RFC 5321 section 4.5.3.1.5 says 512
_LINES = 100  # of one reply
_CODES = {b"%d" % code: code for code in range(200, 600)}  # SMTP has no reply that begins with 1
_TEXT_LENGTH = 500
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:[ \t]+|$)", re.MULTILINE)  # RFC 3463, RFC 2034


class ReplyReader:
    """Cut a stream of octets into replies, however they are cut on the way."""

    def __init__(self) -> None:
        self._rest = b""
        self._texts: list[bytes] = []  # of a reply that goes on
        self._code = 0

    @property
    def unfinished(self) -> bool:
        """Whether more is to come of a reply."""
        return bool(self._rest or self._texts)

    def feed(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """Give the code and the text, its lines apart, of each reply that is whole by now.

        Raises:
            ValueError: that is no reply; the message shows what came instead.

        """
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            code, going_on = _CODES.get(line[:3]), line[3:4]
            if code is None or going_on not in _AFTER_CODE:
                raise ValueError(shown_octets(line))
            if self._texts and code != self._code:
                raise ValueError(f"{self._code}- and then {shown_octets(line)}")
            self._code = code
            self._texts.append(line[4:].rstrip(b"\r"))
            if len(line) > _LINE_OCTETS or len(self._texts) > _LINES:
                raise ValueError("a reply without end")
            if going_on != b"-":
                texts, self._texts = self._texts, []
                yield code, b"\n".join(texts)
        if len(self._rest) > _LINE_OCTETS:
            raise ValueError("a reply without end")


_AFTER_CODE = (b" ", b"-", b"\r", b"")


def reply(code: int, text: bytes) -> Reply:
    """Take the enhanced code out of a reply's lines and make the rest one safe line."""
    plain = text.decode("utf-8", "replace")
    enhanced = _ENHANCED.search(plain)
    if enhanced:
        plain = _ENHANCED.sub("", plain)
    return Reply(code=code, text=clean_text(plain)[:_TEXT_LENGTH], enhanced=enhanced[1] if enhanced else None)


def shown(said: Reply) -> str:
    """Give a reply as one line for people."""
    return " ".join(part for part in (str(said.code), said.enhanced, said.text) if part)


def shown_octets(line: bytes) -> str:
    """Give what is no reply as one line for people."""
    return clean_text(line.decode("utf-8", "replace"))[:_TEXT_LENGTH]
