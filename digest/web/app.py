"""The routes of the pages, and what stands around them."""

from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.web import archive, confirm, leave, preferences, signup
from digest.web.desk import Desk
from digest.web.pages import Visit, problem, route, style
from digest.web.security import BODY_SECONDS, Guard, trusted

_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}

_ROBOTS = """\
User-agent: *
Disallow: /confirm/
Disallow: /preferences/
Disallow: /unsubscribe/
Disallow: /check
Disallow: /find
Disallow: /forgotten
"""
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#9b2c1c"/>'
    '<path d="M4 5h8M4 8h8M4 11h5" stroke="#fffdf9" stroke-width="1.5"/></svg>'
)


def make_site(desk: Desk, *, body_seconds: float = BODY_SECONDS) -> Starlette:
    """Give the readers' pages as an ASGI application; a form must arrive within `body_seconds`.

    Raises:
        SettingsError: a template is wrong, or `web.trusted_proxies`.

    """
    say = partial(problem, desk)
    site = Starlette(
        routes=[
            *signup.routes(desk),
            *confirm.routes(desk),
            *preferences.routes(desk),
            *leave.routes(desk),
            *_parts(desk),
            *archive.routes(desk),
        ],
        middleware=[Middleware(Guard, desk=desk, problem=say, body_seconds=body_seconds)],
        exception_handlers={HTTPException: partial(_explain, desk)},
    )
    site.router.redirect_slashes = False
    trusted(desk.settings.web.trusted_proxies)
    return site


def _explain(desk: Desk, request: Request, error: Exception) -> Response:
    """Answer in the visitor's language where a page, or its absence, raised a status."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    answer = problem(desk, request, status)
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})  # Allow
    return answer


def _parts(desk: Desk) -> list[Route]:
    """Give what the pages are made of, and what machines ask for."""
    name, sheet = style(desk.press)

    def text(content: str, kind: str, headers: dict[str, str]) -> Response:
        return Response(content, media_type=kind, headers=headers)

    def robots(_visit: Visit) -> Response:
        return PlainTextResponse(_ROBOTS, headers=_FOR_A_DAY)

    return [
        route(desk, f"/{name}", get=lambda _: text(sheet, "text/css", _FOR_GOOD), cookies=False),
        route(desk, "/robots.txt", get=robots, cookies=False),
        route(desk, "/favicon.ico", get=lambda _: text(_ICON, "image/svg+xml", _FOR_A_DAY), cookies=False),
    ]
