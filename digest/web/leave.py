"""Leave with one click (RFC 8058), or with a button: the same URL, and no more than that.

A mail provider's machine POSTs `List-Unsubscribe=One-Click`, with no cookie and nothing else, and is answered at once,
without a redirect, however often it comes. A person sees a page with a button that does the same. The token proves that
one may leave, and nothing else: it stands in a header that machines read. To come back, or to pause instead, one asks
for a letter to the mailbox.
"""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from digest.correspondence import Door
from digest.model import Subscriber, SubscriberState
from digest.store import subscribers
from digest.subscribe.work import SUBSCRIBED
from digest.tokens import Purpose
from digest.web.desk import Desk
from digest.web.pages import Visit, route
from digest.wishes import Act, Command

ONE_CLICK = ("list-unsubscribe", "one-click")
"""What the body says (RFC 8058 section 3.2), in lower case."""

BY_HAND = "by-hand"
"""What only our own page adds, so that the log of consent tells the two apart."""


def routes(desk: Desk) -> list[Route]:
    """Give the page of this module; it reads no cookie and sets none."""
    return [route(desk, "/unsubscribe/{token}", get=show, post=leave, cookies=False)]


def show(visit: Visit) -> Response:
    """Show the button; or that it is done."""
    number = _number(visit)
    with visit.desk.database.reading() as connection:
        subscriber = subscribers.get(connection, number)
    return _page(visit, subscriber)


def leave(visit: Visit) -> Response:
    """Unsubscribe; who has left already is told the same."""
    number = _number(visit)
    said = {(name.lower(), value.strip().lower()) for name, value in visit.form.items()}
    door = Door.WEB if BY_HAND in visit.form else Door.ONE_CLICK
    with visit.desk.database.transaction() as connection:
        subscriber = subscribers.get(connection, number)
        if ONE_CLICK not in said:
            return _page(visit, subscriber, status=422)
        if subscriber is not None and subscriber.state in (*SUBSCRIBED, SubscriberState.PENDING):
            visit.desk.readers.act(
                connection, subscriber, [Command(act=Act.UNSUBSCRIBE)], door=door, now=visit.now
            )
            subscriber = subscribers.get(connection, number)
    return _page(visit, subscriber)


def _page(visit: Visit, subscriber: Subscriber | None, *, status: int = 200) -> Response:
    subscribed = subscriber is not None and subscriber.state not in (
        SubscriberState.UNSUBSCRIBED,
        SubscriberState.ERASED,
    )
    name = subscriber.list if subscriber else ""
    return visit.page(
        "web/unsubscribe.html.j2" if subscribed else "web/left.html.j2",
        here=f"/unsubscribe/{visit.path['token']}",
        status=status,
        title=visit.desk.title(name),
        back=f"/subscribe/{name}" if name in visit.desk.public_lists else "/",
        address=masked(subscriber.address) if subscriber else "",
        by_hand=BY_HAND,
    )


def masked(address: str) -> str:
    """Show so much of an address that its reader knows it, and a stranger does not."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if local else ""


def _number(visit: Visit) -> int:
    """Read whom the token names.

    Raises:
        HTTPException: it is not one of ours (404).

    """
    number = visit.desk.tokens.read(Purpose.UNSUBSCRIBE, visit.path["token"])
    if number is None:
        raise HTTPException(404)
    return number
