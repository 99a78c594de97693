"""The day, one call per step: what is published, and how each reader's mail is made.

    publish   stored articles ─ curate ─▶ stories ─ summarise ─▶ … ─ compose ─▶ issue ─▶ frozen, with a row a reader
    Writer    issue ─ render ─▶ letter (once a variant) ─ fill ─▶ … ─ message ─▶ one mail's bytes

Publishing is one transaction: the issue and its deliveries are there together or not at all, and publishing the
same list and date again changes nothing.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from digest import config
from digest.compose import WORDS_PER_MINUTE, compose, most_steps, shorten
from digest.curate import curate
from digest.deliver import Mail
from digest.errors import MessageError
from digest.message import Headers, html_octets, message
from digest.model import Article, Delivery, Issue, Letter, Story, Subscriber
from digest.render import Blank, Masthead, Press, Slot, fill, render, render_notice
from digest.store import Database, articles, deliveries, issues
from digest.summarise import summarise
from digest.tokens import Purpose, Tokens

LARGEST_LETTER = 90_000
"""Octets of the encoded HTML; Gmail cuts a letter off at about 102 KB."""

VARIANTS_KEPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A list's issue of one date; `new` is false where it had been published before."""

    issue_id: int
    issue: Issue
    new: bool
    readers: int


def publish(
    name: str,
    wishes: config.List,
    sources: Sequence[str],
    database: Database,
    *,
    on: date,
    now: datetime,
    expiry: timedelta,
) -> Published | None:
    """Publish a list's issue for the date `on`, or give the one that is there.

    It is made of the sources' articles first ingested since the list's last issue closed. None means that there
    are fewer stories than the list's settings ask for; what was ingested waits for the next issue.

    Raises:
        IssueError: a promise is broken; nothing is published.
        StoreError: the database refused; nothing is published.

    """
    with database.transaction() as connection:
        found = issues.find(connection, name, on)
    while found is None:
        issue = draft(name, wishes, sources, database, on=on, now=now)
        with database.transaction() as connection:
            found = issues.find(connection, name, on)
            if found or issue.number != issues.next_number(connection, name):
                continue  # another run was faster; if it made another date's issue, that one has these articles
            if len(issue.stories) < wishes.fewest_stories:
                return None
            issue_id = issues.freeze(connection, issue)
            readers = deliveries.enqueue(connection, issue_id, name, now=now, expires=now + expiry)
        return Published(issue_id=issue_id, issue=issue, new=True, readers=readers)
    return Published(issue_id=found[0], issue=found[1], new=False, readers=0)


def draft(
    name: str, wishes: config.List, sources: Sequence[str], database: Database, *, on: date, now: datetime
) -> Issue:
    """Give the issue that `publish` would freeze, of what is stored now."""
    with database.transaction() as connection:
        since = issues.last_closed(connection, name)
        fresh = articles.first_ingested(connection, sources, after=since, until=now)
        number = issues.next_number(connection, name)
    return make_issue(fresh, wishes, name=name, number=number, on=on, closed=now)


def make_issue(
    found: Iterable[Article], wishes: config.List, *, name: str, number: int, on: date, closed: datetime
) -> Issue:
    """Take articles through curate, summarise and compose; pure.

    Raises:
        IssueError: a sentence does not stand in its article.

    """
    stories = tuple(_summarised(story, wishes) for story in curate(found, wishes, now=closed))
    return compose(stories, wishes, name=name, number=number, on=on, closed=closed)


def _summarised(story: Story, wishes: config.List) -> Story:
    lead = story.lead
    chosen = summarise(
        lead.text, sentences=wishes.sentences, method=wishes.method, title=lead.title, language=lead.language
    )
    return dataclasses.replace(story, summary=chosen)


def print_letter(issue: Issue, masthead: Masthead, press: Press, *, letter: str) -> Blank:
    """Render an issue so that it fits: as much of it as stays under `LARGEST_LETTER`, found by bisection.

    Raises:
        MessageError: not even one headline fits, as with a template that is too large itself.
        SettingsError: a template is wrong.

    """

    def attempt(steps: int) -> tuple[Blank, bool]:
        blank = render(shorten(issue, steps), masthead, environment=press, letter=letter)
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


