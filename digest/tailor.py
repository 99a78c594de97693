"""Fit an issue to a reader's wishes: when his letter comes, and which stories stand in it.

Pure. Readers who wish for the same and have had the same get the same letter.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest import config
from digest.compose import compose
from digest.curate import choose
from digest.model import Article, Earlier, Issue, Reason, Sentence, Story
from digest.wishes import Frequency, Stance, Wishes

MOST_TELLINGS = 2
"""A story that several issues told has room for so many times the sentences that one may hold."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A story that goes on, of which readers have had only what issues up to a date told."""

    thread: str
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What decides which letter of an issue it is; all readers who share it get the same one."""

    wishes: Wishes  # their hours and zones aside, which only decide when
    since: date  # the letter holds what the issues after this one told
    away: bool = False  # those are more than its readers would have had if nothing had gone amiss
    behind: tuple[Behind, ...] = ()


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


def usual(days: Collection[date], wishes: Wishes) -> date:
    """Give the date of the last issue that one has had before the letter of the last of `days`, if none went amiss.

    One who reads weekly got the first issue of the last week that had one, one who reads on weekdays the last one of a
    weekday.
    """
    newest, *earlier = sorted(days, reverse=True)
    if wishes.frequency is Frequency.WEEKDAYS:
        return next((day for day in earlier if day.weekday() < _SATURDAY), date.min)
    if wishes.frequency is Frequency.WEEKLY:
        weeks = [_week(day) for day in earlier if _week(day) != _week(newest)]
        return min((day for day in earlier if weeks and _week(day) == weeks[0]), default=date.min)
    return max(earlier, default=date.min)


def variant(wishes: Wishes, *, days: Collection[date], since: date | None) -> Variant:
    """Give what decides a reader's letter of the last of `days`, the dates of the list's issues.

    `since` is the last issue that he had; None: he has had no letter, and is treated as one who missed nothing.
    """
    expected = usual(days, wishes)
    last = expected if since is None else max((day for day in days if day <= since), default=date.min)
    return Variant(wishes=dataclasses.replace(wishes, hour=None, zone=None), since=last, away=last < expected)


def behind(
    issues: Sequence[Issue], since: date, *, told: Mapping[str, date], until: date
) -> tuple[Behind, ...]:
    """Say of which stories that go on after `since` a reader has missed what an earlier issue told.

    His letters had no room for it then, or he did not want its topic. `told` says which issue last told him of each
    story; what issues up to `until` told counts as told.
    """
    going_on = {
        story.thread for issue in issues if issue.date > since for story in issue.stories if story.since
    }
    missed: dict[str, date] = {}
    for issue in sorted(issues, key=lambda issue: issue.date, reverse=True):
        for story in issue.stories:
            last = max(until, told.get(story.thread or story.id, date.min))
            if story.thread in going_on and story.thread and last < issue.date <= since:
                missed[story.thread] = issue.date
    return tuple(
        Behind(thread=thread, until=day - timedelta(days=1)) for thread, day in sorted(missed.items())
    )


def tailor(
    issues: Sequence[Issue], wanted: Variant, list_wishes: config.List, *, votes: Mapping[str, int]
) -> Issue:
    """Give the issue that a reader's letter holds: the newest of `issues`, or the best of all after `wanted.since`.

    A story that several issues told is one, and tells what is new to the reader: all since he last had it, and of a
    story that he has missed until now that too. What has no room in the letter is not made up for later, unless its
    story goes on. Topics of which he wants more come first, of those he wants less the best story stays, those he does
    not want are left out; then as much as his minutes allow. `votes` are the voices for each story; they count where
    issues are joined. Corrections stay, whatever he wishes.

    Raises:
        IssueError: a sentence does not stand in its article.

    """
    wishes = wanted.wishes
    fresh = sorted((i for i in issues if i.date > wanted.since), key=lambda i: i.date, reverse=True)
    newest = fresh[0]
    tellings = _tellings(issues, wanted)
    if len(fresh) == 1:
        stories = [_joined(told, list_wishes) for told in tellings]
    else:
        weighed = (_weighed(told, list_wishes, votes) for told in tellings)
        stories = list(choose(sorted(weighed, key=lambda story: -story.score), list_wishes))
    kept = list(_wanted(stories, wishes, list_wishes))
    first = [topic.name for topic in wishes.topics if topic.stance is Stance.MORE]
    if len(fresh) == 1 and kept == list(newest.stories) and not first and not wishes.minutes:
        return newest
    sections = {name: list_wishes.sections[name] for name in first if name in list_wishes.sections}
    fitted = list_wishes.model_copy(
        update={
            "minutes": wishes.minutes or list_wishes.minutes,
            "sections": sections | dict(list_wishes.sections),
        }
    )
    kept.sort(key=lambda story: list_wishes.section_of(story.lead) not in first)
    made = compose(
        _lifted(kept, first, list_wishes),
        fitted,
        name=newest.list,
        number=newest.number,
        on=newest.date,
        closed=newest.closed,
        corrections=[correction for issue in fresh for correction in issue.corrections],
    )
    since = Earlier(date=fresh[-1].date, number=fresh[-1].number) if wanted.away else None
    return dataclasses.replace(made, best_since=since)


def _tellings(issues: Sequence[Issue], wanted: Variant) -> list[list[Story]]:
    """Give of each story the tellings that are new to the reader, oldest first; the stories as they were told last."""
    until = {story.thread: story.until for story in wanted.behind}
    told: dict[str, list[Story]] = {}
    for issue in sorted(issues, key=lambda issue: issue.date):
        names = [story.thread or story.id for story in issue.stories]
        for name, story in zip(names, issue.stories, strict=True):
            if issue.date > until.get(name, wanted.since):
                told[name] = [*told.pop(name, []), story]
    return list(told.values())


def _joined(tellings: Sequence[Story], list_wishes: config.List) -> Story:
    """Tell as one story what several issues told of it, as the newest one leads it."""
    newest = tellings[-1]
    if len(tellings) == 1:
        return newest
    articles: dict[str, Article] = {}
    for telling in reversed(tellings):  # an article that came again stays as it came last
        for article in telling.articles:
            articles.setdefault(article.id, article)
    said: dict[str, tuple[int, int, Sentence]] = {}
    for number, telling in enumerate(tellings):
        for place, sentence in enumerate(telling.summary):
            article = articles[telling.article_of(sentence).id]
            start = _place(sentence, article)
            if start >= 0:
                found = dataclasses.replace(
                    sentence, start=start, end=start + len(sentence.text), article=article.id
                )
                said.setdefault(sentence.text, (number, place, found))
    most = MOST_TELLINGS * list_wishes.sentences
    kept = sorted(said.values(), key=lambda one: (one[1], -one[0]))[:most]
    return dataclasses.replace(
        newest,
        others=tuple(articles.values())[1:],
        summary=tuple(sentence for *_, sentence in sorted(kept, key=lambda one: one[:2])),
        reasons=max(tellings, key=lambda telling: telling.score).reasons,
        since=tellings[0].since,
    )


def _place(sentence: Sentence, article: Article) -> int:
    """Give where a sentence starts in an article, which may have changed since; -1 where it stands there no more."""
    if article.text.startswith(sentence.text, sentence.start):
        return sentence.start
    return article.text.find(sentence.text)


def _weighed(tellings: Sequence[Story], list_wishes: config.List, votes: Mapping[str, int]) -> Story:
    """Tell a story as one, in its own section again, and count what readers thought of it."""
    story = _joined(tellings, list_wishes)
    count = max(votes.get(telling.id, 0) for telling in tellings)
    vote = Reason(term="readers' votes", value=1 - 1 / (1 + count), weight=list_wishes.weights.votes)
    return dataclasses.replace(
        story,
        section=list_wishes.section_of(story.lead),
        reasons=(*story.reasons, vote) if count else story.reasons,
    )


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
