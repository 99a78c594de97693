"""Sign up, and find one's subscription again: what a stranger may ask for an address.

Nothing that he asks is done: a letter asks the mailbox itself. Whether there was one to send, whether the address is
known, suppressed or was asked too often, he is sent to the same page after the same time. The number of a form is taken
in the transaction that writes his wish down, so that after a crash both are there or neither is.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from digest.address import Address
from digest.correspondence import Door
from digest.store import handled
from digest.subscribe import Asker
from digest.web import fields, question
from digest.web.choices import choices
from digest.web.desk import Desk
from digest.web.fields import Faults, Offer, Wrong
from digest.web.forms import TRAP, Flaw, Stamp, new_stamp
from digest.web.pages import Visit, languages, render, route
from digest.wishes import USUAL, Act, Command

CONSENT = "web/consent.txt.j2"
"""The words that one who signs up agrees to; their version goes into the log of consent."""

EVEN_SECONDS = 0.25
"""How long the answer to a form takes at least: longer than the work for any address."""

CHECK = "/check"

_ANEW = (Flaw.FOREIGN, Flaw.OLD, Flaw.USED)
"""After these the form has another number, and so another question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form that came in from a stranger: what is wrong with it, and the stamp to show it with again."""

    flaw: Flaw | None
    faults: Faults
    address: Address | None
    stamp: Stamp

    @property
    def is_good(self) -> bool:
        """Whether it can be done."""
        return self.flaw is None and not self.faults


def routes(desk: Desk) -> list[Route]:
    """Give the pages of this module."""
    return [
        route(desk, "/", get=show_first),
        route(desk, "/subscribe", get=show_first, post=subscribe),
        route(desk, "/subscribe/{list}", get=show),
        route(desk, CHECK, get=lambda visit: visit.page("web/check.html.j2", here=CHECK)),
        route(desk, "/find", get=show_find, post=find),
    ]


def show_first(visit: Visit) -> Response:
    """Show the form of the only list, or which lists there are."""
    names = list(visit.desk.public_lists)
    if len(names) == 1:
        return _form(visit, names[0], here="/")
    return visit.page("web/lists.html.j2", here="/")


def show(visit: Visit) -> Response:
    """Show the form of a list."""
    return _form(visit, _public(visit, visit.path["list"]))


def subscribe(visit: Visit) -> Response:
    """Write a wish down, with the letter that asks the mailbox."""
    began = time.monotonic()
    name = _public(visit, visit.form.get("list", ""))
    faults: Faults = {}
    change = fields.read_wishes(visit.form, _offer(visit, name), faults)
    sent = _read(visit, "subscribe", faults)
    command = Command(act=Act.SUBSCRIBE, list=name, change=change)

    def ask(connection: sa.Connection, address: Address) -> None:
        asker = _asker(visit, wording=visit.desk.press.version(CONSENT, visit.tongue.language))
        visit.desk.readers.request(connection, name, address, [command], asker=asker, now=visit.now)

    flaw = _do(visit, sent, ask)
    if flaw or not sent.is_good:
        return _form(visit, name, sent=sent, flaw=flaw)
    return _done(visit, began)


def show_find(visit: Visit) -> Response:
    """Ask for the address."""
    return _asking(visit, "web/find.html.j2", "find", here="/find", values={"address": ""})


def find(visit: Visit) -> Response:
    """Mail an address the links to its subscriptions."""
    began = time.monotonic()
    sent = _read(visit, "find", {})

    def ask(connection: sa.Connection, address: Address) -> None:
        visit.desk.readers.find(connection, address, asker=_asker(visit), now=visit.now)

    flaw = _do(visit, sent, ask)
    if flaw or not sent.is_good:
        values = {"address": visit.form.get("address", "")}
        return _asking(visit, "web/find.html.j2", "find", here="/find", values=values, sent=sent, flaw=flaw)
    return _done(visit, began)


def _read(visit: Visit, form: str, faults: Faults) -> Sent:
    """Read what every form for strangers has: stamp, trap, address and answer."""
    own: Faults = {}
    address = fields.read_address(visit.form.get("address", ""), own)
    own |= faults
    if visit.form.get(TRAP):
        own[TRAP] = Wrong.TRAP
    stamp = visit.read_stamp(form)
    fresh = new_stamp(now=visit.now)
    if stamp is None:
        return Sent(flaw=Flaw.FOREIGN, faults=own, address=address, stamp=fresh)
    flaw = stamp.flaw(now=visit.now, seconds_to_fill=visit.desk.settings.signup.seconds_to_fill)
    if flaw is Flaw.OLD:
        return Sent(flaw=flaw, faults=own, address=address, stamp=fresh)
    said = visit.form.get("answer", "")
    asked = question.draw(visit.desk.tokens, stamp.number)
    if not said:
        own["answer"] = Wrong.NO_ANSWER
    elif question.read_number(said, visit.desk.press.catalogues.values()) != asked.answer:
        own["answer"] = Wrong.ANSWER
    return Sent(flaw=flaw, faults=own, address=address, stamp=stamp)


def _do(visit: Visit, sent: Sent, ask: Callable[[sa.Connection, Address], None]) -> Flaw | None:
    """Do what a good form asks for, once; say so where its number had been taken.

    A wrong answer takes the number too: nobody tries one question until he hits on its answer.
    """
    if sent.flaw is not None:
        return sent.flaw
    if not sent.is_good and sent.faults.get("answer") is not Wrong.ANSWER:
        return None
    with visit.desk.database.transaction() as connection:
        if not handled.take(connection, f"form {sent.stamp.number}", now=visit.now):
            return Flaw.USED
        if sent.is_good and sent.address:
            ask(connection, sent.address)
    return None


def _done(visit: Visit, began: float) -> Response:
    time.sleep(max(0.0, began + EVEN_SECONDS - time.monotonic()))
    return visit.see(CHECK, notify=True)


def _form(
    visit: Visit, name: str, *, here: str | None = None, sent: Sent | None = None, flaw: Flaw | None = None
) -> Response:
    wishes = visit.desk.settings.lists[name]
    usual = fields.filled_in(USUAL, wishes.sections)
    values = visit.form if sent else usual
    consent = render(visit.desk, visit.tongue, CONSENT, here="", title=wishes.title).strip()
    return _asking(
        visit,
        "web/subscribe.html.j2",
        "subscribe",
        here=here or f"/subscribe/{name}",
        values=values,
        sent=sent,
        flaw=flaw,
        name=name,
        opened=any(values.get(field, was) != was for field, was in usual.items() if field != "frequency"),
        consent=consent,
        **choices(visit, wishes),
    )


def _asking(
    visit: Visit,
    template: str,
    form: str,
    *,
    here: str,
    values: Any,
    sent: Sent | None = None,
    flaw: Flaw | None = None,
    **context: Any,
) -> Response:
    """Show a form that asks a stranger for his address; again, with all that he filled in, if something was wrong.

    Who answered well need not answer again: his form keeps its number. Who did not is asked something else, and for
    him the time that he has taken still counts.
    """
    faults = sent.faults if sent else {}
    stamp = sent.stamp if sent else new_stamp(now=visit.now)
    if flaw in _ANEW or faults.get("answer") is Wrong.ANSWER:
        stamp = dataclasses.replace(new_stamp(now=visit.now), began=stamp.began)
        values = {**values, "answer": ""}
    asked = question.draw(visit.desk.tokens, stamp.number)
    catalogue = visit.tongue.catalogue
    status = 403 if flaw is Flaw.FOREIGN else 422 if sent else 200
    return visit.page(
        template,
        here=here,
        status=status,
        stamp=visit.stamp(form, stamp),
        first=question.in_words(asked.first, catalogue),
        second=question.in_words(asked.second, catalogue),
        values=values,
        faults=faults,
        flaw=flaw,
        trap=TRAP,
        **context,
    )


def _offer(visit: Visit, name: str) -> Offer:
    offered = [language["tag"] for language in languages(visit.desk.press)]
    return Offer(list=visit.desk.settings.lists[name], languages=offered)


def _asker(visit: Visit, *, wording: str = "") -> Asker:
    return Asker(door=Door.WEB, network=visit.network, language=visit.tongue.language, wording=wording)


def _public(visit: Visit, name: str) -> str:
    """Give the name of a list that anybody may subscribe to; of no other is it said whether it is there."""
    if name not in visit.desk.public_lists:
        raise HTTPException(404)
    return name
