"""The day, one call per step: what is published, and how it is printed.

    publish        stored articles ─ curate ─▶ stories ─ choose ─ summarise ─▶ … ─ compose ─▶ issue ─▶ frozen, with a
                   row a reader
    print_letter   issue ─ shorten ─ render ─▶ letter that fits into a mail

Publishing is one transaction: the issue and its deliveries are there together or not at all, and publishing the
same list and date again changes nothing.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from digest import config
from digest.collect import REMEMBERED, thread
from digest.compose import compose, most_steps, shorten
from digest.curate import LIKED_SINCE, NOTHING, RHYTHM_SINCE, Memory, curate, decide, shares
from digest.errors import MessageError
from digest.govern.wave import begin, first_wave
from digest.message import html_octets
from digest.model import Article, Candidate, Correction, Issue, Letter, Story, Told, Verdict
from digest.recheck import Recheck
from digest.render import Blank, Masthead, Press, fill, render
from digest.revise import corrections_of, quoted
from digest.store import Database, articles, deliveries, issues, subscribers, votes
from digest.summarise import summarise_story
from digest.tailor import due

LARGEST_LETTER = 90_000
"""Octets of the encoded HTML; Gmail cuts a letter off at about 102 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A list's issue of one date; `new` is false where it had been published before."""

    issue_id: int
    issue: Issue
    new: bool
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue as it would be published, and every story that was weighed for it, best first."""

    issue: Issue
    candidates: tuple[Candidate, ...]


def publish(
    name: str,
    wishes: config.List,
    sources: Sequence[str],
    database: Database,
    *,
    on: date,
    now: datetime,
    expiry: timedelta,
    recheck: Recheck | None = None,
    canary: config.Canary | None = None,
    frozen: Callable[[sa.Connection, int], None] = lambda *_: None,
) -> Published | None:
    """Publish a list's issue for the date `on`, or give the one that is there.

    It is made of the sources' articles first ingested since the list's last issue closed. None means that there
    are fewer stories than the list's settings ask for, and no issue that says so is wanted; what was ingested waits
    for the next one. `recheck` looks again at what would be told and at the issue before, and the issue is made anew
    where that is not as it was. `canary` says who gets it before the others; `frozen` is called in the transaction that
    makes the rows, with their number.

    Raises:
        IssueError: a promise is broken; nothing is published.
        StoreError: the database refused; nothing is published.

    """
    with database.transaction() as connection:
        found = issues.find(connection, name, on)
    while found is None:
        made = draft(name, wishes, sources, database, on=on, now=now)
        issue = made.issue
        if recheck and not issue.thin:
            with database.transaction() as connection:
                last = issues.newest(connection, name, limit=1)
            if recheck(issue, *last):
                continue
        with database.transaction() as connection:
            found = issues.find(connection, name, on)
            if found or issue.number != issues.next_number(connection, name):
                continue  # another run was faster; if it made another date's issue, that one has these articles
            if issue.thin and wishes.thin_day == "wait":
                return None
            issue_id = issues.freeze(connection, issue, made.candidates)
            readers = _enqueue(
                connection, issue_id, name, wishes, on=on, now=now, expiry=expiry, canary=canary
            )
            frozen(connection, readers)
        return Published(issue_id=issue_id, issue=issue, new=True, readers=readers)
    return Published(issue_id=found[0], issue=found[1], new=False, readers=0)


def _enqueue(
    connection: sa.Connection,
    issue_id: int,
    name: str,
    wishes: config.List,
    *,
    on: date,
    now: datetime,
    expiry: timedelta,
    canary: config.Canary | None,
) -> int:
    """Make the rows of an issue's readers, each due at his hour, and give how many."""
    subscribers.resume_due(connection, now=now)
    last = issues.last_date(connection, name, before=on)
    when = partial(due, list_wishes=wishes, on=on, last=last, now=now)
    wave = first_wave(connection, issue_id, name, canary, now=now) if canary else None
    readers = deliveries.enqueue(connection, issue_id, name, due=when, now=now, lifetime=expiry, wave=wave)
    if wave:
        begin(connection, wave, name)
    return readers


def draft(
    name: str, wishes: config.List, sources: Sequence[str], database: Database, *, on: date, now: datetime
) -> Draft:
    """Give the issue that `publish` would freeze, of what is stored now."""
    thread(database, now=now)
    with database.transaction() as connection:
        since = issues.last_closed(connection, name)
        fresh = articles.first_ingested(connection, sources, after=since, until=now)
        number = issues.next_number(connection, name)
        memory = Memory(
            threads=articles.threads_of(connection, sources, after=since, until=now),
            told=issues.told(connection, name, since=now - REMEMBERED),
            liked=shares(votes.by_source(connection, name, since=now - LIKED_SINCE)),
            rhythm=articles.a_day(connection, since=now - RHYTHM_SINCE, now=now),
        )
        told, stored = _to_correct(connection, name, wishes, on=on)
    corrections = corrections_of(told, stored)
    return edit(
        fresh, wishes, name=name, number=number, on=on, closed=now, memory=memory, corrections=corrections
    )


