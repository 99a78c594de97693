"""Split a line that a reader typed into words, however it is punctuated."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from digest.commands.lexicon import digits, fold

_LONGEST_LINE = 300  # characters
_MOST_TOKENS = 40

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″＂‹›", '"'))
_DASHES = str.maketrans(dict.fromkeys("−–—‒―﹣－‐‑", "-") | dict.fromkeys("＋﹢", "+"))
_PIECE = re.compile(r'([+-]?)"([^"]*)"|([,;&،؛、])|([^\s",;&،؛、]+)')
_AROUND = " .!?:…()[]{}<>*_=~|•·#'‘’‚‛`´؟。！"
_BULLET = re.compile(r"(?:[-*•·>]|\d{1,2}[.)])\s+")
_LOOSE_PLUS = re.compile(r"(?<!\S)\+\s+(?=\S)")
_GLUED = re.compile(r"(\d{1,4})([^\W\d_]{1,12})(\d{0,2})")  # 2w, 7am, 7h30


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, or what stands within quotation marks."""

    raw: str  # case-folded, in NFC, without punctuation around it
    folded: str  # its letters and digits alone, see `fold`
    sign: str = ""  # + or -, before it
    quoted: bool = False
    after_comma: bool = False


def tidy(line: str) -> str:
    """Give a line in NFC with plain quotation marks, dashes and spaces, without what cannot be seen."""
    text = unicodedata.normalize("NFC", line[: 2 * _LONGEST_LINE]).translate(_QUOTES).translate(_DASHES)
    visible = (
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    return " ".join("".join(visible).split())


def tokens(line: str) -> tuple[Token, ...]:
    """Give the words of a tidied line; none where it is too long for a command."""
    if len(line) > _LONGEST_LINE:
        return ()
    line = _LOOSE_PLUS.sub("+", _BULLET.sub("", line, count=1) if _BULLET.match(line) else line)
    inner = line.strip(_AROUND)
    if len(inner) > 1 and inner[0] == inner[-1] == '"' and '"' not in inner[1:-1]:
        line = inner[1:-1]
    found: list[Token] = []
    comma = False
    for piece in _PIECE.finditer(line):
        sign, quoted, divider, word = piece.groups()
        if divider:
            comma = True
            continue
        for token in _words(word) if quoted is None else (_token(quoted, sign=sign, quoted=True),):
            if token.folded:
                found.append(replace(token, after_comma=comma))
                comma = False
    return tuple(found) if len(found) <= _MOST_TOKENS else ()


def _words(word: str) -> Iterator[Token]:
    sign = word[0] if word[0] in "+-" and word[1:2].isalnum() else ""
    token = _token(word.removeprefix(sign), sign=sign)
    glued = None if sign else _GLUED.fullmatch(digits(token.raw))
    if glued is None:
        yield token
        return
    for part in filter(None, glued.groups()):
        yield _token(part)


def _token(text: str, *, sign: str = "", quoted: bool = False) -> Token:
    raw = " ".join(unicodedata.normalize("NFC", text.casefold()).strip("" if quoted else _AROUND).split())
    return Token(raw=raw, folded=fold(raw), sign=sign, quoted=quoted)
