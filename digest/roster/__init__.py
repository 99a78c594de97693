"""Files of readers: read what this and other programs write about theirs, and write our own.

`text_lines` makes lines of a file's bytes, `read_rows` makes readers of the lines, `write_rows` writes a CSV that comes
back as the same readers. All of them stream: what is in memory is one row. A row is a reader or is refused with its
line and the reason; none is passed over in silence. What is no text (a zip, a workbook) is refused as a whole and never
opened. Of each row the address, the list, the state and the wishes are kept: no names, no places, no scores.

Who left, never confirmed or could not be reached is refused where the file tells: by listmonk's `status`, by
Mailchimp's UNSUB_TIME and CLEAN_TIME, and by the names that Mailchimp gives its files.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.address import Address, parse_address
from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.roster.text import ROW, NotText, text_lines
from digest.wishes import USUAL, Format, Frequency, Stance, Topic, Wishes

__all__ = [
    "CELL",
    "COLUMNS",
    "NO_ADDRESS",
    "ROW",
    "ROW_LINES",
    "NotText",
    "Refused",
    "Row",
    "harmless",
    "read_rows",
    "text_lines",
    "write_rows",
]

CELL = 32_767  # characters; a spreadsheet has no longer ones
ROW_LINES = 100  # over which a cell may run on
COLUMNS = 1_000

_OURS = ("address", "list", "state", "since")
_WISHES = ("frequency", "hour", "zone", "topics", "minutes", "language", "format")
_WRITTEN = (*_OURS, "consent", "paused_until", *_WISHES, "suppressed")
_ADDRESS = ("email address", "email", "e-mail", "e-mail address", "email_address", "mail", "address")
"""What a column of addresses is called; to Mailchimp, which also has the first, the last is the postal one."""

_STATUS = ("status", "state", "subscription_status")
_MAY_BE_MAILED = ("active", "confirmed", "enabled", "subscribed")
_LEFT = {"unsub_time": "left", "clean_time": "could not be reached"}
_MAILCHIMP_NAME = re.compile(r"(unsubscribed|non-?subscribed|cleaned)_.*export", re.IGNORECASE)
_LOST = "\N{REPLACEMENT CHARACTER}"

NO_ADDRESS = "it holds no mail address; is there a column called email?"
"""Why most rows of a wrong file are refused."""

_FORMULA = re.compile("'*[=+@\t\r\n＝＋－＠-]")
"""What makes a spreadsheet run a cell instead of showing it (OWASP: CSV injection)."""

_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_HOUR = re.compile(r"(\d\d?):(\d\d)(?::00)?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*", re.IGNORECASE | re.ASCII)
_TOPIC = re.compile(r"([a-z0-9][a-z0-9-]{0,62})=([a-z]+)", re.ASCII)

Choice = TypeVar("Choice", Frequency, Format, Stance, SubscriberState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A reader as a file tells of him."""

    line: int
    address: Address
    list: str | None = None  # where the file is one of ours
    state: SubscriberState = SubscriberState.ACTIVE
    paused_until: datetime | None = None
    wishes: Wishes = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row of which no reader is made."""

    line: int
    reason: str
    address: str = ""  # what stands in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header(Refused):
    """A first row that is a header, in words that we do not know, where any row after it holds an address."""


def read_rows(
    lines: Iterable[str], *, name: str = "", note: Callable[[str], None] = lambda _: None
) -> Iterator[Row | Refused]:
    """Give the readers of a file, and the rows that are none; `name` is the file's, which tells of Mailchimp's ones.

    A first row without an address is a header where any row after it holds one, in whatever words: `note` hears of
    such a one that names no column of addresses that we know. Else it is refused, as the last one.
    """
    header: _Header | None = None
    for row in _rows(_Lines(lines), name):
        if isinstance(row, _Header):
            header = row
            continue
        if header and (isinstance(row, Row) or row.address):
            note(f"line {header.line} is read as a header: it holds no mail address")
            header = None
        yield row
    if header:
        yield header


def _rows(source: "_Lines", name: str) -> Iterator[Row | Refused]:
    reader = csv.reader(source, delimiter=_delimiter(source.first()))
    sheet: _Sheet | None = None
    while True:
        try:
            cells = [cell.strip() for cell in source.row(reader)]
        except StopIteration:
            return
        except (_BrokenRow, csv.Error) as error:
            yield Refused(line=source.number, reason=str(error))
            continue
        if not any(cells):
            continue
        if sheet is None:
            sheet = _Sheet(cells, name)
            if sheet.columns:
                if not sheet.column:
                    yield _Header(line=source.number, reason=NO_ADDRESS)
                continue
        try:
            source.refuse_swallowed()
            row = sheet.row(cells, source.number)
        except ValueError as error:
            yield Refused(line=source.number, reason=str(error), address=sheet.address(cells)[:CELL])
        else:
            yield row


def write_rows(subscribers: Iterable[tuple[Subscriber, SuppressionReason | None]], to: TextIO) -> None:
    """Write subscribers as CSV, each with why he must not be mailed, if so; `read_rows` reads all but that back.

    No cell of it is a formula to a spreadsheet.
    """
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(_WRITTEN)
    for one, reason in subscribers:
        wishes = one.wishes
        topics = " ".join(f"{topic.name}={topic.stance}" for topic in wishes.topics)
        values = {name: getattr(wishes, name) for name in _WISHES} | {"topics": topics}
        moments = {
            "since": one.since.isoformat(),
            "paused_until": one.paused_until and one.paused_until.isoformat(),
        }
        known = {"address": one.address, "list": one.list, "state": one.state, "consent": one.consent}
        cells = known | moments | values | {"suppressed": reason}
        writer.writerow([harmless("" if cells[name] is None else str(cells[name])) for name in _WRITTEN])


def harmless(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _as_it_was(cell: str) -> str:
    """Take off the apostrophe that `harmless` has put there."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class _BrokenRow(Exception):  # noqa: N818 - it never leaves this module
    """A row that cannot be made out."""


