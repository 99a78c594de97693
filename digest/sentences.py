"""Where sentences begin and end, in any language, without trained data.

A sentence ends at a run of . ! ? … ؟ ۔ । and the like before white space, or at 。！？ even without it,
together with the closing quotes and brackets behind. A full stop is doubted after a known abbreviation, an
initial, dotted letters, or a number in a language that writes ordinals so. What follows has a say too: a
lower-case word never opens a sentence, and after a doubtful full stop only a word that often does.

Line breaks. A blank line always ends a sentence. A single line break does too, since most plain texts hold
one paragraph or heading per line, with two exceptions that make it a soft break inside a sentence: the next
line starts with a lower-case letter; or the whole block between two blank lines is hard-wrapped, which is to
say that its longest line has 50 to 100 characters and no line had room for the first word of the next.

Time is linear in the length of the text, whatever it holds.
"""

from collections.abc import Iterator
from itertools import pairwise

import regex

from digest.abbreviations import AMBIGUOUS, BEFORE_A_NAME, BEFORE_A_NUMBER, OPENERS, ORDINAL_LANGUAGES
from digest.model import Sentence

_STOPS = ".!?…‥؟۔।॥։።។၊။‼⁇⁈⁉"
_WIDE_STOPS = "。！？｡"
_CLOSING = "\"'”’“‘»«›‹)\\]}」』】）》〉］"
_WIDE_CLOSING = "’”»」』】）》〉］)\\]"
_OPENING = "\"'“”„‟‘‚«»‹›(\\[{¿¡「『【（《〈［*_•·–—―-"

# Each run of stops is entered only at its first character: that keeps a long run linear.
_END = regex.compile(
    rf"""
    (?<![{_STOPS}{_WIDE_STOPS}])
    (?:
        (?P<stops>[{_STOPS}]++)
        (?:[{_CLOSING}]|\[\d{{1,3}}\]|[^\S\n]»(?!\S))*+  # also a footnote's number, and « … »
        (?=\s)
    |   [{_STOPS}]*+[{_WIDE_STOPS}][{_STOPS}{_WIDE_STOPS}]*+
        (?:[{_WIDE_CLOSING}]|"(?=\s|\Z))*+
        (?!\s*+(?:[,;:，、；：]|と|って))                  # 「…。」と言った goes on
    )
    """,
    regex.VERBOSE,
)
_NEXT = regex.compile(rf"[\s{_OPENING}]*+(?P<word>\p{{L}}[\p{{L}}\p{{M}}]*+\.?|.)", regex.DOTALL)
_GOING_ON = _STOPS + ",;:"
_LAST_WORD = regex.compile(r"[\p{L}\p{M}\p{N}.°-]+\Z")
_LOOK_BACK = 20  # characters; a longer word is no abbreviation
_LETTERS = regex.compile(r"\p{L}|(?:(?:\p{L}\p{M}*+){1,3}\.-?)+(?:\p{L}\p{M}*+){1,3}")  # J, U.S, Ph.D, J.-C
_ROMAN = regex.compile(r"[IVXLC]+")
_ORDINAL = regex.compile(r"\d{1,3}|[IVXLC]+")
_NUMBERING = regex.compile(r"\d{1,3}|\p{L}|[IVXLCivxlc]+")  # of a list: 1. Milk
_FIRST_WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]|\S+")
_WRAP_WIDTHS = range(50, 101)


def sentences(text: str, language: str | None = None) -> tuple[Sentence, ...]:
    """Give the sentences of `text` in order: every character but white space lies in exactly one.

    `language` (BCP 47) matters only to numbers with a full stop; unknown, they are taken for ordinals
    where the next word does not clearly open a sentence.
    """
    ordinals = language is None or language.partition("-")[0].lower() in ORDINAL_LANGUAGES
    return tuple(
        Sentence(text=text[start:end], start=start, end=end)
        for first, last in _units(text)
        for start, end in _split(text, first, last, ordinals=ordinals)
    )


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Give the spans between line breaks that end a sentence, without white space at either end."""
    block: list[tuple[int, int]] = []
    position = 0
    for line in text.splitlines(keepends=True):
        span = _strip(text, position, position + len(line))
        position += len(line)
        if span[0] < span[1]:
            block.append(span)
        else:
            yield from _join_soft_breaks(text, block)
            block = []
    yield from _join_soft_breaks(text, block)


def _join_soft_breaks(text: str, block: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    if not block:
        return
    wrapped = _is_hard_wrapped(text, block)
    start, end = block[0]
    for line_start, line_end in block[1:]:
        if not (wrapped or _is_small(text[line_start])):
            yield start, end
            start = line_start
        end = line_end
    yield start, end


def _is_hard_wrapped(text: str, block: list[tuple[int, int]]) -> bool:
    width = max(end - start for start, end in block)
    if width not in _WRAP_WIDTHS:
        return False
    return all(
        end - start + 1 + len(next(_FIRST_WORD.finditer(text, *following)).group()) > width
        for (start, end), following in pairwise(block)
    )


def _split(text: str, start: int, end: int, *, ordinals: bool) -> Iterator[tuple[int, int]]:
    for stop in _END.finditer(text, start, end):
        if _ends_sentence(text, start, stop, end, ordinals=ordinals):
            after = stop.end()
            # With no white space around, only counting tells whether a straight quote closes.
            if stop["stops"] is None and text.startswith('"', after) and text.count('"', start, after) % 2:
                after += 1
            yield start, after
            start, _ = _strip(text, after, end)
    if start < end:
        yield start, end


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    """Narrow a span to what lies between its white space, as `str.strip` sees it."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _is_small(letter: str) -> bool:
    """Tell a letter that opens no sentence; Georgian ones do, though Unicode calls them lower-case."""
    return letter != letter.title()


def _ends_sentence(text: str, start: int, stop: regex.Match[str], end: int, *, ordinals: bool) -> bool:
    stops = stop["stops"]
    if stops is None:  # a wide one
        return True
    following = _NEXT.match(text, stop.end(), end)
    if following is None:  # nothing but a stray quote or dash
        return False
    word = following["word"]
    if word[0] in _GOING_ON or (_is_small(word[0]) and not word[1:2].isupper()):  # iPhone opens one
        return False
    if stops == ".":
        return _full_stop_ends(text, start, stop.start(), word, ordinals=ordinals)
    is_ellipsis = not stops.strip(".…‥")
    return word[0].isupper() or not is_ellipsis


def _full_stop_ends(text: str, start: int, stop: int, word: str, *, ordinals: bool) -> bool:
    """Tell whether the full stop at `stop`, with `word` next, ends the sentence that began at `start`."""
    match = _LAST_WORD.search(text, max(start, stop - _LOOK_BACK), stop)
    if match is None:
        return True
    last = match.group()
    if last in BEFORE_A_NAME or (match.start() == start and _NUMBERING.fullmatch(last)):
        return False
    if word in OPENERS:
        return True
    if last in BEFORE_A_NUMBER:
        return not (word[0].isdecimal() or _ROMAN.fullmatch(word))
    if last in AMBIGUOUS or _LETTERS.fullmatch(last):
        return False
    return not (ordinals and _ORDINAL.fullmatch(last))
