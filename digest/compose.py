"""Lay the chosen stories out as an issue: sections in order, as much as the minutes allow, every sentence checked.

Pure. `shorten` gives smaller and smaller forms of an issue for letters that would not fit.
"""

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime

from digest import config
from digest.budget import fit
from digest.config import MORE
from digest.curate import TOP
from digest.errors import IssueError
from digest.model import Correction, Issue, Section, Sentence, Story


def compose(
    stories: Sequence[Story],
    wishes: config.List,
    *,
    name: str,
    number: int,
    on: date,
    closed: datetime,
    corrections: Sequence[Correction] = (),
) -> Issue:
    """Give the issue of list `name` for the date `on`, from stories that come best first.

    The sections follow the settings, the top stories before them all. Where the list has a limit of minutes, stories
    are shortened and left out until the rest can be read in that time; see `budget`.

    Raises:
        IssueError: a sentence does not stand word for word where it says it does.

    """
    kept = fit(stories, wishes.minutes) if wishes.minutes else stories
    order = list(dict.fromkeys((TOP, *wishes.sections)))
    extra = sorted({story.section for story in kept} - set(order))
    sections = (
        Section(
            name=section,
            title=_title(section, wishes),
            stories=tuple(story for story in kept if story.section == section),
        )
        for section in (*order, *extra)
    )
    issue = Issue(
        list=name,
        number=number,
        date=on,
        closed=closed,
        sections=tuple(section for section in sections if section.stories),
        corrections=tuple(corrections),
    )
    check_verbatim(issue)
    return issue


def check_verbatim(issue: Issue) -> None:
    """Refuse an issue in which a sentence is not a verbatim span of one of its story's articles.

    Raises:
        IssueError: naming the story and the sentence.

    """
    for story in issue.stories:
        for sentence in story.summary:
            if not _stands(sentence, story):
                raise IssueError(
                    f"issue {issue.list}/{issue.number} is not published: a sentence of {story.lead.title!r} "
                    f"does not stand in the article word for word: {sentence.text!r}"
                )


def _stands(sentence: Sentence, story: Story) -> bool:
    try:
        text = story.article_of(sentence).text
    except KeyError:
        return False
    return text[sentence.start : sentence.end] == sentence.text


def shorten(issue: Issue, steps: int) -> Issue:
    """Give the issue with `steps` sentences fewer, taken from the lowest stories first.

    In a first round every story keeps its first sentence; in a second one the lowest lose that too and stay
    as headlines; in the last they are left out, down to a single one. See `most_steps`.
    """
    summaries = [len(story.summary) for story in issue.stories]
    kept = [True] * len(summaries)
    for floor in (1, 0):
        for index in reversed(range(len(summaries))):
            cut = min(steps, max(summaries[index] - floor, 0))
            summaries[index] -= cut
            steps -= cut
    for index in reversed(range(1, len(summaries))):
        if steps > 0:
            kept[index] = False
            steps -= 1
    shorter = iter(zip(summaries, kept, strict=True))
    sections = []
    for section in issue.sections:
        stories = []
        for story in section.stories:
            sentences, stays = next(shorter)
            if stays:
                stories.append(dataclasses.replace(story, summary=story.summary[:sentences]))
        if stories:
            sections.append(dataclasses.replace(section, stories=tuple(stories)))
    return dataclasses.replace(issue, sections=tuple(sections))


def most_steps(issue: Issue) -> int:
    """Give the number of steps after which `shorten` leaves one headline."""
    return sum(len(story.summary) for story in issue.stories) + max(len(issue.stories) - 1, 0)


def _title(section: str, wishes: config.List) -> str:
    """Give the printed title of a section; the letter's language names the ones without (see templates)."""
    settings = wishes.sections.get(section)
    if settings and settings.title:
        return settings.title
    return "" if section in (TOP, MORE) else section.capitalize()
