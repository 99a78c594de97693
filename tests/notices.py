"""Build letters to single readers for tests: `notice(NoticeKind.WELCOME)`, or `samples()`, one of each kind.

ours()                       the settings that they are written under
written(notice(...))         the mail, as a mail program reads it
page(mail), plain(mail)      its HTML as a tree, its text
"""

import dataclasses
import functools
import re
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from issues import article, png
from lxml import html as lxml_html
from makers import shipped_press

from digest import config
from digest.correspondence import Alarm, Answer, Holding, Notice, NoticeKind, Outcome, Said, Thread
from digest.model import SubscriberState
from digest.notify import Correspondent
from digest.notify.contents import Contents
from digest.render.words import Words
from digest.tokens import Tokens
from digest.wishes import ALL, Act, Change, Command, Format, Frequency, Stance, Topic, Wishes

TEMPLATES = Path(__file__).parents[1] / "templates"
PRESS = shipped_press()
TOKENS = Tokens("a secret of the tests")
MADE = datetime(2015, 10, 21, 9, 30, tzinfo=UTC)  # a Wednesday
READER = "ada@mail.example"
THREAD = Thread(message_id="<asked@mail.example>", references="<one@mail.example> <two@mail.example>")

WISHES = Wishes(
    frequency=Frequency.WEEKDAYS,
    hour="07:30",
    zone="Europe/Istanbul",
    topics=(Topic(name="science", stance=Stance.MORE), Topic(name="sport", stance=Stance.NONE)),
    minutes=5,
    language="en",
)
"""One of each."""

ALL_WISHES = Change(
    frequency=Frequency.WEEKLY,
    hour="07:00",
    zone="Europe/Paris",
    topics=(
        Topic(name="science", stance=Stance.MORE),
        Topic(name="world", stance=Stance.USUAL),
        Topic(name="business", stance=Stance.LESS),
        Topic(name=ALL, stance=Stance.NONE),
    ),
    minutes=10,
    language="fr",
    format=Format.TEXT,
)


def ours(**changes: Any) -> config.Settings:
    """Make the settings of the two lists of The Port Alder Digest, with `changes`."""
    sections = {name: {"title": name.title()} for name in ("city", "world", "business", "science", "sport")}
    plain: dict[str, Any] = {
        "sources": {"northern-wire": {"kind": "folder", "path": "wire", "title": "Northern Wire"}},
        "lists": {
            "daily": {"title": "The Port Alder Digest", "timezone": "Europe/London", "sections": sections},
            "harbour": {"title": "Harbour Notes", "sections": {"tides": {"title": "Tides"}}},
            "desk": {"title": "The Desk", "public": False},
        },
    }
    return config.Settings(**(plain | changes))


def holding(**changes: Any) -> Holding:
    """Make the subscription of reader 7 to the daily list."""
    plain = Holding(subscriber_id=7, list="daily", state=SubscriberState.ACTIVE)
    return dataclasses.replace(plain, **changes)


def notice(kind: NoticeKind, *, said: Said | None = None, **changes: Any) -> Notice:
    """Make a letter of a kind that says what is usual, or `said`."""
    plain = Notice(
        id=42,
        kind=kind,
        list="daily",
        address=READER,
        language=None,
        said=_SAID.get(kind, Said(holdings=(holding(),))) if said is None else said,
        made=MADE,
        subscriber_id=None if kind in (NoticeKind.CONFIRM, NoticeKind.ALARM) else 7,
        request_id=5 if kind is NoticeKind.CONFIRM else None,
    )
    return dataclasses.replace(plain, **changes)


def written(what: Notice, settings: config.Settings | None = None) -> EmailMessage:
    """Write the mail of a notice and read it as a mail program does."""
    content = _usual(what) if settings is None else Correspondent(settings, PRESS, TOKENS)(what).message
    return message_from_bytes(content, policy=policy.default)


@functools.cache
def _usual(what: Notice) -> bytes:
    return Correspondent(ours(), PRESS, TOKENS)(what).message


