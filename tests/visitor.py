"""A visitor of the readers' pages: a real server on this machine, and a browser without a screen.

with site(tmp_path) as pages:              the pages over an empty database, served on a free port
    visitor = pages.visitor()              one browser, with its own cookies
    form = visitor.open("/").form()        a page, and the form on it as a browser would send it
    pages.clock.forward(seconds=10)        a person takes his time
    visitor.send(form, address="ada@mail.example", answer=visitor.solve(form))
    pages.rows("requests")                 what is kept now
"""

import contextlib
import logging
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self

import httpx
import sqlalchemy as sa
from makers import Clock, shipped_press, store

from digest import config
from digest.render import Press
from digest.store import Database, subscribers
from digest.store.tables import metadata
from digest.subscribe import Readers
from digest.tokens import Purpose, Tokens
from digest.web import make_site
from digest.web.desk import Desk
from digest.web.question import draw
from digest.web.security import BODY_SECONDS
from digest.web.server import HEAD_SECONDS, bind, serve_on

PUBLISHER = "digest.example"
PRESS = shipped_press()
TOKENS = Tokens("a test's own secret")
SECTIONS = {
    "world": {"title": "World"},
    "sport": {"title": "Sport & <em>Play</em>"},
    "opinion": {},
    "more": {},
}
DAILY = {"title": "The Small Digest", "description": "All that happened.", "sections": SECTIONS}


def settings(**changes: Any) -> config.Settings:
    """Make the settings of pages with one public list."""
    lists = changes.pop("lists", {"daily": DAILY})
    return config.Settings(**{"lists": lists, **changes})


@dataclass(frozen=True)
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: dict[str, str]


class _Forms(HTMLParser):
    """Reads the forms of a page as a browser would send them untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(action=named["action"], method=named["method"], fields={}))
        elif tag == "input" and (named.get("type") != "radio" or "checked" in named):
            self.forms[-1].fields[named["name"]] = named.get("value", "")
        elif tag == "select":
            self._select = named["name"]
        elif (
            tag == "option"
            and self._select
            and ("selected" in named or self._select not in self.forms[-1].fields)
        ):
            self.forms[-1].fields[self._select] = named["value"]


@dataclass(frozen=True)
class Seen:
    """An answer, as a test looks at it."""

    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def headers(self) -> httpx.Headers:
        return self.answer.headers

    def form(self, path: str = "") -> Form:
        """Give the page's only form, or the one that is sent to a path that ends so."""
        [form] = [one for one in self.forms() if one.action.partition("?")[0].endswith(path)]
        return form

    def forms(self) -> list[Form]:
        """Give the page's forms in order."""
        return _Forms(self.text).forms

    def was(self, status: int) -> Self:
        assert self.status == status, f"{self.status}\n{self.text}"
        return self


class Visitor:
    """A browser: it keeps cookies, follows no redirect by itself, and runs no script."""

    def __init__(self, pages: "Pages", headers: Mapping[str, str]) -> None:
        self._pages = pages
        self.client = httpx.Client(
            base_url=pages.url,
            headers=dict(headers),
            trust_env=False,
            timeout=30,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # the pages speak no TLS: no certificates to read
        )
        self.client.headers["Host"] = headers.get("Host", f"127.0.0.1:{pages.port}")

    def open(self, path: str, *, method: str = "GET", **headers: str) -> Seen:
        return Seen(self.client.request(method, path, headers=_named(headers)))

    def send(self, form: Form, *, headers: Mapping[str, str] | None = None, **filled: str) -> Seen:
        """Fill in a form and send it; a field's name is written with _ for -."""
        data = form.fields | {name.replace("_", "-"): value for name, value in filled.items()}
        return Seen(self.client.request(form.method, form.action, data=data, headers=dict(headers or {})))

    def solve(self, form: Form) -> str:
        """Answer the question of a form."""
        number = form.fields["stamp"].split(".")[1]
        return str(draw(self._pages.tokens, number).answer)

    def sign_up(self, address: str, *, page: str = "/", **filled: str) -> Seen:
        """Sign up as a person does: open the page, take some time, send the form."""
        form = self.open(page).was(200).form("/subscribe")
        self._pages.clock.forward(seconds=10)
        return self.send(form, **{"address": address, "answer": self.solve(form), **filled})

    def find(self, address: str) -> Seen:
        """Ask for the links to an address's subscriptions."""
        form = self.open("/find").was(200).form("/find")
        self._pages.clock.forward(seconds=10)
        return self.send(form, address=address, answer=self.solve(form))


@dataclass
class Pages:
    """The pages as they are served, and what stands behind them."""

    port: int
    database: Database
    settings: config.Settings
    clock: Clock
    press: Press = PRESS
    tokens: Tokens = TOKENS
    stop: threading.Event = field(default_factory=threading.Event)  # ends the server
    complaints: list[str] = field(default_factory=list)  # logged; a test that expects some clears them
    rung: threading.Event = field(default_factory=threading.Event)  # there may be letters
    _visitors: list[Visitor] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self, **headers: str) -> Visitor:
        """Give a new browser; a header's name is written with _ for -."""
        self._visitors.append(Visitor(self, _named(headers)))
        return self._visitors[-1]

    def token(self, purpose: Purpose, number: int) -> str:
        return self.tokens.make(purpose, number)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Give the rows of a table."""
        with self.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(metadata.tables[table]))]

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Give all that is kept."""
        return {name: self.rows(name) for name in metadata.tables}

    def reader(self, number: int = 1) -> Any:
        """Give a subscriber by his number."""
        with self.database.transaction() as connection:
            return subscribers.get(connection, number)

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.client.close()


@contextlib.contextmanager
def site(
    folder: Path,
    wanted: config.Settings | None = None,
    *,
    head_seconds: float = HEAD_SECONDS,
    body_seconds: float = BODY_SECONDS,
    url: str = "sqlite:///digest.db",
) -> Iterator[Pages]:
    """Serve the pages over an empty database on a free port; an error that is logged fails the test."""
    wanted, clock = wanted or settings(), Clock()
    folder.mkdir(parents=True, exist_ok=True)
    with store(folder, url=url) as database, bind("127.0.0.1:0") as listener:
        pages = Pages(port=listener.getsockname()[1], database=database, settings=wanted, clock=clock)
        desk = Desk(
            settings=wanted,
            database=database,
            readers=Readers(settings=wanted, tokens=TOKENS),
            press=PRESS,
            tokens=TOKENS,
            clock=clock,
            notify=pages.rung.set,
        )
        pages_of_it = make_site(desk, body_seconds=body_seconds)
        server = threading.Thread(
            target=serve_on, args=(pages_of_it, listener, pages.stop), kwargs={"head_seconds": head_seconds}
        )
        server.start()
        try:
            with _heard(pages.complaints):
                yield pages
        finally:
            pages.close()
            pages.stop.set()
            server.join()
    assert not pages.complaints, pages.complaints


class _Ear(logging.Handler):
    """Writes down what is logged as an error."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(logging.Formatter().format(record))


@contextlib.contextmanager
def _heard(told: list[str]) -> Iterator[None]:
    ear, loggers = _Ear(told), [logging.getLogger(name) for name in ("digest", "uvicorn")]
    for logger in loggers:
        logger.addHandler(ear)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(ear)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
