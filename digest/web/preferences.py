"""Everything that a reader may do, on one page that the link in his letters opens; no password.

Each button is a POST, answered by a redirect (303) to the same page, which says what became of it: `?done=` names one
of a few sentences, and is believed only where things stand so. What is known about him goes to his mailbox and not to
whoever holds the link, which may have been passed on with a letter.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import sqlalchemy as sa
from babel.dates import format_timedelta
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from digest.address import read_address
from digest.correspondence import Door, Holding, Outcome
from digest.model import Subscriber, SubscriberState
from digest.render.words import Words
from digest.store import subscribers
from digest.subscribe import report
from digest.tokens import Purpose
from digest.web import fields
from digest.web.choices import choices
from digest.web.confirm import FORGOTTEN
from digest.web.desk import Desk
from digest.web.fields import Faults, Offer
from digest.web.forms import Flaw
from digest.web.pages import Visit, languages, route
from digest.wishes import Act, Change, Command

PAUSES: Mapping[str, int | None] = {"1": 1, "2": 2, "4": 4, "": None}
"""For how many weeks one may pause; with none of them, until one resumes."""

_WEEK = 7

_FORM = "preferences"
_PATH = "/preferences/{token}"

ACTIVE, PAUSED, LEFT = SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.UNSUBSCRIBED
_SAYS: Mapping[str, tuple[SubscriberState, ...]] = {
    "changed": (ACTIVE, PAUSED),
    "same": (ACTIVE, PAUSED),
    "paused": (PAUSED,),
    "resumed": (ACTIVE,),
    "left": (LEFT,),
    "back": (ACTIVE,),
    "data": (ACTIVE, PAUSED, LEFT),
}
"""What can be said to be done, and how things stand where that is true; the words are in web/preferences.html.j2."""


def routes(desk: Desk) -> list[Route]:
    """Give the pages of this module."""
    return [
        route(desk, _PATH, get=show, post=change),
        *(route(desk, f"{_PATH}/{name}", post=page) for name, page in _DEEDS.items()),
        route(desk, f"{_PATH}/forget", get=show_forget, post=forget),
        route(desk, FORGOTTEN, get=lambda visit: visit.page("web/forgotten.html.j2", here=FORGOTTEN)),
    ]


def show(visit: Visit) -> Response:
    """Show what is set now, and what can be done."""
    with visit.desk.database.reading() as connection:
        subscriber = _subscriber(visit, connection)
        held = _held(visit, connection, subscriber)
    done = visit.query.get("done", "")
    return _page(visit, subscriber, held, done=done if subscriber.state in _SAYS.get(done, ()) else "")


def change(visit: Visit) -> Response:
    """Set what was filled in."""
    faults: Faults = {}
    with visit.desk.database.transaction() as connection:
        subscriber = _subscriber(visit, connection)
        flaw = _flaw(visit)
        wishes = visit.desk.settings.lists.get(subscriber.list)
        if wishes is None or subscriber.state is LEFT:
            return _back(visit, "")
        offer = Offer(list=wishes, languages=[language["tag"] for language in languages(visit.desk.press)])
        asked = fields.read_change(visit.form, offer, faults)
        if flaw or faults:
            held = _held(visit, connection, subscriber)
            return _page(visit, subscriber, held, flaw=flaw, faults=faults, values=visit.form)
        asked = Change(
            frequency=asked.frequency,
            hour=asked.hour,
            zone=asked.zone,
            topics=fields.changed_topics(asked.topics, subscriber.wishes),
            minutes=asked.minutes,
            language=asked.language,
            format=asked.format,
        )
        [answer] = visit.desk.readers.act(
            connection, subscriber, [Command(act=Act.CHANGE, change=asked)], door=Door.WEB, now=visit.now
        )
    return _back(visit, "changed" if answer.outcome is Outcome.DONE else "same")


def show_forget(visit: Visit) -> Response:
    """Ask once more before all is forgotten."""
    with visit.desk.database.reading() as connection:
        return _forget_page(visit, _subscriber(visit, connection))


def forget(visit: Visit) -> Response:
    """Forget the reader; a last letter says so."""
    with visit.desk.database.transaction() as connection:
        subscriber = _subscriber(visit, connection)
        if flaw := _flaw(visit):
            return _forget_page(visit, subscriber, flaw=flaw)
        _do(visit, connection, subscriber, Command(act=Act.ERASE), with_letter=True)
    return visit.see(FORGOTTEN, notify=True)


def _deed(
    done: str, command: Callable[[Visit], Command], *, with_letter: bool = False
) -> Callable[[Visit], Response]:
    """Make the page behind a button that does one thing."""

    def page(visit: Visit) -> Response:
        with visit.desk.database.transaction() as connection:
            subscriber = _subscriber(visit, connection)
            if flaw := _flaw(visit):
                return _page(visit, subscriber, _held(visit, connection, subscriber), flaw=flaw)
            _do(visit, connection, subscriber, command(visit), with_letter=with_letter)
        return _back(visit, done)

    return page


def _pause(visit: Visit) -> Command:
    asked = visit.form.get("weeks", "0")
    if asked not in PAUSES:
        raise HTTPException(422)
    weeks = PAUSES[asked]
    return Command(act=Act.PAUSE, days=weeks and weeks * _WEEK)


_DEEDS: Mapping[str, Callable[[Visit], Response]] = {
    "pause": _deed("paused", _pause),
    "resume": _deed("resumed", lambda _: Command(act=Act.RESUME)),
    "leave": _deed("left", lambda _: Command(act=Act.UNSUBSCRIBE)),
    "back": _deed("back", lambda _: Command(act=Act.SUBSCRIBE)),
    "data": _deed("data", lambda _: Command(act=Act.DATA), with_letter=True),
}


def _do(
    visit: Visit, connection: sa.Connection, subscriber: Subscriber, command: Command, *, with_letter: bool
) -> None:
    """Do what a button says, with a letter where the page cannot say it all."""
    readers = visit.desk.readers
    answers = readers.act(connection, subscriber, [command], door=Door.WEB, now=visit.now)
    if with_letter:
        language = subscriber.wishes.language or visit.tongue.language
        report(readers, connection, subscriber, answers, now=visit.now, language=language)


def _back(visit: Visit, done: str) -> Response:
    path = f"/preferences/{visit.path['token']}"
    return visit.see(f"{path}?done={done}" if done else path, notify=True)


def _flaw(visit: Visit) -> Flaw | None:
    stamp = visit.read_stamp(_FORM)
    return Flaw.FOREIGN if stamp is None else stamp.flaw(now=visit.now)


def _subscriber(visit: Visit, connection: sa.Connection) -> Subscriber:
    """Give the reader whom the token names.

    Raises:
        HTTPException: it names none who has ever confirmed (404), or one who is forgotten (410).

    """
    number = visit.desk.tokens.read(Purpose.PREFERENCES, visit.path["token"])
    subscriber = None if number is None else subscribers.get(connection, number)
    if subscriber is None or subscriber.state is SubscriberState.PENDING:
        raise HTTPException(404)
    if subscriber.state is SubscriberState.ERASED:
        raise HTTPException(410)
    return subscriber


def _held(visit: Visit, connection: sa.Connection, subscriber: Subscriber) -> tuple[Holding, ...]:
    key = read_address(subscriber.address).key
    return visit.desk.readers.holdings(connection, key, first=subscriber.list)


def _page(
    visit: Visit,
    subscriber: Subscriber,
    held: tuple[Holding, ...],
    *,
    done: str = "",
    flaw: Flaw | None = None,
    faults: Faults | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    desk, wishes = visit.desk, subscriber.wishes
    words = Words(desk.press, visit.tongue.language, desk.settings.lists)
    status = 403 if flaw is Flaw.FOREIGN else 422 if flaw or faults else 200
    wanted = desk.settings.lists.get(subscriber.list)
    return visit.page(
        "web/preferences.html.j2",
        here=f"/preferences/{visit.path['token']}",
        status=status,
        stamp=visit.stamp(_FORM),
        done=done,
        flaw=flaw,
        faults=faults or {},
        values=values or fields.filled_in(wishes, wanted.sections if wanted else ()),
        state=subscriber.state.value,
        state_words=words.state(held[0]),
        title=desk.title(subscriber.list),
        address=read_address(subscriber.address).display,
        others=[
            {
                "title": desk.title(other.list),
                "state": words.state(other),
                "path": f"/preferences/{desk.tokens.make(Purpose.PREFERENCES, other.subscriber_id)}",
            }
            for other in held[1:]
        ],
        pauses=[(value, _weeks(weeks, visit) if weeks else "") for value, weeks in PAUSES.items()],
        **(choices(visit, wanted, zone=wishes.zone) if wanted else {"list": None}),
    )


def _weeks(weeks: int, visit: Visit) -> str:
    """Print a number of weeks, never as a month."""
    return format_timedelta(
        timedelta(weeks=weeks), granularity="week", threshold=_WEEK, locale=visit.tongue.locale
    )


def _forget_page(visit: Visit, subscriber: Subscriber, *, flaw: Flaw | None = None) -> Response:
    status = 403 if flaw is Flaw.FOREIGN else 422 if flaw else 200
    return visit.page(
        "web/forget.html.j2",
        here=f"/preferences/{visit.path['token']}/forget",
        status=status,
        stamp=visit.stamp(_FORM),
        flaw=flaw,
        address=read_address(subscriber.address).display,
        back=f"/preferences/{visit.path['token']}",
    )