class Writer:
    """Writes the mail of each delivery; what its readers share is made once."""

    def __init__(self, settings: config.Settings, database: Database, press: Press, tokens: Tokens) -> None:
        self._settings = settings
        self._database = database
        self._press = press
        self._tokens = tokens
        self._issue = lru_cache(VARIANTS_KEPT)(self._read_issue)
        self._blank = lru_cache(VARIANTS_KEPT)(self._print)

    def __call__(self, delivery: Delivery) -> Mail:
        """Write the mail of one delivery.

        Raises:
            MessageError: it cannot be made as it should be.
            SettingsError: a template is wrong.

        """
        issue = self._issue(delivery.issue_id)
        publisher = self._settings.publisher
        token = {
            p: self._tokens.make(p, delivery.subscriber_id)
            for p in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES)
        }
        unsubscribe = f"{publisher.url}/unsubscribe/{token[Purpose.UNSUBSCRIBE]}"
        slots = {
            Slot.ADDRESS: delivery.address,
            Slot.UNSUBSCRIBE_URL: unsubscribe,
            Slot.PREFERENCES_URL: f"{publisher.url}/preferences/{token[Purpose.PREFERENCES]}",
            Slot.WEB_URL: f"{publisher.url}/archive/{issue.list}/{issue.date}",
        }
        local, _, domain = publisher.address.partition("@")
        by_mail = f"mailto:{local}+unsubscribe-{token[Purpose.UNSUBSCRIBE]}@{domain}?subject=unsubscribe"
        letter = fill(self._blank(delivery.issue_id, delivery.language), slots)
        about = f"{issue.list}/{issue.date}/{delivery.subscriber_id}"
        headers = Headers(
            **_list_headers(self._settings, issue.list, issue.closed),
            to_address=delivery.address,
            reply_to=publisher.reply_to or None,
            message_id=f"<{self._tokens.fingerprint(Purpose.MESSAGE_ID, about)}@{publisher.domain}>",
            unsubscribe_urls=(unsubscribe, by_mail),
            one_click=True,
        )
        return _mail(self._settings, letter, headers)

    def _read_issue(self, issue_id: int) -> Issue:
        with self._database.transaction() as connection:
            return issues.get(connection, issue_id)

    def _print(self, issue_id: int, language: str | None) -> Blank:
        issue = self._issue(issue_id)
        wishes = self._settings.lists.get(issue.list)
        if wishes is None:
            raise MessageError(f"config.toml has no list {issue.list!r} any more")
        head = masthead(self._settings, wishes, language=language)
        return print_letter(issue, head, self._press, letter=wishes.letter)


def invitation(
    settings: config.Settings, press: Press, tokens: Tokens, subscriber: Subscriber, *, now: datetime
) -> Mail:
    """Write the letter that asks a pending reader whether he wants to be one; a reply is an answer too."""
    publisher = settings.publisher
    wishes = settings.list_named(subscriber.list)
    token = tokens.make(Purpose.CONFIRM, subscriber.id)
    local, _, domain = publisher.address.partition("@")
    offers = frozenset({Slot.ADDRESS, Slot.CONFIRM_URL})
    head = dataclasses.replace(masthead(settings, wishes, language=subscriber.language), offers=offers)
    slots = {Slot.ADDRESS: subscriber.address, Slot.CONFIRM_URL: f"{publisher.url}/confirm/{token}"}
    about = f"confirm/{subscriber.id}/{now.isoformat()}"
    headers = Headers(
        **_list_headers(settings, subscriber.list, now),
        to_address=subscriber.address,
        reply_to=f"{local}+confirm-{token}@{domain}",
        message_id=f"<{tokens.fingerprint(Purpose.MESSAGE_ID, about)}@{publisher.domain}>",
    )
    return _mail(settings, fill(render_notice("confirm", head, environment=press), slots), headers)


def one_off_mail(settings: config.Settings, issue: Issue, letter: Letter, address: str) -> Mail:
    """Write a letter that belongs to no list; the same documents on the same day give the same Message-ID."""
    print_of_it = hashlib.sha256(f"{address}\0{issue.date}\0{letter.text}".encode()).hexdigest()[:32]
    message_id = f"<{print_of_it}@{settings.publisher.domain}>"
    shared = _list_headers(settings, issue.list, issue.closed)
    reply_to = settings.publisher.reply_to or None
    headers = Headers(**shared, to_address=address, reply_to=reply_to, message_id=message_id)
    return _mail(settings, letter, headers)


def _mail(settings: config.Settings, letter: Letter, headers: Headers) -> Mail:
    publisher = settings.publisher
    return Mail(
        envelope_from=publisher.bounce_address or publisher.address,
        recipient=headers.to_address,
        message=message(letter, headers),
    )


def _list_headers(settings: config.Settings, list_name: str, date: datetime) -> dict[str, Any]:
    """Give the headers that all mails of a list share."""
    publisher = settings.publisher
    wishes = settings.lists.get(list_name)
    return {
        "from_name": publisher.name,
        "from_address": publisher.address,
        "list_id": f"{list_name}.{publisher.domain}",
        "list_name": wishes.title if wishes else publisher.name,
        "date": date,
    }


def masthead(settings: config.Settings, wishes: config.List, *, language: str | None = None) -> Masthead:
    """Give what the letters of a list print about it."""
    return Masthead(
        title=wishes.title,
        description=wishes.description,
        postal_address=settings.publisher.postal_address,
        language=language or wishes.language,
        timezone=wishes.timezone,
        source_titles={name: source.title or name for name, source in settings.sources.items()},
        words_per_minute=WORDS_PER_MINUTE,
        images=wishes.images,
    )


def one_off_letter(issue: Issue, head: Masthead, press: Press, *, letter: str) -> Letter:
    """Print an issue that belongs to no list so that it fits into a mail."""
    return fill(print_letter(issue, dataclasses.replace(head, offers=frozenset()), press, letter=letter), {})


def web_letter(issue: Issue, head: Masthead, press: Press, *, letter: str) -> Letter:
    """Print an issue as everybody may see it: whole, and with nothing of any reader's in it."""
    return fill(
        render(issue, dataclasses.replace(head, offers=frozenset()), environment=press, letter=letter), {}
    )
