"""Past issues: each one as a page, a feed of the newest, and the votes of readers.

A page or feed without a token says the same to everybody and may be kept by anybody, who asks again with its ETag. One
with a reader's token (?voter=) is his alone: never stored, never indexed, and only there can he vote. A list that is
not public is shown with such a token of that very list, and has no feed, which would hand the token to whoever fetches
it. What is not there, what is not public and what no token opens are one and the same answer, 404.

A vote changes one row or none, so that sending it twice, or dying after it, does no harm. Where to go afterwards is
built from what was checked, never from what was sent.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from babel.dates import format_date
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from digest import config
from digest.address import read_address
from digest.model import Issue, Story, Subscriber, SubscriberState
from digest.notify import masthead
from digest.reading import in_minutes, story_time
from digest.render import pieces
from digest.render.press import locale_of
from digest.store import issues, subscribers, votes
from digest.tokens import Purpose
from digest.web.desk import Desk
from digest.web.pages import Tongue, Visit, link, render, route

ON_A_PAGE = 30
IN_THE_FEED = 30
HEADLINES = 3

VOTING = timedelta(days=30)
"""How long after its publication votes are taken for an issue."""

_ISSUES_KEPT, _FEEDS_KEPT = 32, 8  # read or printed once: they are frozen
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PAGE = re.compile(r"[1-9][0-9]{0,5}")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_FORM = "vote"
_EVERYBODYS = {"Cache-Control": "no-cache"}  # keep it, but ask whether it still holds: votes count at once
_WITH_304 = ("Cache-Control", "ETag", "Last-Modified", "Vary")
_HIS_OWN = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A list that this visitor may see."""

    name: str
    wishes: config.List
    voter: Subscriber | None  # he is this reader of it
    token: str  # his; empty for anybody
    plain: bool  # he brought no token, be it good or not

    def path(self, *parts: object) -> str:
        """Give the path of one of the list's pages, with the reader's token."""
        path = "/".join(map(str, ("/archive", self.name, *parts)))
        return f"{path}?voter={self.token}" if self.voter else path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ballot:
    """What is to be said of votes for a story."""

    story: str  # its id
    readers: int  # of ours who voted for it
    mine: bool


def routes(desk: Desk) -> list[Route]:
    """Give the archive's routes; none where the settings keep it closed."""
    if not desk.settings.web.archive:
        return []
    archive = Archive(desk)
    return [
        _revalidating(route(desk, "/archive", get=archive.lists)),
        _revalidating(route(desk, "/archive/{list}", get=archive.contents)),
        _revalidating(route(desk, "/archive/{list}/feed.atom", get=archive.feed, cookies=False)),
        _revalidating(route(desk, "/archive/{list}/{date}", get=archive.issue)),
        route(desk, "/vote", post=archive.vote),
    ]


