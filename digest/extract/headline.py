"""Choose a story's headline, and the section it stands in, among the lines before its first paragraph."""

import re
from collections import Counter
from collections.abc import Sequence

from digest.extract.byline import find_dates, read_author
from digest.extract.lexicon import CUE_WORDS, FUNCTION, HOME

_FARTHEST = 300  # lines before the story in which its headline is looked for
_NEAR = 8
_WORDS = range(2, 41)
_USUAL_WORDS = range(4, 23)
_LONGEST = 250  # characters
_SHORTEST_PART = 16  # characters of a headline that is left when a site's name is cut off
_LEAST_SCORE = -0.2

_WORD = re.compile(r"\w+")
_STATEMENT = re.compile(r"[.…。۔।][\"'”’“»«)\]]*$")
_MARK = re.compile(r"^(?:#{1,6}|[*•+]) ")
_CRUMB = re.compile(r"\s*[»›>→≫]\s*|\s+/\s+")
_SITE = re.compile(r"\s+[–—-]\s+|\s*\|\s*")


def find_headline(lines: Sequence[str], story: Sequence[str]) -> int | None:
    """Give which of the lines before the story is its headline: the one that shares most with it.

    It stands near the story, often twice on the page (the browser's title repeats it), and is no
    sentence, date, byline or breadcrumb.
    """
    told = _content(" ".join(story))
    bare = [_bare(line) for line in lines]
    counts = Counter(bare)
    best, chosen = _LEAST_SCORE, None
    for i in range(max(0, len(lines) - _FARTHEST), len(lines)):
        if not _may_be_headline(bare[i]):
            continue
        score = (
            _score(bare[i], told)
            + 0.6 * (len(lines) - i <= _NEAR)
            + 0.3 * (counts[bare[i]] > 1)
            + 0.8 * lines[i].startswith("# ")
            + 0.5 * any(bare[i] in other and bare[i] != other for other in bare[max(0, i - _FARTHEST) : i])
        )
        if score > best:
            best, chosen = score, i
    return chosen


def _content(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in FUNCTION}


def _bare(line: str) -> str:
    """Take off the mark that a dump puts before a heading or an item."""
    return _MARK.sub("", line)


def _may_be_headline(line: str) -> bool:
    if len(line) > _LONGEST or len(_WORD.findall(line)) not in _WORDS or _CRUMB.search(line):
        return False
    return not read_author(line) and next(find_dates(line), None) is None


def _score(line: str, told: set[str]) -> float:
    """Say how much like the headline of a story that uses the words `told` a line is."""
    words = _WORD.findall(line.casefold())
    content = _content(line)
    shared = len(content & told)
    return (
        2.0 * shared / (len(content) + 2)
        + 0.05 * min(shared, 6)
        - 1.0 * sum(word in CUE_WORDS for word in words) / len(words)
        - 0.5 * (_STATEMENT.search(line) is not None)
        - 0.4 * (len(words) not in _USUAL_WORDS)
    )


def headline_text(line: str, others: Sequence[str]) -> str:
    """Give the headline without the site's name, where it also stands without it among the other lines."""
    whole = _bare(line)
    parts = sorted(_SITE.split(whole), key=len, reverse=True)
    alone = {_bare(other) for other in others}
    return next((part for part in parts if len(part) >= _SHORTEST_PART and part in alone), whole)


def find_section(lines: Sequence[str], headline: str | None) -> str | None:
    """Give the last element of a breadcrumb (Home » City) that is not the headline."""
    start = (headline or "").casefold()
    for line in lines:
        if len(line) > _LONGEST:
            continue
        first, *inner = _CRUMB.split(_bare(line))
        if first.rpartition(":")[2].strip().casefold() in HOME:
            names = (name.strip(" .…") for name in reversed(inner))
            found = next((name for name in names if name and not start.startswith(name.casefold())), None)
            if found:
                return found
    return None
