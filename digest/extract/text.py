"""Read an article out of a web page that was saved as plain text, furniture and all.

    text → blocks → which are the story's? → headline before it → dates and names between them → Page

The model of `lines.py` tells story from furniture; what stands below the story never speaks of it,
except for the number of its votes.
"""

import re
from collections.abc import Sequence

from digest.extract.byline import LONGEST, read_author, read_dateline, read_dates, read_votes
from digest.extract.headline import find_headline, find_section, headline_text
from digest.extract.lines import THRESHOLD, best_run, probabilities, split_blocks
from digest.extract.page import Page

_PARAGRAPH = 80  # characters that make a line a paragraph rather than a heading
_ABOVE = 3  # lines above the headline that may still be its byline
_INTO = 6  # lines of the story between which a byline may stand
_FARTHEST = 300  # lines above the headline that may hold its date
_BENEFIT = 0.1  # the threshold for a text that shows no furniture at all
_SHORT = 60  # characters of a line that may be a heading or a label
_SURE = 0.75  # chance
_SENTENCE = re.compile(r"[.!?…。！？؟।۔][\"'”’“»«)\]]*$")


def read_text(text: str, *, language: str | None = None) -> Page:
    """Tell the story from its furniture; a page that is all furniture has an empty body.

    `language` (BCP 47) only settles whether 03/04/2026 is in March or in April. The paragraphs are as
    printed, but for what `clean_text` takes out.
    """
    blocks = split_blocks(text)
    lines = [block.text for block in blocks]
    chances = probabilities(blocks)
    votes = [read_votes(line) for line in lines]
    kept = _choose(lines, chances, votes)
    if not any(kept):
        return Page()
    start = _first_paragraph(lines, chances, kept)
    story = [line for line, keep in zip(lines[start:], kept[start:], strict=True) if keep]
    at = find_headline(lines[:start], story)
    title = None if at is None else headline_text(lines[at], [*lines[:at], *lines[at + 1 :]])
    near, far = _around_headline(lines, kept, at, start)
    published, modified = read_dates([*near, *far], language=language)
    return Page(
        title=title,
        author=_author(near),
        published=published,
        modified=modified,
        dateline=read_dateline(lines[start]),
        votes=next((count for count in reversed(votes) if count is not None), 0),
        section=find_section(lines[:start], title),
        body=tuple(line for i, line in enumerate(lines) if kept[i] and i != at),
    )


def _choose(lines: Sequence[str], chances: Sequence[float], votes: Sequence[int | None]) -> list[bool]:
    """Say which lines are the story's; a short one at its very end must be surer than the others."""
    plain = _is_plain(lines)
    threshold = _BENEFIT if plain else THRESHOLD
    kept = [chance > threshold and count is None for chance, count in zip(chances, votes, strict=True)]
    for i in reversed([i for i, keep in enumerate(kept) if keep and not plain]):
        if len(lines[i]) >= _SHORT or chances[i] > _SURE:
            break
        kept[i] = False
    return kept


def _is_plain(lines: Sequence[str]) -> bool:
    """Whether every line but the first, which may be a headline, ends like a sentence."""
    return all(_SENTENCE.search(line, len(line) - 5) for line in lines[1:])


def _first_paragraph(lines: Sequence[str], chances: Sequence[float], kept: Sequence[bool]) -> int:
    """Give where the story begins: the first real paragraph of its densest part."""
    gains = [
        (chance - THRESHOLD) * min(len(line), LONGEST) for line, chance in zip(lines, chances, strict=True)
    ]
    run = [i for i in range(*best_run(gains)) if kept[i]] or [kept.index(True)]
    return next((i for i in run if len(lines[i]) >= _PARAGRAPH), run[0])


def _around_headline(
    lines: Sequence[str], kept: Sequence[bool], at: int | None, start: int
) -> tuple[list[str], list[str]]:
    """Give the lines that may say who wrote the story and when, the likeliest first; and farther ones.

    Near are those between the headline and the story, those just above the headline, and those that
    interrupt the story near its beginning. Farther up, a line may still hold the date, but no name.
    """
    top = -1 if at is None else at
    last = max(i for i, keep in enumerate(kept) if keep)
    inside = [i for i in range(start, min(start + _INTO, last)) if not kept[i]]
    above = range(top - 1, max(-1, top - _FARTHEST), -1)
    near = (*range(top + 1, start), *above[:_ABOVE], *inside)
    return (
        [lines[i] for i in near if len(lines[i]) <= LONGEST],
        [lines[i] for i in above[_ABOVE:] if len(lines[i]) <= LONGEST],
    )


def _author(lines: Sequence[str]) -> str | None:
    following = (*lines[1:], "")
    names = (read_author(line, after) for line, after in zip(lines, following, strict=False))
    return next((name for name in names if name), None)
