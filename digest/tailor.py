"""Fit an issue to a reader's wishes: when his letter comes, and which stories stand in it.

Pure. Readers who wish for the same get the same letter.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest import config
from digest.compose import compose
from digest.curate import choose
from digest.model import Issue, Reason, Story
from digest.wishes import Frequency, Stance, Wishes

_SATURDAY = 5
_LONGEST_REST = timedelta(days=35)


def due(
    wishes: Wishes, list_wishes: config.List, *, on: date, last: date | None, now: datetime
) -> datetime | None:
    """Give the moment at which a reader gets the issue of the date `on`, which is published now; None: not at all.

    `last` is the date of the list's issue before. The hour wished for is the first that comes after the list's own,
    so that one who wishes for the very hour of publication gets it at once, however late it is.
    """
    if wishes.frequency is Frequency.WEEKDAYS and on.weekday() >= _SATURDAY:
        return None
    if wishes.frequency is Frequency.WEEKLY and last is not None and _week(last) == _week(on):
        return None
    if wishes.hour is None:
        return now
    planned = datetime.combine(on, time.fromisoformat(list_wishes.at), ZoneInfo(list_wishes.timezone))
    zone = ZoneInfo(wishes.zone or list_wishes.timezone)
    today = planned.astimezone(zone).date()
    hours = (
        datetime.combine(today + timedelta(days=days), time.fromisoformat(wishes.hour), zone)
        for days in (0, 1, 2)
    )
    return max(next(hour for hour in hours if hour >= planned), now)


def first_day(wishes: Wishes, *, on: date) -> date:
    """Give the first date whose issue may belong into the letter of the date `on`; after a longer rest all is new."""
    return on if wishes.frequency is Frequency.DAILY else on - _LONGEST_REST


def covered(issues: Sequence[Issue], wishes: Wishes) -> tuple[Issue, ...]:
    """Give those issues, newest first, that the letter of the newest one holds for a reader.

    One who reads weekly got the first issue of the last week that had one, one who reads on weekdays the last one of a
    weekday: what came after that is new to him.
    """
    newest = max(issues, key=lambda issue: issue.date)
    earlier = sorted((issue.date for issue in issues if issue.date < newest.date), reverse=True)
    seen = newest.date
    if wishes.frequency is Frequency.WEEKDAYS:
        seen = next((day for day in earlier if day.weekday() < _SATURDAY), date.min)
    elif wishes.frequency is Frequency.WEEKLY:
        weeks = [_week(day) for day in earlier if _week(day) != _week(newest.date)]
        seen = min((day for day in earlier if weeks and _week(day) == weeks[0]), default=date.min)
    else:
        return (newest,)
    return tuple(
        sorted((i for i in issues if seen < i.date <= newest.date), key=lambda i: i.date, reverse=True)
    )


def tailor(
    issues: Sequence[Issue], wishes: Wishes, list_wishes: config.List, *, votes: Mapping[str, int]
) -> Issue:
    """Give the issue that a reader's letter holds: the newest of `issues`, or the best of all that `covered` gives.

    Topics of which he wants more come first, of those he wants less the best story stays, those he does not want are
    left out; then as much as his minutes allow. What readers voted for, by story, counts where issues are joined.
    Corrections stay, whatever he wishes.

    Raises:
        IssueError: a sentence does not stand in its article.

    """
    newest, *older = covered(issues, wishes)
    stories = list(_joined((newest, *older), list_wishes, votes)) if older else list(newest.stories)
    wanted = list(_wanted(stories, wishes, list_wishes))
    first = [topic.name for topic in wishes.topics if topic.stance is Stance.MORE]
    if not older and not first and wanted == stories and not wishes.minutes:
        return newest
    sections = {name: list_wishes.sections[name] for name in first if name in list_wishes.sections}
    fitted = list_wishes.model_copy(
        update={
            "minutes": wishes.minutes or list_wishes.minutes,
            "sections": sections | dict(list_wishes.sections),
        }
    )
    wanted.sort(key=lambda story: list_wishes.section_of(story.lead) not in first)
    lifted = _lifted(wanted, first, list_wishes)
    return compose(
        lifted,
        fitted,
        name=newest.list,
        number=newest.number,
        on=newest.date,
        closed=newest.closed,
        corrections=[correction for issue in (newest, *older) for correction in issue.corrections],
    )


def variant(wishes: Wishes) -> Wishes:
    """Give what of a reader's wishes decides what his letter is; all who share it get the same one."""
    return dataclasses.replace(wishes, hour=None, zone=None)


def _joined(issues: Sequence[Issue], list_wishes: config.List, votes: Mapping[str, int]) -> Iterator[Story]:
    """Choose the best of several issues' stories, each in its own section again, as for one issue."""
    best: dict[str, Story] = {}
    for issue in issues:  # the newest telling of a story stays
        for story in issue.stories:
            count = votes.get(story.id, 0)
            vote = Reason(term="readers' votes", value=1 - 1 / (1 + count), weight=list_wishes.weights.votes)
            best.setdefault(
                story.id,
                dataclasses.replace(
                    story,
                    section=list_wishes.section_of(story.lead),
                    reasons=(*story.reasons, vote) if count else story.reasons,
                ),
            )
    return choose(sorted(best.values(), key=lambda story: -story.score), list_wishes)


def _wanted(stories: Sequence[Story], wishes: Wishes, list_wishes: config.List) -> Iterator[Story]:
    shown: Counter[str] = Counter()
    for story in stories:
        topic = list_wishes.section_of(story.lead)
        stance = wishes.stance(topic)
        if stance is Stance.NONE or (stance is Stance.LESS and shown[topic]):
            continue
        shown[topic] += 1
        yield story


def _lifted(stories: Sequence[Story], topics: Sequence[str], list_wishes: config.List) -> list[Story]:
    """Let the stories of the topics that are wanted more count more than all others, where minutes are given out."""
    best = max((story.score for story in stories), default=0.0)
    wish = Reason(term="topic", value=1.0, weight=max(best, 0.0))
    return [
        dataclasses.replace(story, reasons=(*story.reasons, wish))
        if list_wishes.section_of(story.lead) in topics
        else story
        for story in stories
    ]


def _week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]
