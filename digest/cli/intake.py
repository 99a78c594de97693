"""Take in a file of readers, for `digest subscribers import`."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digest.cli.screen import complain, counted, note, say
from digest.correspondence import Door
from digest.errors import AddressError, DigestError
from digest.model import Subscriber, SubscriberState
from digest.wishes import USUAL, Act, Change, Command, Wishes

if TYPE_CHECKING:
    import sqlalchemy as sa

    from digest.app import App
    from digest.roster import Refused, Row

BATCH = 500
"""Rows of a file that are written in one transaction."""

SHOWN = 10
"""Refused rows that are named on the screen."""

SUBSCRIBED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)
NOT_YET_OR_NO_MORE = (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED)


@dataclass(kw_only=True)
class Intake:
    """An import at work: a transaction for every few rows, and nothing said or read within one."""

    program: "App"
    file: Path
    list_name: str | None
    first: str
    dry_run: bool
    pending: bool
    added: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    _notes: list[str] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)  # the first ones
    _nameless: int = 0  # of those that are refused, the ones without an address
    _readers: int = 0  # rows with one, refused or not
    _wordings: dict[str, str] = field(default_factory=dict)  # the versions of the question, by language
    _seen: set[int] = field(default_factory=set)  # of a dry run, which leaves nothing to be found again

    def take(self, report: Callable[[Sequence[object]], object]) -> None:
        """Take in all rows of the file."""
        from digest.roster import NO_ADDRESS, NotText, harmless, read_rows, text_lines  # noqa: PLC0415

        try:
            with nullcontext(sys.stdin.buffer) if str(self.file) == "-" else self.file.open("rb") as file:
                lines = text_lines(file, note=lambda text: note(f"{self.file}: {text}"))
                rows = read_rows(lines, name=self.file.name, note=self._notes.append)
                while batch := list(islice(rows, BATCH)):
                    for refused in self._admit(batch):
                        self.refused += 1
                        self._nameless += refused.reason == NO_ADDRESS
                        if self.refused <= SHOWN:
                            self._complaints.append(f"{self.file}:{refused.line}: {refused.reason}")
                        report([refused.line, harmless(refused.address), harmless(refused.reason)])
        except OSError as error:
            raise DigestError(f"{self.file} cannot be read: {error.strerror}") from None
        except NotText as error:
            raise DigestError(f"{self.file} cannot be read: {error}") from None

    def say_what_became(self) -> None:
        """Print the first rows that were refused, how many were added to which list, and how many refused.

        Raises:
            DigestError: it is no file of readers.

        """
        if not self._readers and self._nameless * 2 > self.refused:
            raise DigestError(
                f"{self.file} holds no readers: there is no mail address in {counted(self.refused, 'row')}; "
                "is it the right file, with a column called email?"
            )
        for text in self._notes:
            note(f"{self.file}: {text}")
        for complaint in self._complaints:
            complain(complaint)
        if self.refused > SHOWN:
            complain(f"{self.file}: … and {self.refused - SHOWN:,} more; --report FILE names all")
        done = "asked by mail" if self.pending else "added"
        if self.dry_run:
            done = f"would be {done}"
        for name in sorted(self.added.keys() | self.there.keys()) or [self.first]:
            say(f"{name}: {counted(self.added[name], 'reader')} {done}, {self.there[name]:,} there already")
        say(f"{counted(self.refused, 'row')} refused")

    def _admit(self, batch: Sequence["Row | Refused"]) -> list["Refused"]:
        """Write a few rows, or with a dry run only try, and give those that are refused."""
        from digest.roster import Refused  # noqa: PLC0415

        refused = []
        with self.program.database.transaction() as connection:
            for row in batch:
                if isinstance(row, Refused):
                    refused.append(row)
                    continue
                self._readers += 1
                name = self.list_name or row.list or self.first
                try:
                    new = self._place(connection, row, name)
                except AddressError as error:
                    refused.append(Refused(line=row.line, reason=str(error), address=str(row.address)))
                else:
                    (self.added if new else self.there)[name] += 1
            if self.dry_run:
                connection.rollback()
        return refused

    def _place(self, connection: "sa.Connection", row: "Row", name: str) -> bool:
        """Bring the reader of a row onto a list; False means that he is there.

        Raises:
            AddressError: he must not be.

        """
        from digest.store import subscribers as kept  # noqa: PLC0415

        if name not in self.program.settings.lists:
            raise AddressError(f"no list is called {name!r:.60}; --list names one")
        now, readers, mark = self.program.clock(), self.program.readers, hash((name, row.address.key))
        known = kept.find(connection, name, row.address.key)
        if (known and (known.state in SUBSCRIBED or row.state in NOT_YET_OR_NO_MORE)) or mark in self._seen:
            return False
        unseen = self.pending or row.state is SubscriberState.UNSUBSCRIBED  # where `set_state` does not look
        if known is None and unseen and (reason := readers.suppression(connection, row.address)):
            raise AddressError(f"{row.address.display} must not be mailed: {reason}")
        if self.pending and row.state is not SubscriberState.UNSUBSCRIBED:
            new = self._ask(connection, row, name, known)
        else:
            state = SubscriberState.ACTIVE if row.state is SubscriberState.PAUSED else row.state
            one = readers.set_state(connection, name, str(row.address), state, door=Door.IMPORT, now=now)
            if row.wishes != one.wishes:
                kept.set_wishes(connection, one.id, row.wishes)
            if row.state is SubscriberState.PAUSED:
                readers.move(
                    connection,
                    name,
                    row.address,
                    row.state,
                    door=Door.IMPORT,
                    now=now,
                    until=row.paused_until,
                )
            new = True
        if self.dry_run:
            self._seen.add(mark)
        return new

    def _ask(self, connection: "sa.Connection", row: "Row", name: str, known: Subscriber | None) -> bool:
        """Write the letter that asks a reader; False means that one is out already."""
        from digest.store import requests  # noqa: PLC0415
        from digest.subscribe import Asker  # noqa: PLC0415

        now, readers, wishes = self.program.clock(), self.program.readers, row.wishes
        if known and known.state is SubscriberState.UNSUBSCRIBED:
            raise AddressError(
                f"{row.address.display} has left {name}; if he asked to come back, add him by name"
            )
        asked = requests.of(connection, row.address.key)
        if any(one.list == name and one.confirmed is None and one.expires > now for one in asked):
            return False
        wanted = Command(act=Act.SUBSCRIBE, change=None if wishes == USUAL else Change(**_values(wishes)))
        language = wishes.language or "en"
        if language not in self._wordings:
            self._wordings[language] = self.program.press.version("email/confirm/body.txt.j2", language)
        asker = Asker(door=Door.OPERATOR, language=wishes.language, wording=self._wordings[language])
        letter = readers.request(connection, name, row.address, [wanted], asker=asker, now=now)
        if letter is None:
            raise AddressError(f"{row.address.display}: its domain is one of signup.refused_domains")
        return True


@contextmanager
def report_to(path: Path | None) -> Iterator[Callable[[Sequence[object]], object]]:
    """Open a CSV of refused rows, where one is wanted, and give what writes a row of it."""
    if path is None:
        yield lambda _: None
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            write = csv.writer(file, lineterminator="\n").writerow
            write(["line", "address", "reason"])
            yield write
    except OSError as error:
        raise DigestError(f"{path} cannot be written: {error.strerror}") from None


def _values(wishes: Wishes) -> dict[str, Any]:
    return {one.name: getattr(wishes, one.name) for one in fields(wishes)}
