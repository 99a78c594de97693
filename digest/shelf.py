"""The issues that letters are made of, and what each reader has had of them.

A letter holds what is new to its reader: `deliveries.since` says since which issue, fixed when the issue was
published; of stories that go on, the ledger says which of his letters told them. Issues are frozen, so each is read
once. The ledger is asked for a whole batch: first only for the letters of the days that told those stories last, since
who had them there is behind with nothing; for all his letters only of who had not.
"""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from digest.model import LOOKS_BACK, Delivery, Issue
from digest.store import Database, issues, variants
from digest.tailor import Behind, Variant, behind, variant
from digest.wishes import Wishes

PLACES_KEPT, ISSUES_KEPT, WISHES_KEPT = 8, 64, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an issue stands among those of its list."""

    list: str
    on: date
    days: tuple[date, ...]  # of the issues that its letters may hold, its own the last


class Shelf:
    """Finds what letters are made of."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._place = lru_cache(PLACES_KEPT)(self._find_place)
        self._issue = lru_cache(ISSUES_KEPT)(self._read)
        self._usual = lru_cache(WISHES_KEPT)(self._find_usual)
        self._told_last = lru_cache(PLACES_KEPT * 4)(self._find_told_last)

    def variants(self, batch: Sequence[Delivery]) -> list[Variant]:
        """Find what decides the letter of each delivery of a batch."""
        found = [self._usual(one.issue_id, one.wishes, one.since) for one in batch]
        alike: dict[tuple[int, date], dict[int, int]] = {}
        for number, (one, usual) in enumerate(zip(batch, found, strict=True)):
            if self._told_last(one.issue_id, usual.since):
                alike.setdefault((one.issue_id, usual.since), {})[one.subscriber_id] = number
        for (issue_id, since), readers in alike.items():
            for missed, who in self._behind(issue_id, since, readers):
                for reader in who:
                    number = readers[reader]
                    found[number] = dataclasses.replace(found[number], behind=missed)
        return found

    def issues(self, issue_id: int, wanted: Variant) -> tuple[Issue, ...]:
        """Give the issues that a letter draws on, the newest last."""
        return self._after(
            self._place(issue_id), min([wanted.since, *(story.until for story in wanted.behind)])
        )

    def _behind(
        self, issue_id: int, since: date, readers: Collection[int]
    ) -> Iterator[tuple[tuple[Behind, ...], list[int]]]:
        """Give which readers of an issue are behind, and with what; all have the same `since`."""
        place = self._place(issue_id)
        told = self._after(place, date.min)
        for dates in (self._told_last(issue_id, since), place.days[:-1]):
            with self._database.reading() as connection:
                past = variants.had(connection, readers, dates=dates, after=place.on - LOOKS_BACK)
            missed = [(behind(told, since, told=had.told, until=had.until), who) for had, who in past]
            readers = [reader for stories, who in missed if stories for reader in who]
            if not readers:
                return
        yield from ((stories, who) for stories, who in missed if stories)

    def _find_usual(self, issue_id: int, wishes: Wishes, since: date | None) -> Variant:
        return variant(wishes, days=self._place(issue_id).days, since=since)

    def _find_told_last(self, issue_id: int, since: date) -> frozenset[date]:
        """Give the dates, up to `since`, of the issues that last told the stories which go on after it."""
        place = self._place(issue_id)
        going_on = {
            story.thread for issue in self._after(place, since) for story in issue.stories if story.since
        }
        last: dict[str, date] = {}
        for issue in self._after(place, date.min):
            if issue.date <= since:
                last |= {
                    one: issue.date for story in issue.stories if (one := story.thread) and one in going_on
                }
        return frozenset(last.values())

    def _after(self, place: _Place, since: date) -> tuple[Issue, ...]:
        return tuple(self._issue(place.list, day) for day in place.days if day > since)

    def _find_place(self, issue_id: int) -> _Place:
        with self._database.transaction(alone=False) as connection:
            list_name, on = issues.place(connection, issue_id)
            days = issues.dates(connection, list_name, after=on - LOOKS_BACK, until=on)
        return _Place(list=list_name, on=on, days=days)

    def _read(self, list_name: str, on: date) -> Issue:
        with self._database.transaction(alone=False) as connection:
            found = issues.find(connection, list_name, on)
        assert found is not None  # noqa: S101 - issues are never removed
        return found[1]