def contents(what: Notice, settings: config.Settings | None = None) -> Contents:
    """Give what the letter of a notice says."""
    settings = settings or ours()
    words = Words(PRESS, what.language or "en", settings.lists)
    return Contents(
        settings=settings, tokens=TOKENS, notice=what, list=settings.list_named(what.list), words=words
    )


def page(mail: EmailMessage) -> Any:
    """Give the HTML of a mail as a tree."""
    return lxml_html.document_fromstring(source(mail))


def source(mail: EmailMessage) -> str:
    """Give the HTML of a mail."""
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def plain(mail: EmailMessage) -> str:
    """Give the text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def closed_up(text: str) -> str:
    """Give `text` with each run of white space as one space."""
    return re.sub(r"\s+", " ", text)


def samples(language: str | None = None) -> list[tuple[str, Notice]]:
    """Give one letter of each kind that has all it can have, with a name."""
    told = [(kind.value, notice(kind, language=language)) for kind in NoticeKind]
    refusals = Said(
        answers=tuple(Answer(command=Command(act=Act.SUBSCRIBE), outcome=outcome) for outcome in Outcome),
        misread=True,
    )
    return [
        *told,
        ("refusals", notice(NoticeKind.ANSWER, said=refusals, language=language)),
        ("stranger", notice(NoticeKind.HELP, said=Said(misread=True), subscriber_id=None, language=language)),
    ]


def _change(**changes: Any) -> Command:
    return Command(act=Act.CHANGE, change=Change(**changes))


_TOLD = (
    Answer(
        command=_change(frequency=Frequency.WEEKLY, hour="07:00", zone="Europe/Paris"),
        undo=_change(frequency=Frequency.DAILY, hour="", zone=""),
    ),
    Answer(command=Command(act=Act.PAUSE, days=14), undo=Command(act=Act.RESUME)),
    Answer(command=Command(act=Act.MORE, story=3), undo=_change(minutes=5)),
    Answer(command=Command(act=Act.SUBSCRIBE, list="harbour"), undo=Command(act=Act.UNSUBSCRIBE)),
)
_HELD = (
    holding(wishes=WISHES, state=SubscriberState.PAUSED, paused_until=datetime(2015, 11, 4, tzinfo=UTC)),
    holding(subscriber_id=8, list="harbour"),
    holding(subscriber_id=9, list="desk", state=SubscriberState.UNSUBSCRIBED),
)
_SAID = {
    NoticeKind.CONFIRM: Said(
        commands=(
            Command(act=Act.SUBSCRIBE, change=ALL_WISHES),
            Command(act=Act.PAUSE, days=10),
            Command(act=Act.ERASE),
        )
    ),
    NoticeKind.WELCOME: Said(holdings=(holding(wishes=WISHES),)),
    NoticeKind.GOODBYE: Said(holdings=(holding(state=SubscriberState.UNSUBSCRIBED),)),
    NoticeKind.ANSWER: Said(answers=_TOLD, holdings=_HELD[:2]),
    NoticeKind.FOUND: Said(holdings=_HELD),
    NoticeKind.DATA: Said(holdings=(holding(),), data='{"address": "ada@mail.example"}'),
    NoticeKind.ERASED: Said(),
    NoticeKind.ALARM: Said(
        alarm=Alarm(
            stop=3,
            on=date(2015, 10, 21),
            reason="canary: 3 of 12 taken, 9 refused, 9 of them for a fault of ours, mostly with 550 5.7.1 not "
            "accepted by policy",
        )
    ),
    NoticeKind.WARNING: Said(holdings=(holding(),)),
    NoticeKind.STORY: Said(
        article=article(
            3,
            title="Night ferry to the islands returns after eleven years",
            body=(
                "The night ferry will sail again from the first of May. Tickets cost 24 for a berth.",
                "Nobody in the hall clapped at first. Then everybody did, and the harbour master wept.",
            )
            * 3,
            image=png(1120, 420),
            image_alt="The ferry at its berth",
        ),
        holdings=(holding(),),
    ),
}
