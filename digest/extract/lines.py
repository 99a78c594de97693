"""Tell the lines of an article from a page's furniture, by what each is like and where it stands.

A logistic regression in two stages over features of a block of text: the first sees the block, its two
neighbours and the page; the second sees also what the first thought of the blocks around. The weights
in `furniture.json` were fitted by `bench/furniture.py`; nothing here knows any particular site.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate, pairwise
from operator import mul

from digest.clean import clean_text
from digest.extract.lexicon import CUE_PAIRS, CUE_WORDS, FUNCTION, KINDS

THRESHOLD = 0.5  # of the second stage's probability; the best of .3 to .5 in cross-validation

_NEWLINE = re.compile("\r\n|[\r\n\u2028\u2029]")
_WORD = re.compile(r"\w+")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"[.!?…。！？؟।۔][\"'”’“»«)\]]*(?:\s|$)")
_BULLET = re.compile(r"\s*(?:[*+•◦▪□☆■○●·►▶»›#|-]|o |\d{1,2}[.)] )\s*")
_LINKISH = re.compile(r"[|•·›»©→←▶►]|://|www\.|@\w|\b\w+\.(?:com|org|net|de|fr)\b")
_COMMA = re.compile("[,;،、，]")
_QUOTE = tuple("\"'“„«»‘”「")

# Shape of a text that a program has filled to a fixed width (w3m, lynx, mail).
_WRAP_WIDTHS = range(50, 131)
_WRAP_SLACK = 0.85
_WRAP_SHARE = 0.6

# Sizes are in characters, and everything else that follows was set once by cross-validation's leave.
_STEPS = (20, 45, 90, 180, 360)
_LINE = 90  # shorter blocks are headings, items, labels
_PARAGRAPH = 100
_FEW_WORDS = 25
_KNOWN_LANGUAGE = 0.1  # share of function words that shows that we have the language's
_STORY_BEGUN = 0.2  # of the page's prose, before which nothing ends the story

OWN = (
    *("one", "size", *(f"size<{step}" for step in _STEPS)),
    *("function", "sentence end", "sentences", "no end", "colon", "ellipsis", "commas", "lower start"),
    *("quote", "bullet", "bullet in list", "linkish", "digits", "capitals", "all capitals", "gap"),
    *KINDS,
    *("few words " + kind for kind in KINDS),
    *("shared", "repeated", "short shared"),
)
PLACE = (
    *("start", "start^2", "before prose", "after prose", "inside best run", "from best run"),
    *("after end cue", "after talk cue", "page blocks", "page prose", "page caps", "near size"),
)
AROUND = (
    *("p-3", "p-2", "p-1", "p0", "p+1", "p+2", "p+3", "near", "wide", "before", "after"),
    *("inside run", "from run", "p-1 short", "p+1 short", "between"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph-like piece of a page."""

    text: str  # as clean_text gives it, never empty
    gap: bool  # an empty line stands before it


