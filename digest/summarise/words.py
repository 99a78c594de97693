"""The words of a sentence, in scripts with and without spaces between them."""

import re

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_IS_UNSPACED = regex.compile(f"[{_UNSPACED}]")
_ASCII_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SPACED_WORD = regex.compile(r"\p{L}[\p{L}\p{M}\p{N}]*+")
_WORD = regex.compile(
    rf"(?P<unspaced>[{_UNSPACED}]++) | \p{{L}}[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]*+",
    regex.V1 | regex.VERBOSE,
)


def words(text: str) -> tuple[str, ...]:
    """Give the words of `text` that begin with a letter, as written.

    A script that puts no space between words gives overlapping pairs of characters, which find nearly what
    a dictionary would (Nie, Gao, Zhang and Zhou 2000, "On the use of words and n-grams for Chinese IR").
    """
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text))
    if not _IS_UNSPACED.search(text):
        return tuple(_SPACED_WORD.findall(text))
    return tuple(word for match in _WORD.finditer(text) for word in _pairs(match))


def _pairs(match: regex.Match[str]) -> list[str]:
    run = match["unspaced"]
    if run is None:
        return [match.group()]
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]