def _to_correct(
    connection: sa.Connection, name: str, wishes: config.List, *, on: date
) -> tuple[Sequence[Issue], Mapping[str, Article]]:
    """Give the issues that may still have to be corrected, and the articles they quote as they are stored now."""
    if not wishes.corrections_days:
        return (), {}
    told = issues.between(connection, name, on - timedelta(days=wishes.corrections_days), date.max)
    ids = {article.id for issue in told for story in issue.stories for article in quoted(story)}
    return told, articles.get(connection, ids)


def edit(
    found: Iterable[Article],
    wishes: config.List,
    *,
    name: str,
    number: int,
    on: date,
    closed: datetime,
    memory: Memory = NOTHING,
    corrections: Sequence[Correction] = (),
) -> Draft:
    """Take articles through curate, summarise and compose; pure.

    `corrections` says what earlier issues told and is otherwise now.

    Raises:
        IssueError: a sentence does not stand in its article.

    """
    ranked = curate(found, wishes, now=closed, memory=memory)
    news = filter(None, (_news(story, wishes, memory) for story in ranked))
    decided = {story.id: (story, verdict) for story, verdict in decide(news, wishes)}
    chosen = [
        story if story.summary else _summarised(story, wishes)
        for story, verdict in decided.values()
        if verdict is Verdict.CHOSEN
    ]
    issue = compose(chosen, wishes, name=name, number=number, on=on, closed=closed, corrections=corrections)
    issue = dataclasses.replace(issue, thin=len(chosen) < wishes.fewest_stories)
    printed = {story.id for story in issue.stories}
    decided |= {story.id: (story, Verdict.NO_TIME) for story in chosen if story.id not in printed}
    weighed = (decided.get(story.id, (story, Verdict.NOTHING_NEW)) for story in ranked)
    return Draft(issue=issue, candidates=tuple(_candidate(*one) for one in weighed))


def _news(story: Story, wishes: config.List, memory: Memory) -> Story | None:
    """Give a story that the list has told before with what is new of it, or None; any other as it is."""
    told = memory.told.get(story.thread or "")
    if told is None:
        return story
    news = _summarised(story, wishes, told)
    return news if news.summary else None


def _summarised(story: Story, wishes: config.List, told: Told | None = None) -> Story:
    chosen = summarise_story(
        story.articles,
        sentences=wishes.sentences,
        method=wishes.method,
        told=told.sentences if told else frozenset(),
    )
    return dataclasses.replace(story, summary=chosen)


def _candidate(story: Story, verdict: Verdict) -> Candidate:
    return Candidate(
        story=story.id,
        title=story.lead.title,
        source=story.lead.source,
        section=story.section,
        tellings=len(story.articles),
        reasons=story.reasons,
        verdict=verdict,
    )


def print_letter(issue: Issue, head: Masthead, press: Press, *, letter: str) -> Blank:
    """Render an issue so that it fits: as much of it as stays under `LARGEST_LETTER`, found by bisection.

    Raises:
        MessageError: not even one headline fits, as with a template that is too large itself.
        SettingsError: a template is wrong.

    """

    def attempt(steps: int) -> tuple[Blank, bool]:
        blank = render(shorten(issue, steps), head, environment=press, letter=letter)
        return blank, html_octets(blank) <= LARGEST_LETTER

    blank, fits = attempt(0)
    if fits:
        return blank
    low, high = 0, most_steps(issue)  # `low` is too large, `high` is the best hope
    blank, fits = attempt(high)
    if not fits:
        raise MessageError(
            f"the letter of {issue.list} is over {LARGEST_LETTER} octets with a single headline: shorten its template"
        )
    while high - low > 1:
        middle = (low + high) // 2
        smaller, fits = attempt(middle)
        if fits:
            blank, high = smaller, middle
        else:
            low = middle
    return blank


def one_off_letter(issue: Issue, head: Masthead, press: Press, *, letter: str) -> Letter:
    """Print an issue that belongs to no list so that it fits into a mail."""
    return fill(print_letter(issue, dataclasses.replace(head, offers=frozenset()), press, letter=letter), {})


def web_letter(issue: Issue, head: Masthead, press: Press, *, letter: str) -> Letter:
    """Print an issue as everybody may see it: whole, and with nothing of any reader's in it."""
    head = dataclasses.replace(head, offers=frozenset(), corrections=len(issue.corrections))
    return fill(render(issue, head, environment=press, letter=letter), {})