def split_blocks(text: str) -> list[Block]:
    """Cut a text at its line ends, joining the lines of paragraphs that were filled to a width."""
    lines = _NEWLINE.split(text)
    width = _fill_width(lines)
    pieces: list[list[str]] = []
    gaps: list[bool] = []
    gap = joins = False
    for line in lines:
        if not line.strip():
            gap, joins = True, False
            continue
        if joins and not _BULLET.match(line) and _is_full(pieces[-1][-1], line, width):
            pieces[-1].append(line)
        else:
            pieces.append([line])
            gaps.append(gap)
        gap, joins = False, width > 0
    cleaned = ((clean_text("\n".join(piece)), gap) for piece, gap in zip(pieces, gaps, strict=True))
    return [Block(line, gap) for line, gap in cleaned if line]


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the first word of the next line would hardly have fitted on this one."""
    return len(line) + 1 + len(following.split(None, 1)[0]) > width * _WRAP_SLACK


def _fill_width(lines: Sequence[str]) -> int:
    """Give the width that the text was filled to, or 0 where its lines are whole paragraphs."""
    lengths = sorted(len(line) for line in lines if " " in line.strip())
    if not lengths:
        return 0
    width = lengths[int(len(lengths) * 0.98)]
    if width not in _WRAP_WIDTHS or sum(n for n in lengths if n > width * 1.1) > 0.1 * sum(lengths):
        return 0
    pairs = [(a, b) for a, b in pairwise(lines) if len(a) > width * 0.6 and b.strip()]
    full = sum(_is_full(a, b, width) for a, b in pairs)
    return width if full > 1 and full >= len(pairs) * _WRAP_SHARE else 0


@dataclass(frozen=True, slots=True)
class _Measured:
    """What can be said of one block without looking at the others."""

    words: list[str]
    size: int  # characters; a Chinese or Japanese one counts three times
    function: float  # share of function words
    capitals: float  # share of words with a capital
    ends: bool  # like a sentence
    sentences: int
    bullet: bool
    cues: Counter[str | None]

    @property
    def prose(self) -> bool:
        """Whether it is long enough, and ends, like a paragraph."""
        return self.size >= _PARAGRAPH and (self.ends or self.sentences > 1)


def _measure(block: Block) -> _Measured:
    text = block.text
    words = _WORD.findall(text.casefold())
    count = len(words) or 1
    size = len(text) if text.isascii() else len(text) + 2 * len(_IDEOGRAPH.findall(text))
    cues = Counter(map(CUE_WORDS.get, words))
    cues.update(map(CUE_PAIRS.get, pairwise(words)))
    printed = _WORD.findall(text)
    ends = list(_SENTENCE_END.finditer(text))
    return _Measured(
        words=words,
        size=size,
        function=sum(map(FUNCTION.__contains__, words)) / count,
        capitals=sum(word[0].isupper() for word in printed) / count,
        ends=bool(ends) and ends[-1].end() == len(text),
        sentences=len(ends),
        bullet=_BULLET.match(text) is not None,
        cues=cues,
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the page as a whole is like."""

    function: float
    capitals: float
    vocabulary: Counter[str]  # in how many paragraphs each word stands
    texts: Counter[str]


def _survey(blocks: Sequence[Block], measured: Sequence[_Measured]) -> _Whole:
    prose = [m for m in measured if m.prose] or list(measured)
    weight = sum(m.size for m in prose) or 1
    vocabulary: Counter[str] = Counter()
    for m in prose:
        vocabulary.update(set(m.words))
    return _Whole(
        function=sum(m.function * m.size for m in prose) / weight,
        capitals=sum(m.capitals * m.size for m in prose) / weight,
        vocabulary=vocabulary,
        texts=Counter(block.text for block in blocks),
    )


def _own(block: Block, m: _Measured, before: _Measured | None, whole: _Whole) -> list[float]:
    """Give the features in the order of OWN."""
    text, count = block.text, len(m.words)
    known = whole.function > _KNOWN_LANGUAGE
    content = {word for word in m.words if word not in FUNCTION and not word.isdigit()}
    shared = sum(whole.vocabulary[word] > m.prose for word in content) / (len(content) + 1)
    cues = [m.cues[kind] for kind in KINDS]
    few = float(count < _FEW_WORDS)
    return [
        1.0,
        math.log1p(min(m.size, 1500)) / 5,
        *(float(m.size < step) for step in _STEPS),
        min(2.0, m.function / whole.function) if known else float(m.size > _LINE),
        float(m.ends),
        min(m.sentences, 6) / 3,
        float(not m.ends and m.size >= _LINE),
        float(text.endswith((":", "："))),
        float(text.endswith(("...", "…", "[…]", "»"))),
        min(1.0, 8 * len(_COMMA.findall(text)) / (count + 5)),
        float(text[0].islower()),
        float(text.startswith(_QUOTE)),
        float(m.bullet),
        float(m.bullet and before is not None and before.bullet),
        min(3, len(_LINKISH.findall(text))) / 2,
        min(1.0, 4 * sum(map(str.isdigit, text)) / len(text)),
        max(-0.3, m.capitals - whole.capitals),
        float(text.isupper()),
        float(block.gap),
        *(min(2.0, 20 * n / (count + 15)) for n in cues),
        *(min(n, 2) * few for n in cues),
        shared,
        float(whole.texts[text] > 1),
        shared * few,
    ]


def best_run(gains: Sequence[float]) -> tuple[int, int]:
    """Give the span [start, end) of consecutive items with the greatest sum (Kadane)."""
    best, span, total, start = 0.0, (0, 0), 0.0, 0
    for i, gain in enumerate(gains):
        if total <= 0:
            total, start = 0.0, i
        total += gain
        if total > best:
            best, span = total, (start, i + 1)
    return span


def _distance(i: int, span: tuple[int, int]) -> float:
    """Give how many blocks `i` is away from the span, dampened."""
    start, end = span
    return math.log1p(max(start - i, i - end + 1, 0)) / 3


