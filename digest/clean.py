"""Make text that strangers wrote safe to carry: no control characters, no hidden headers, one line.

CPython 3.11 and 3.12 can turn an encoded CR LF inside a feed's title into a real header line
(CVE-2024-6923), so what looks like an RFC 2047 encoded-word is decoded here, at the border, before the
characters that could end a line are taken out.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

# C0 and C1 without tab, line feed and carriage return; surrogates; noncharacters; byte order marks; and the
# directional embeddings and isolates that could turn the text around them.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)
_LINE_SPACE = re.compile("[ \t\r\n\u2028\u2029]+")
_ENCODED_WORD = re.compile(r"=\?[\w.*'+-]+\?[BbQq]\?[^?\s]*\?=")


def clean_text(text: str) -> str:
    """Strip what must not be printed and fold runs of plain white space to one space.

    No-break spaces stay: French punctuation is written with them.
    """
    if text.isascii() and text.isprintable() and "  " not in text:  # as most is
        return text.strip(" ")
    return _LINE_SPACE.sub(" ", _FORBIDDEN.sub("", text)).strip(" ")


def clean_line(text: str) -> str:
    """Do the same for what may reach a header (a title, a name), with RFC 2047 words decoded first."""
    if _ENCODED_WORD.search(text):
        try:
            text = str(make_header(decode_header(clean_text(text))))
        except (HeaderParseError, LookupError, ValueError):  # not an encoded-word after all: plain characters
            text = text.replace("=?", "= ?")
    return clean_text(text)