class Archive:
    """The pages of past issues."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._began = desk.clock()  # settings and templates are those of this moment
        self._issue = lru_cache(_ISSUES_KEPT)(self._read_issue)
        self._feed = lru_cache(_FEEDS_KEPT)(self._print_feed)

    def lists(self, visit: Visit) -> Response:
        """Show which lists there are; where that is one, its issues."""
        public = self._desk.public_lists
        if not public:
            raise HTTPException(404)
        if len(public) == 1:
            return self.contents(replace(visit, path={"list": next(iter(public))}))
        with self._desk.database.reading() as connection:
            counts = {name: issues.count(connection, name) for name in public}
        answer = visit.page(
            "web/archive.html.j2", here="/archive", canonical=self._url("/archive"), shown=None, counts=counts
        )
        answer.headers.update(_EVERYBODYS | {"Vary": "Accept-Language"})
        return _marked(answer)

    def contents(self, visit: Visit) -> Response:
        """Show a list's issues, the newest first, so many a page."""
        asked = visit.query.get("page", "1")
        page = int(asked) if _PAGE.fullmatch(asked) else 0
        with self._desk.database.reading() as connection:
            shown = self._shown(connection, visit.path["list"], visit.query.get("voter"))
            pages = max(1, -(-issues.count(connection, shown.name) // ON_A_PAGE))
            if not 1 <= page <= pages:
                raise HTTPException(404)
            start = (page - 1) * ON_A_PAGE
            found = issues.outlines(
                connection, shown.name, offset=start, limit=ON_A_PAGE, headlines=HEADLINES
            )
            closed = issues.last_closed(connection, shown.name)
        visit = self._in_its_language(visit, shown)
        answer = visit.page(
            "web/archive.html.j2",
            here=_numbered(shown.path(), page),
            canonical=self._url(_numbered(f"/archive/{shown.name}", page)),
            shown=shown,
            entries=[
                {
                    "path": shown.path(outline.date),
                    "outline": outline,
                    "date": _long(outline.date, visit.tongue),
                    "headlines": [_headline(one, visit.tongue) for one in outline.headlines],
                }
                for outline in found
            ],
            page=page,
            pages=pages,
            newer=_numbered(shown.path(), page - 1) if page > 1 else "",
            older=_numbered(shown.path(), page + 1) if page < pages else "",
        )
        return self._finished(answer, shown, closed)

    def issue(self, visit: Visit) -> Response:
        """Show a whole issue; to a reader with his token, with a form for each story."""
        with self._desk.database.reading() as connection:
            shown = self._shown(connection, visit.path["list"], visit.query.get("voter"))
        return self._page(visit, shown, self._issue(shown.name, _day(visit.path["date"])))

    def feed(self, visit: Visit) -> Response:
        """Give the newest issues of a public list as Atom (RFC 4287), whole but for the pictures."""
        with self._desk.database.reading() as connection:
            shown = self._shown(connection, visit.path["list"], None)
            newest = issues.next_number(connection, shown.name) - 1
            closed = issues.last_closed(connection, shown.name)
        answer = Response(self._feed(shown.name, newest), media_type="application/atom+xml")
        return self._finished(answer, shown, closed)

    def vote(self, visit: Visit) -> Response:
        """Count a reader's vote for a story of an issue, or take it back, and lead him back to the story."""
        sent = visit.form
        with self._desk.database.reading() as connection:
            shown = self._shown(connection, sent.get("list", ""), sent.get("voter", ""))
        issue = self._issue(shown.name, _day(sent.get("date", "")))
        told = _paired(issue, self._chapters(visit.tongue, shown, issue, pictures=False))
        anchors = {story.id: piece.anchor for story, piece in told}
        act = sent.get("act")
        story = next((story for story in issue.stories if story.id == sent.get("story")), None)
        if story is None or act not in ("vote", "back"):
            raise HTTPException(404)
        if shown.voter is None:
            raise HTTPException(410)
        if visit.read_stamp(_FORM) is None:
            return self._page(visit, shown, issue, status=403, again=anchors[story.id])
        if not _is_open(issue, visit.now):
            return self._page(visit, shown, issue, status=410)
        with self._desk.database.transaction() as connection:
            if act == "vote":
                votes.put(connection, shown.voter.id, shown.name, story, now=visit.now, network=visit.network)
            else:
                votes.take_back(connection, shown.voter.id, story.id)
        return RedirectResponse(f"{link(shown.path(issue.date), visit.tongue)}#{anchors[story.id]}", 303)

    def _page(
        self, visit: Visit, shown: _Shown, issue: Issue, *, status: int = 200, again: str = ""
    ) -> Response:
        """Print an issue; `again` is the anchor of the story whose vote did not count, its form not being ours."""
        ids = [story.id for story in issue.stories]
        with self._desk.database.reading() as connection:
            counts = votes.counts(connection, ids)
            mine = {vote["story"] for vote in votes.of(connection, shown.voter.id)} if shown.voter else ()
            voted = votes.last(connection, ids)
            before = issues.last_date(connection, shown.name, before=issue.date)
            after = issues.first_date(connection, shown.name, after=issue.date)
            closed = issues.last_closed(connection, shown.name)
        visit = self._in_its_language(visit, shown)
        chapters = self._chapters(visit.tongue, shown, issue, pictures=shown.wishes.images)
        told = _paired(issue, chapters)
        is_open = _is_open(issue, visit.now)
        answer = visit.page(
            "web/issue.html.j2",
            here=shown.path(issue.date),
            status=status,
            canonical=self._url(f"/archive/{shown.name}/{issue.date}"),
            shown=shown,
            issue=issue,
            date=_long(issue.date, visit.tongue),
            chapters=chapters,
            minutes=in_minutes(sum(map(story_time, issue.stories))),
            ballots={
                piece.anchor: _Ballot(story=story.id, readers=counts.get(story.id, 0), mine=story.id in mine)
                for story, piece in told
            },
            errata=[self._type(visit.tongue, shown, issue).erratum(one) for one in issue.corrections],
            is_open=is_open,
            again=again,
            **({"stamp": visit.stamp(_FORM)} if shown.voter and is_open else {}),
            before=before and {"path": shown.path(before), "date": _long(before, visit.tongue)},
            after=after and {"path": shown.path(after), "date": _long(after, visit.tongue)},
        )
        over = None if is_open else issue.closed + VOTING
        return self._finished(answer, shown, issue.closed, voted, closed if after else None, over)

    def _print_feed(self, name: str, newest: int) -> str:
        """Print a list's feed as it is while its newest issue has that number."""
        with self._desk.database.reading() as connection:
            shown = self._shown(connection, name, None)
            last = issues.newest(connection, name, limit=IN_THE_FEED)
        tongue = self._tongue(shown.wishes.language)
        found = [issue for issue in last if issue.number <= newest]
        text = render(
            self._desk,
            tongue,
            "web/feed.atom.j2",
            here="/",
            shown=shown,
            page=self._url(f"/archive/{name}"),
            updated=max((issue.closed for issue in found), default=self._began),
            entries=[
                {
                    "issue": issue,
                    "date": _long(issue.date, tongue),
                    "url": self._url(f"/archive/{name}/{issue.date}"),
                    "chapters": self._chapters(tongue, shown, issue, pictures=False),
                }
                for issue in found
            ],
        )
        return _NOT_IN_XML.sub("", text)

    def _read_issue(self, name: str, day: date) -> Issue:
        with self._desk.database.reading() as connection:
            found = issues.find(connection, name, day)
        if found is None:
            raise HTTPException(404)
        return found[1]

    def _shown(self, connection: sa.Connection, name: str, token: str | None) -> _Shown:
        """Find the list of that name for this visitor; to him who may not see it, it is not there."""
        wishes = self._desk.settings.lists.get(name)
        voter = self._voter(connection, name, token) if wishes and token else None
        if wishes is None or not (wishes.public or voter):
            raise HTTPException(404)
        own = self._desk.tokens.make(Purpose.VOTE, voter.id) if voter else ""
        return _Shown(name=name, wishes=wishes, voter=voter, token=own, plain=token is None)

    def _voter(self, connection: sa.Connection, list_name: str, token: str) -> Subscriber | None:
        """Give the reader of a list whom a token names, unless he has left or must not be mailed."""
        number = self._desk.tokens.read(Purpose.VOTE, token)
        reader = None if number is None else subscribers.get(connection, number)
        if reader is None or reader.list != list_name:
            return None
        if reader.state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
            return None
        if self._desk.readers.suppression(connection, read_address(reader.address)):
            return None
        return reader

    def _in_its_language(self, visit: Visit, shown: _Shown) -> Visit:
        """Speak as the reader's letters do, or as the list's; unless the visitor has chosen otherwise."""
        if visit.tongue.chosen:
            return visit
        wished = shown.voter.wishes.language if shown.voter else None
        return replace(visit, tongue=self._tongue(wished or shown.wishes.language))

    def _tongue(self, tag: str) -> Tongue:
        language, locale, catalogue = self._desk.press.speak(tag)
        return Tongue(language=language, locale=locale, catalogue=catalogue, chosen=False)

    def _type(self, tongue: Tongue, shown: _Shown, issue: Issue) -> pieces.Desk:
        """Give what puts an issue's stories into the words that its letters have."""
        head = masthead(self._desk.settings, shown.wishes)
        return pieces.Desk(
            language=tongue.language,
            locale=tongue.locale,
            today=issue.date,
            zone=ZoneInfo(head.timezone),
            source_titles=head.source_titles,
            archive=self._url(f"/archive/{shown.name}") if shown.wishes.public else "",
        )

    def _chapters(
        self, tongue: Tongue, shown: _Shown, issue: Issue, *, pictures: bool
    ) -> list[pieces.Chapter]:
        desk = self._type(tongue, shown, issue)
        sections = [section for section in issue.sections if section.stories]
        chapters: list[pieces.Chapter] = []
        for place, section in enumerate(sections, 1):
            told = sum(len(chapter.pieces) for chapter in chapters)
            chapters.append(desk.chapter(section, place, after=told, pictures=pictures))
        return chapters

    def _url(self, path: str) -> str:
        return f"{self._desk.settings.publisher.url}{path}"

    def _finished(self, answer: Response, shown: _Shown, *moments: datetime | None) -> Response:
        """Say how long an answer may be kept: for everybody's with an ETag and when it last changed.

        That is told to the second, and does not know of a vote that was taken back: the ETag does.
        """
        if not shown.plain or not shown.wishes.public:
            answer.headers.update(_HIS_OWN)
            return answer
        changed = max(moment for moment in (self._began, *moments) if moment)
        answer.headers.update(
            _EVERYBODYS | {"Last-Modified": format_datetime(changed.astimezone(UTC), usegmt=True)}
        )
        return _marked(answer)


def _marked(answer: Response) -> Response:
    answer.headers["ETag"] = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    return answer


def _revalidating(inner: Route) -> Route:
    """Answer 304 where what the visitor has still holds (RFC 9110 section 13)."""

    async def answer(request: Request) -> Response:
        full: Response = await inner.endpoint(request)
        if full.status_code == HTTPStatus.OK and _holds(request.headers, full.headers):
            kept = {name: full.headers[name] for name in _WITH_304 if name in full.headers}
            return Response(status_code=304, headers=kept)
        return full

    return Route(inner.path, answer, methods=["GET"])


def _holds(asked: Headers, have: Headers) -> bool:
    if "etag" not in have:
        return False
    if (tags := asked.get("if-none-match")) is not None:
        return tags.strip() == "*" or have["etag"] in re.findall(r'"[^"]*"', tags)
    try:
        return parsedate_to_datetime(asked["if-modified-since"]) >= parsedate_to_datetime(
            have["last-modified"]
        )
    except (KeyError, TypeError, ValueError):  # not asked, no date, or one without a zone
        return False


def _paired(issue: Issue, chapters: Sequence[pieces.Chapter]) -> list[tuple[Story, pieces.Piece]]:
    """Give each story with its words."""
    words = [piece for chapter in chapters for piece in chapter.pieces]
    return list(zip(issue.stories, words, strict=True))


def _is_open(issue: Issue, now: datetime) -> bool:
    return now - issue.closed < VOTING


def _day(text: str) -> date:
    """Read the one spelling of a date that a path of ours has."""
    if _DAY.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise HTTPException(404)


def _numbered(path: str, page: int) -> str:
    """Give the path of one of the pages into which `path` is cut; the first has no number."""
    return path if page == 1 else f"{path}{'&' if '?' in path else '?'}page={page}"


def _long(day: date, tongue: Tongue) -> str:
    return str(format_date(day, "full", locale=tongue.locale))


def _headline(headline: issues.Headline, tongue: Tongue) -> dict[str, str]:
    """Give a headline with its language and direction, where that is not the page's."""
    tag = headline.language or ""
    if tag.partition("-")[0] == tongue.language.partition("-")[0]:
        tag = ""
    known = locale_of(tag) if tag else None
    return {
        "title": headline.title,
        "language": tag,
        "direction": known.text_direction if known else "ltr",
    }