def _places(measured: Sequence[_Measured], whole: _Whole) -> list[list[float]]:
    """Give for each block the features in the order of PLACE."""
    count = len(measured)
    sizes = [m.size for m in measured]
    total = sum(sizes) or 1
    starts = [0, *accumulate(sizes)]
    prose = [m.size if m.prose else 0 for m in measured]
    prose_total = sum(prose) or 1
    told = [0, *accumulate(prose)]
    run = best_run(
        [size - 60 if m.prose else min(size, 60) - 60 for size, m in zip(sizes, measured, strict=True)]
    )
    page = [math.log1p(count) / 5, prose_total / total, whole.capitals]
    result = []
    end = talk = 0.0
    for i, m in enumerate(measured):
        near = sum(min(size, 400) for size in sizes[max(0, i - 2) : i + 3]) / 2000
        before = told[i] / prose_total
        if before > _STORY_BEGUN and m.size < _LINE:
            end = min(3.0, end + (m.cues["end"] > 0))
            talk = min(3.0, talk + (m.cues["talk"] > 0))
        start = starts[i] / total
        result.append(
            [
                start,
                start * start,
                float(before == 0),
                1 - (told[i + 1] / prose_total),
                float(run[0] <= i < run[1]),
                _distance(i, run),
                end / 3,
                talk / 3,
                *page,
                near,
            ]
        )
    return result


def describe(blocks: Sequence[Block]) -> tuple[list[list[float]], list[list[float]]]:
    """Give for each block what it is like (OWN) and where it stands (PLACE)."""
    measured = [_measure(block) for block in blocks]
    whole = _survey(blocks, measured)
    before = [None, *measured]
    own = [_own(b, m, p, whole) for b, m, p in zip(blocks, measured, before, strict=False)]
    return own, _places(measured, whole)


def around(blocks: Sequence[Block], probabilities: Sequence[float]) -> list[list[float]]:
    """Give for each block what the first stage thought of those around it (AROUND)."""
    count = len(blocks)
    padded = [0.0] * 3 + list(probabilities) + [0.0] * 3
    sizes = [min(len(block.text), 400) for block in blocks]
    mass = [p * size for p, size in zip(probabilities, sizes, strict=True)]
    masses, weights = [0.0, *accumulate(mass)], [0, *accumulate(sizes)]
    total = masses[-1] or 1.0
    run = best_run([(p - 0.4) * size for p, size in zip(probabilities, sizes, strict=True)])
    short = [float(size < _STEPS[1]) for size in sizes]
    result = []
    for i, p in enumerate(probabilities):
        near, wide = (_mean(masses, weights, max(0, i - n), min(count, i + n + 1)) for n in (2, 6))
        before, after = masses[i] / total, 1 - masses[i + 1] / total
        result.append(
            [
                *padded[i : i + 7],
                near,
                wide,
                before,
                after,
                float(run[0] <= i < run[1]),
                _distance(i, run),
                padded[i + 2] * short[i],
                padded[i + 4] * short[i],
                min(padded[i + 2], padded[i + 4]) * (1 - p),
            ]
        )
    return result


def _mean(masses: Sequence[float], weights: Sequence[int], start: int, end: int) -> float:
    return (masses[end] - masses[start]) / (weights[end] - weights[start] or 1)


@cache
def _weights() -> dict[str, list[float]]:
    loaded: dict[str, list[float]] = json.loads((files(__package__) / "furniture.json").read_text("ascii"))
    return loaded


def first_stage(
    own: Sequence[Sequence[float]], places: Sequence[Sequence[float]], weights: dict[str, list[float]]
) -> list[float]:
    """Give each block's probability of being the article's, from itself and its neighbours."""
    here, before, after = ([_dot(weights[name], x) for x in own] for name in ("own", "before", "after"))
    return [
        _logistic(a + b + c + _dot(weights["place"], place))
        for a, b, c, place in zip(here, [0.0, *before], [*after[1:], 0.0], places, strict=False)
    ]


def probabilities(blocks: Sequence[Block]) -> list[float]:
    """Give for each block the probability that it belongs to the article."""
    weights = _weights()
    own, places = describe(blocks)
    first = first_stage(own, places, weights)
    parts = zip(own, places, around(blocks, first), strict=True)
    return [
        _logistic(_dot(weights["own2"], a) + _dot(weights["place2"], b) + _dot(weights["around"], c))
        for a, b, c in parts
    ]


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    total: float = sum(map(mul, weights, values))
    return total


def _logistic(z: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))
