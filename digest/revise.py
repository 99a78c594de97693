"""Tell what a source did to an article after it was read, and what of that the readers of an issue must hear.

Pure. The rule, in four words:

    the same      Two texts say the same where they differ only in white space, capitals, invisible characters, commas
                  between words, and the kind of quotation marks and dashes. One letter or digit more is a difference:
                  no distance between spellings tells "recieve" from "million" and "billion".
    recognised    A text is taken for a later state of another only where half of its pairs of neighbouring words are
                  still there and it is neither much shorter nor much longer. A wall of cookies, a front page, a
                  teaser, the article behind a teaser, or another article prove nothing.
    stands        A sentence stands in a text where it is one of its sentences, or some of its sentences together; one
                  that is merely part of another ("he did it" in "it is not true that he did it") does not.
    like          What took the place of a sentence is the one most like it among those that are new, if half of
                  their words are the same; else nothing did.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from unicodedata import normalize

import regex

from digest.model import Article, Correction, Earlier, Issue, Revision, Story
from digest.sentences import sentences

LEAST_KEPT = 0.5
"""The share of an article's pairs of words that must still be there; two different articles share 0.33 at most."""

LEAST_LENGTH = 0.75
"""A text that lost more than a quarter was cut off, not corrected."""

LEAST_LIKE = 0.5
"""The share of words that two sentences must have in common for one to have taken the other's place."""

MOST_LENGTH = 2.0
"""A text that more than doubled is the article behind a teaser, not the teaser, corrected."""

MOST_CHARACTERS = 200_000
"""A longer text, a book's, is not compared."""

_WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\p{L}\p{M}\p{N}]+")
_UNSEEN = regex.compile(r"[\p{Cf}\p{Cc}--\s]", regex.V1)
_MARKS = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‘’‚‛‹›´`′", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"…": "..."}
)
_GROUPED = regex.compile(r"(?<=\d)[\s'](?=\d{3}(?!\d))")  # 12 000, 12'000
_COMMA = regex.compile(r"(?<!\d)[,،，、]|[,،，、](?!\d)")
_LOOSE_SPACE = regex.compile(r"""\s+(?=["!?;:)\]-])|(?<=["(\[-])\s+""")
_STOPS = ".!?…؟۔।。！？｡"
_CLOSING = "\"')\\]」』】）》"


def plain(text: str) -> str:
    """Give the one spelling of all texts that say the same."""
    text = normalize("NFC", _UNSEEN.sub("", text.translate(_MARKS)).lower())
    text = _COMMA.sub(" ", _GROUPED.sub("", text))
    return _LOOSE_SPACE.sub("", " ".join(text.split()))


def recognises(before: str, after: str) -> bool:
    """Tell whether `after` is plainly a later state of the text `before`."""
    if not LEAST_LENGTH * len(before) <= len(after) <= min(MOST_LENGTH * len(before), MOST_CHARACTERS):
        return False
    old, new = (Counter(pairwise(("", *_words(text)))) for text in (before, after))
    return bool(old) and (old & new).total() >= LEAST_KEPT * old.total()


def reread(stored: Article, page: Article, *, titled: bool) -> Article | None:
    """Give a stored article as its page has it now, or None where the page says nothing else or cannot be told.

    The headline is the page's only where the stored one came from there too (`titled`).
    """
    if not recognises(stored.text, page.text):
        return None
    title = page.title if titled and plain(page.title) != plain(stored.title) else stored.title
    now = _Text(page)
    edited = not all(now.has(sentence.text) for sentence in sentences(stored.text, stored.language))
    if not edited and title == stored.title:
        return None
    body = page.body if edited else stored.body
    return dataclasses.replace(stored, title=title, body=body, modified=page.modified or stored.modified)


def quoted(story: Story) -> tuple[Article, ...]:
    """Give the articles whose words an issue prints of a story: the lead's, and those the summary draws on."""
    told = (story.lead, *map(story.article_of, story.summary))
    return tuple({article.id: article for article in told}.values())


def corrections_of(issues: Sequence[Issue], stored: Mapping[str, Article]) -> tuple[Correction, ...]:
    """Give what `issues` told otherwise than the articles are `stored` now, the gravest first, then the newest.

    What one of the issues has corrected already is not given again. A stored article without any text is gone.
    """
    listed = {_key(correction) for issue in issues for correction in issue.corrections}
    found: dict[tuple[str, ...], Correction] = {}
    for issue in sorted(issues, key=lambda issue: issue.number, reverse=True):
        for story in issue.stories:
            for told in quoted(story):
                if now := stored.get(told.id):
                    for correction in _compared(issue, story, told, now):
                        found.setdefault(_key(correction), correction)
    gravity = [Revision.GONE, Revision.EDITED, Revision.RETITLED]
    fresh = (correction for key, correction in found.items() if key not in listed)
    return tuple(sorted(fresh, key=lambda correction: gravity.index(correction.revision)))


def _compared(issue: Issue, story: Story, told: Article, now: Article) -> list[Correction]:
    """Hold what an issue printed of one article against the article as it is."""
    if (told.title, told.body) == (now.title, now.body):
        return []
    about = Correction(
        revision=Revision.GONE,
        told=Earlier(date=issue.date, number=issue.number),
        source=told.source,
        title=story.lead.title,
        url=told.url,
        language=told.language,
    )
    if not now.body:
        return [about]
    if not recognises(told.text, now.text):
        return []
    text, before = _Text(now), _Text(told)
    found = [
        dataclasses.replace(
            about, revision=Revision.EDITED, was=sentence.text, now=text.most_like(sentence.text, before)
        )
        for sentence in story.summary
        if story.article_of(sentence).id == told.id and not text.has(sentence.text)
    ]
    if told.id == story.id and plain(told.title) != plain(now.title):
        found.append(dataclasses.replace(about, revision=Revision.RETITLED, was=told.title, now=now.title))
    return found


def _key(correction: Correction) -> tuple[str, ...]:
    """Give what makes two corrections one: not the issue, since several may have told the same."""
    return (correction.revision, correction.url or correction.title, correction.was)


class _Text:
    """An article's text, ready for many looks at its sentences."""

    def __init__(self, article: Article) -> None:
        self._sentences = [sentence.text for sentence in sentences(article.text, article.language)]
        self._spellings = [plain(text) for text in self._sentences]
        self._known = frozenset(self._spellings)
        self._whole = " ".join(self._spellings)

    def has(self, sentence: str) -> bool:
        """Tell whether a sentence stands here."""
        spelling = plain(sentence)
        if spelling in self._known:
            return True
        if not regex.search(rf"[{_STOPS}][{_CLOSING}]*\Z", spelling) or spelling not in self._whole:
            return False
        begins = rf"(?:\A|[{_STOPS}][{_CLOSING}]*\s?)"
        return regex.search(rf"{begins}{regex.escape(spelling)}(?!\w)", self._whole) is not None

    def most_like(self, sentence: str, before: "_Text") -> str:
        """Give the sentence here that took the place of one that stood in `before`, or nothing."""
        old = Counter(_words(sentence))
        new = (
            text
            for text, spelling in zip(self._sentences, self._spellings, strict=True)
            if spelling not in before._known  # noqa: SLF001 - another of its kind
        )
        alike = {text: _likeness(old, Counter(_words(text))) for text in new}
        best = max(alike, key=alike.__getitem__, default="")
        return best if alike.get(best, 0) >= LEAST_LIKE else ""


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Give the share of their words that two sentences have in common (Dice 1945)."""
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)


def _words(text: str) -> list[str]:
    return _WORD.findall(plain(text))
