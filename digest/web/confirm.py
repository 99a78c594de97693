"""Yes, it was me: what a confirmation letter's link leads to.

Scanners follow every link of a letter; a GET only shows what was asked for. The button does it, once. What is done is
said in a letter too, in the same transaction; one who comes again is told kindly that it is done.
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from digest.address import read_address
from digest.correspondence import Door, Request
from digest.render.words import Words
from digest.store import subscribers
from digest.subscribe import report
from digest.web.desk import Desk
from digest.web.forms import Flaw
from digest.web.pages import Visit, route
from digest.wishes import Act

FORGOTTEN = "/forgotten"


def routes(desk: Desk) -> list[Route]:
    """Give the pages of this module."""
    return [route(desk, "/confirm/{token}", get=show, post=confirm)]


def show(visit: Visit) -> Response:
    """Show what was asked for, with a button; or that it is done, or over."""
    with visit.desk.database.reading() as connection:
        request = visit.desk.readers.look_up(connection, visit.path["token"])
    return _page(visit, request)


def confirm(visit: Visit) -> Response:
    """Do what was asked for."""
    token, readers = visit.path["token"], visit.desk.readers
    with visit.desk.database.transaction() as connection:
        request = readers.look_up(connection, token)
        stamp = visit.read_stamp("confirm")
        flaw = Flaw.FOREIGN if stamp is None else stamp.flaw(now=visit.now)
        if request is None or flaw is not None:
            return _page(visit, request, flaw=flaw)
        before = subscribers.find(connection, request.list, read_address(request.address).key)
        done = readers.confirm(connection, token, door=Door.WEB, now=visit.now)
        if done is None:
            return _page(visit, request)
        subject = before or done.subscriber
        if done.new and subject is not None:
            language = request.language or visit.tongue.language
            report(readers, connection, subject, done.answers, now=visit.now, language=language)
    erased = any(command.act is Act.ERASE for command in request.commands)
    return visit.see(FORGOTTEN if erased else f"/confirm/{token}", notify=True)


def _page(visit: Visit, request: Request | None, *, flaw: Flaw | None = None) -> Response:
    if request is None:
        raise HTTPException(404)
    if request.confirmed is None and request.expires <= visit.now:
        raise HTTPException(410)
    words = Words(visit.desk.press, visit.tongue.language, visit.desk.settings.lists)
    asked = [words.asked(command, request.list) for command in request.commands]
    joins = any(command.act is Act.SUBSCRIBE for command in request.commands)
    context: dict[str, Any] = {
        "asked": asked,
        "joins": joins,
        "erases": any(command.act is Act.ERASE for command in request.commands),
        "title": visit.desk.title(request.list),
        "address": read_address(request.address).display,
    }
    here = f"/confirm/{visit.path['token']}"
    if request.confirmed:
        return visit.page("web/confirmed.html.j2", here=here, **context)
    status = 403 if flaw is Flaw.FOREIGN else 422 if flaw else 200
    stamp = visit.stamp("confirm")
    return visit.page("web/confirm.html.j2", here=here, status=status, stamp=stamp, flaw=flaw, **context)
