"""One visit, and the page that answers it, in the visitor's language.

The language is the one chosen at the foot of a page (?lang=), else the first that the browser prefers and the press
speaks. A page that holds a form gives the browser its cookie; see forms.py.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from gettext import NullTranslations
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.numbers import format_decimal
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.clean import clean_text
from digest.render import Press
from digest.render.press import locale_of
from digest.web import forms
from digest.web.desk import Desk
from digest.web.forms import Stamp

if TYPE_CHECKING:
    from digest.web.security import Caller

ENGLISH = "en"
SHEET = "web/style.css"

_FIELDS = 300
_FIELD_LENGTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """The language of a page; `chosen` where the visitor has said so, and every link keeps it."""

    language: str
    locale: Locale
    catalogue: NullTranslations
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request."""

    desk: Desk
    tongue: Tongue
    network: str
    secure: bool
    now: datetime
    nonce: str = ""  # of the browser's cookie; new where it had none
    nonce_is_new: bool = True
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def page(self, template: str, *, here: str, status: int = 200, **context: Any) -> Response:
        """Print a page; `here` is its path, for the links to the same page in other languages."""
        answer = HTMLResponse(render(self.desk, self.tongue, template, here=here, **context), status)
        if "stamp" in context and self.nonce_is_new:
            self._set_cookie(answer)
        return answer

    def see(self, path: str, *, notify: bool = False) -> Response:
        """Send the browser to another page of ours (303), and let letters go where there may be some."""
        answer = RedirectResponse(link(path, self.tongue), 303)
        if notify:
            answer.background = BackgroundTask(self.desk.notify)
        return answer

    def stamp(self, form: str, stamp: Stamp | None = None) -> str:
        """Give the stamp of a form of that name, new or the one it came with."""
        stamp = stamp or forms.new_stamp(now=self.now)
        return stamp.write(self.desk.tokens, form, nonce=self.nonce)

    def read_stamp(self, form: str) -> Stamp | None:
        """Read the stamp of the form that came in."""
        if self.nonce_is_new:
            return None
        return forms.read_stamp(self.desk.tokens, form, self.form.get("stamp", ""), nonce=self.nonce)

    def _set_cookie(self, answer: Response) -> None:
        answer.set_cookie(
            cookie_name(secure=self.secure),
            self.nonce,
            secure=self.secure,
            httponly=True,
            samesite="strict",
            path="/",
        )


Page = Callable[[Visit], Response]


def route(
    desk: Desk, path: str, *, get: Page | None = None, post: Page | None = None, cookies: bool = True
) -> Route:
    """Bind the functions that answer GET (and HEAD) and POST of a path; they run in a thread each."""
    pages = {"GET": get, "HEAD": get, "POST": post}

    async def answer(request: Request) -> Response:
        page = pages[request.method]
        if page is None:  # not among the route's methods
            raise HTTPException(405)
        visit = await _visit(desk, request, cookies=cookies)
        return await run_in_threadpool(page, visit)

    return Route(path, answer, methods=[method for method in ("GET", "POST") if pages[method]])


async def _visit(desk: Desk, request: Request, *, cookies: bool) -> Visit:
    caller: Caller = request.state.caller
    form: dict[str, str] = {}
    if request.method == "POST":
        async with request.form(max_files=0, max_fields=_FIELDS) as sent:
            form = {name: _text(value) for name, value in sent.items()}
    nonce = request.cookies.get(cookie_name(secure=caller.secure), "") if cookies else ""
    known = forms.is_nonce(nonce)
    return Visit(
        desk=desk,
        tongue=tongue(request, desk.press),
        network=caller.network,
        secure=caller.secure,
        now=desk.clock(),
        nonce=nonce if known else forms.new_nonce(),
        nonce_is_new=not known,
        path={name: str(value) for name, value in request.path_params.items()},
        query=request.query_params,
        form=form,
    )


def _text(value: Any) -> str:
    return clean_text(value[:_FIELD_LENGTH]) if isinstance(value, str) else ""


def cookie_name(*, secure: bool) -> str:
    """Name the cookie; the prefix lets browsers take it from this host over https alone (RFC 6265bis)."""
    return "__Host-form" if secure else "form"


def problem(desk: Desk, request: Request, status: int) -> Response:
    """Print the page that says what is wrong, and what to do."""
    known = status if status in (400, 403, 404, 405, 408, 410, 413, 422, 429, 431, 500, 503) else 400
    content = render(desk, tongue(request, desk.press), "web/problem.html.j2", here="/", status=known)
    return HTMLResponse(content, status)


def render(desk: Desk, tongue: Tongue, template: str, *, here: str, **context: Any) -> str:
    """Run a template with all that the layout needs."""
    settings = desk.settings
    return desk.press.run(
        template,
        {
            "language": tongue.language,
            "direction": tongue.locale.text_direction,
            "catalogue": tongue.catalogue,
            "number": partial(format_decimal, locale=tongue.locale),
            "publisher": settings.publisher,
            "sheet": f"/{style(desk.press)[0]}",
            "lists": desk.public_lists,
            "shows_archive": settings.web.archive and bool(desk.public_lists),
            "here": here,
            "languages": languages(desk.press),
            "link": partial(link, tongue=tongue),
            "flaw": None,
            "faults": {},
            **context,
        },
    )


def link(path: str, tongue: Tongue) -> str:
    """Give a path of ours, with the language that the visitor has chosen."""
    if not tongue.chosen:
        return path
    return f"{path}{'&' if '?' in path else '?'}lang={tongue.language}"


def style(press: Press) -> tuple[str, str]:
    """Give the style sheet's file name, which changes with what is in it, and its text."""
    text = press.run(SHEET, {})
    return f"style-{hashlib.sha256(text.encode()).hexdigest()[:16]}.css", text


def tongue(request: Request, press: Press) -> Tongue:
    """Choose the language of a page."""
    wanted = request.query_params.get("lang", "").lower()
    spoken = _spoken(press)
    chosen = wanted in spoken
    tag = wanted if chosen else preferred(request.headers.get("accept-language", ""), spoken)
    language, locale, catalogue = press.speak(tag)
    return Tongue(language=language, locale=locale, catalogue=catalogue, chosen=chosen)


def preferred(header: str, spoken: Sequence[str]) -> str:
    """Choose among the languages that are spoken by an Accept-Language header (RFC 9110 section 12.5.4)."""
    wishes = []
    for place, part in enumerate(header[:_FIELD_LENGTH].split(",")):
        tag, _, weight = part.partition(";")
        wishes.append((-_quality(weight), place, tag.strip().lower()))
    for quality, _, tag in sorted(wishes):
        for known in (tag, tag.partition("-")[0]):
            if quality and known in spoken:
                return known
    return ENGLISH


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    digits = value.strip()
    return min(1.0, float(digits)) if digits.replace(".", "", 1).isdecimal() and digits.isascii() else 0.0


def _spoken(press: Press) -> list[str]:
    return sorted({ENGLISH, *press.catalogues})


def languages(press: Press) -> list[dict[str, str]]:
    """Name each language that pages are written in, in itself."""
    found = []
    for tag in _spoken(press):
        locale = locale_of(tag) or Locale(ENGLISH)
        name = locale.get_display_name(locale) or tag
        direction = locale.text_direction
        found.append({"tag": tag, "name": name[:1].upper() + name[1:], "direction": direction})
    return found
