"""Each delivery's mail, of a whole batch: who gets which letter, from which address, and what the ledger is asked."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from issues import article, issue, section, story
from makers import EXPIRY, become
from newsroom import Newsroom

from digest.errors import MessageError
from digest.model import Delivery, Earlier, Mail, SubscriberState
from digest.store import claims, deliveries, issues
from digest.tailor import due
from digest.tokens import Purpose
from digest.wishes import Format, Stance, Topic, Wishes
from digest.writer import Writer

NO_SPORT = Wishes(topics=(Topic(name="sport", stance=Stance.NONE),))


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    room = Newsroom(tmp_path)
    yield room
    room.app.database.close()


def freeze(room: Newsroom, number: int, *, since: Earlier | None = None) -> Earlier:
    """Publish an issue about the cup, which is sport, with a row for each reader."""
    lead = article(
        number, title=f"Cup {number}", section="Sport", body=(f"Round {number} was won. It was cold.",)
    )
    told = dataclasses.replace(story(lead, sentences=1), section="sport", thread="cup", since=since)
    on = room.clock().date()
    with room.app.database.transaction() as connection:
        last = issues.last_date(connection, "daily", before=on)
        made = issue(section("Sport", told), number=number, date=on, closed=room.clock())
        issue_id = issues.freeze(connection, made)
        when = partial(due, list_wishes=room.app.settings.lists["daily"], on=on, last=last, now=room.clock())
        deliveries.enqueue(connection, issue_id, "daily", due=when, now=room.clock(), lifetime=EXPIRY)
    return Earlier(date=on, number=number)


def claim(room: Newsroom) -> tuple[Delivery, ...]:
    with room.app.database.transaction() as connection:
        now = room.clock()
        until = now + timedelta(minutes=5)
        return claims.claim(connection, now=now, token=str(now), until=until, limit=999)[0]


def written(room: Newsroom, *names: str, inbound: str = "maildir", bounce_address: str = "") -> list[Mail]:
    """Write the mails of a first issue under settings of their own."""
    for name in names:
        room.reader(name, Wishes())
    freeze(room, 1)
    app, own = room.app, room.app.settings
    changed = {
        "inbound": own.inbound.model_copy(update={"kind": inbound}),
        "publisher": own.publisher.model_copy(update={"bounce_address": bounce_address}),
    }
    write = Writer(own.model_copy(update=changed), app.database, app.press, app.tokens)
    return [mail for mail in write(claim(room)) if isinstance(mail, Mail)]


def parse(mail: Mail) -> EmailMessage:
    return message_from_bytes(mail.message, policy=policy.default)


def text(mail: Mail | MessageError | None) -> str:
    assert isinstance(mail, Mail)
    body = parse(mail).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_batch_gives_the_mails_that_each_delivery_would_get_alone(newsroom: Newsroom) -> None:
    """Whatever its readers have had: all, nothing, not the one before, or nothing of a story that goes on."""
    for name, wishes in (("ada", Wishes()), ("bob", NO_SPORT), ("cem", Wishes())):
        newsroom.reader(name, wishes)
    began = freeze(newsroom, 1)
    newsroom.send()
    newsroom.reader("dot", Wishes())
    become(newsroom.app.database, "cem@mail.example", state=SubscriberState.PAUSED)
    newsroom.clock.forward(days=1)
    freeze(newsroom, 2, since=began)
    newsroom.send()
    become(newsroom.app.database, "cem@mail.example", state=SubscriberState.ACTIVE)
    newsroom.reader("eve", Wishes())
    newsroom.reader("bob", Wishes())
    newsroom.clock.forward(days=1)
    freeze(newsroom, 3, since=began)

    batch = claim(newsroom)
    mails = list(newsroom.app.writer(batch))

    assert mails == [mail for one in batch for mail in newsroom.app.writer([one])]
    assert [one.address.partition("@")[0] for one in batch] == ["ada", "bob", "cem", "dot", "eve"]
    rounds = [[n for n in (1, 2, 3) if f"Round {n} was" in text(mail)] for mail in mails]
    assert rounds == [[3], [1, 2, 3], [2, 3], [3], [3]]


@pytest.mark.parametrize("readers", [2, 20])
def test_the_ledger_is_asked_once_for_a_batch_in_which_all_had_the_last_issue(
    newsroom: Newsroom, readers: int
) -> None:
    for number in range(readers):
        newsroom.reader(f"reader{number}", Wishes())
    began = freeze(newsroom, 1)
    newsroom.send()
    newsroom.clock.forward(days=1)
    freeze(newsroom, 2, since=began)
    batch = claim(newsroom)
    asked: list[str] = []

    with newsroom.app.database.transaction() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *what: asked.append(what[2]))
    assert len(list(newsroom.app.writer(batch))) == readers

    assert len([query for query in asked if "FROM deliveries" in query or "JOIN deliveries" in query]) == 2


def test_a_mail_that_cannot_be_made_leaves_the_rest_of_its_batch(newsroom: Newsroom) -> None:
    for name in ("ada", "bob", "cem"):
        newsroom.reader(name, Wishes())
    freeze(newsroom, 1)
    ada, bob, cem = claim(newsroom)
    wrong = bob._replace(address="bob@mail.example\r\nBcc: victim@evil.test")

    first, second, third = newsroom.app.writer([ada, wrong, cem])
    assert isinstance(second, MessageError)
    assert "is not a mail address" in str(second)
    assert isinstance(first, Mail)
    assert isinstance(third, Mail)


def test_a_reader_who_wants_nothing_of_the_issue_gets_no_mail(newsroom: Newsroom) -> None:
    newsroom.reader("ada", NO_SPORT)
    newsroom.reader("bob", Wishes())
    freeze(newsroom, 1)
    ada, bob = newsroom.app.writer(claim(newsroom))
    assert ada is None
    assert bob is not None


def test_a_reader_of_plain_text_gets_the_text_alone(newsroom: Newsroom) -> None:
    newsroom.reader("ada", Wishes(format=Format.TEXT))
    newsroom.reader("bob", Wishes())
    freeze(newsroom, 1)
    ada, bob = (mail for mail in newsroom.app.writer(claim(newsroom)) if isinstance(mail, Mail))
    assert parse(ada).get_content_type() == "text/plain"
    assert parse(bob).get_content_type() == "multipart/alternative"
    assert text(ada).replace("ada", "bob").splitlines()[0] == text(bob).splitlines()[0]


# --- where it comes back to


def test_a_mail_names_its_row_and_comes_back_to_an_address_that_says_which(newsroom: Newsroom) -> None:
    ada, bob = written(newsroom, "ada", "bob")
    tokens = newsroom.app.tokens

    for mail in (ada, bob):
        local, _, domain = mail.envelope_from.partition("@")
        assert domain == "digest.example"
        assert tokens.read(Purpose.BOUNCE, local.removeprefix("digest+bounce-")) == mail.delivery_id
    assert ada.envelope_from != bob.envelope_from
    assert ada.variant_id == bob.variant_id


def test_where_nobody_reads_what_comes_back_it_comes_to_the_publisher(newsroom: Newsroom) -> None:
    [ada] = written(newsroom, "ada", inbound="none")
    assert ada.envelope_from == "digest@digest.example"


def test_an_address_for_bounces_that_the_operator_set_stays_as_it_is(newsroom: Newsroom) -> None:
    [ada] = written(newsroom, "ada", bounce_address="returns@digest.example")
    assert ada.envelope_from == "returns@digest.example"