class _Lines:
    """The lines of a file for csv.reader, which alone would read to its end for a quotation mark that is not closed.

    The row with such a mark is broken; the lines that it would have swallowed are read again as rows of their own.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = enumerate(lines, 1)
        self._ahead: deque[tuple[int, str]] = deque()
        self._row: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        size = sum(len(line) for _, line in self._row)
        if len(self._row) >= ROW_LINES or size > ROW:
            self._break()
        pair = self._ahead.popleft() if self._ahead else next(self._lines, None)
        if pair is None:
            if self._row:
                self._break()
            raise StopIteration
        self._row.append(pair)
        if size + len(pair[1]) > ROW + 1:
            self._break()
        return pair[1]

    @property
    def number(self) -> int:
        """The line at which the row begins."""
        return self._row[0][0] if self._row else 0

    def first(self) -> str:
        """Give the first line that is not blank, and read it again later."""
        for pair in self._lines:
            self._ahead.append(pair)
            if pair[1].strip():
                return pair[1]
            self._ahead.clear()
        return ""

    def row(self, reader: Iterator[list[str]]) -> list[str]:
        """Give the cells of the next row."""
        self._row.clear()
        return next(reader)

    def refuse_swallowed(self) -> None:
        """Refuse a row that runs over several lines with addresses: a quotation mark may have been forgotten.

        Raises:
            ValueError: it does.

        """
        if sum("@" in line for _, line in self._row) > 1:
            raise ValueError(
                f"it runs on to line {self._row[-1][0]}, which holds an address too; is a quotation mark missing?"
            )

    def _break(self) -> None:
        alone = len(self._row) == 1 and len(self._row[0][1]) > ROW
        self._ahead.extendleft(reversed(self._row[1:]))
        del self._row[1:]
        raise _BrokenRow(
            f"it is longer than {ROW:,} characters" if alone else "a quotation mark in it is not closed"
        )


class _Sheet:
    """What the first row of a file tells of all others."""

    def __init__(self, first: Sequence[str], name: str) -> None:
        names = {text.casefold(): index for index, text in reversed(list(enumerate(first)))}
        self.column = next((wanted for wanted in _ADDRESS if wanted in names), None)
        self.columns = names if self.column or not any("@" in cell for cell in first) else {}
        self._ours = names.keys() >= set(_OURS)
        self._status = None if self._ours else next((wanted for wanted in _STATUS if wanted in names), None)
        told = _MAILCHIMP_NAME.match(name)
        self._left = told[1].lower() if told else ""

    def row(self, cells: Sequence[str], line: int) -> Row:
        """Make a reader of a row.

        Raises:
            ValueError: it is none, or one who must not be mailed.

        """
        if len(cells) > COLUMNS or max(map(len, cells)) > CELL:
            raise ValueError(
                f"it has more than {COLUMNS:,} columns, or a cell of more than {CELL:,} characters"
            )
        address = _address(self.address(cells))
        self._refuse_who_left(cells)
        state, until = self._state(cells)
        return Row(
            line=line,
            address=address,
            list=(self._cell(cells, "list") or None) if self._ours else None,
            state=state,
            paused_until=until,
            wishes=self._wishes(cells),
        )

    def address(self, cells: Sequence[str]) -> str:
        """Give the cell with the address: that of the column, else the one that has an @."""
        if self.column:
            return self._cell(cells, self.column)
        found = [cell for cell in cells if "@" in cell]
        return _as_it_was(found[0]) if len(found) == 1 else ", ".join(found)

    def _cell(self, cells: Sequence[str], name: str) -> str:
        index = self.columns.get(name, len(cells))
        return _as_it_was(cells[index]) if index < len(cells) else ""

    def _refuse_who_left(self, cells: Sequence[str]) -> None:
        if self._left:
            raise ValueError(f"the file's name says that it holds those whom Mailchimp calls {self._left}")
        for name, what in _LEFT.items():
            if when := self._cell(cells, name):
                raise ValueError(f"its {name.upper()} says that this reader {what}: {when!r:.60}")
        status = self._cell(cells, self._status) if self._status else ""
        if status and status.casefold() not in _MAY_BE_MAILED:
            raise ValueError(
                f"its {self._status} is {status!r:.60}; only {', '.join(_MAY_BE_MAILED)} ones are imported"
            )

    def _state(self, cells: Sequence[str]) -> tuple[SubscriberState, datetime | None]:
        if not self._ours:
            return SubscriberState.ACTIVE, None
        state = _one_of(SubscriberState, self._cell(cells, "state") or SubscriberState.ACTIVE.value, "state")
        if state is SubscriberState.ERASED:
            raise ValueError("its reader is forgotten")
        until = self._cell(cells, "paused_until")
        return state, _moment(until) if until and state is SubscriberState.PAUSED else None

    def _wishes(self, cells: Sequence[str]) -> Wishes:
        text = {name: self._cell(cells, name) for name in _WISHES}
        return Wishes(
            frequency=_one_of(Frequency, text["frequency"] or Frequency.DAILY.value, "frequency"),
            hour=_hour(text["hour"]),
            zone=_zone(text["zone"]) if text["zone"] else None,
            topics=_topics(text["topics"]),
            minutes=_minutes(text["minutes"]),
            language=_language(text["language"]),
            format=_one_of(Format, text["format"] or Format.HTML.value, "format"),
        )


def _delimiter(line: str) -> str:
    """Choose what parts the cells: that with which the first row names a column of addresses, else has most cells."""

    def worth(delimiter: str) -> tuple[bool, int]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error:
            return False, 0
        return any(cell.strip().casefold() in _ADDRESS for cell in cells), len(cells)

    return max(",;\t", key=worth)


def _address(text: str) -> Address:
    """Read an address, alone or behind the name of its owner: Ann <ann@mail.example>."""
    if _LOST in text:
        raise ValueError(f"{text!r:.80} has lost a character: was the file saved in another encoding?")
    if named := _NAMED.fullmatch(text):
        name, inner = named[1].strip(" \"'"), named[2].strip()
        if "@" in name and name.casefold() != inner.casefold():
            raise ValueError(f"{text!r:.80} names two addresses")
        text = inner
    if not text:
        raise ValueError(NO_ADDRESS)
    if ", " in text:
        raise ValueError(f"{text!r:.80}: it holds several addresses; put each on a line of its own")
    return parse_address(text)


def _one_of(kind: type[Choice], text: str, column: str) -> Choice:
    try:
        return kind(text.casefold())
    except ValueError:
        raise ValueError(f"its {column} is {text!r:.60} and not one of {', '.join(kind)}") from None


def _hour(text: str) -> str | None:
    """Read an hour, also as spreadsheets write it: 7:00, 07:00:00."""
    if not text:
        return None
    found = _HOUR.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 - a clock's
        raise ValueError(f"its hour is {text!r:.60}; write it as 07:00")
    return f"{int(found[1]):02}:{found[2]}"


@lru_cache(maxsize=1024)
def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"its zone is {text!r:.60}; use a name such as Europe/Paris") from None
    return text


def _topics(text: str) -> tuple[Topic, ...]:
    found: dict[str, Stance] = {}
    for word in text.split():
        pair = _TOPIC.fullmatch(word)
        if not pair:
            raise ValueError(f"its topics are {text!r:.60}; write them as science=more sport=none")
        found[pair[1]] = _one_of(Stance, pair[2], "topic")
    return tuple(
        Topic(name=name, stance=stance)
        for name, stance in sorted(found.items())
        if stance is not Stance.USUAL
    )


def _minutes(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[1-9]\d{0,2}", text, re.ASCII):
        raise ValueError(f"its minutes are {text!r:.60} and no whole number from 1 to 999")
    return int(text)


def _language(text: str) -> str | None:
    if text and not _LANGUAGE.fullmatch(text):
        raise ValueError(f"its language is {text!r:.60}; write it as en or pt-br")
    return text or None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"its paused_until is {text!r:.60}; write it as 2026-11-20T07:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
