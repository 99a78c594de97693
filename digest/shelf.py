"""The issues that letters are made of, and what each reader has had of them.

A letter holds what is new to its reader: `deliveries.since` says since which issue, fixed when the issue was
published; of stories that go on, the ledger says which of his letters told them. Issues are frozen, so each is read
once.
"""

import dataclasses
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from digest.model import LOOKS_BACK, Delivery, Issue
from digest.store import Database, issues, variants
from digest.tailor import Variant, behind, variant

PLACES_KEPT, ISSUES_KEPT = 8, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an issue stands among those of its list."""

    list: str
    on: date
    days: tuple[date, ...]  # of the issues that its letters may hold, its own the last


class Shelf:
    """Finds what a letter is made of."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._place = lru_cache(PLACES_KEPT)(self._find_place)
        self._issue = lru_cache(ISSUES_KEPT)(self._read)

    def variant(self, delivery: Delivery) -> Variant:
        """Find what decides the letter of a delivery."""
        place = self._place(delivery.issue_id)
        found = variant(delivery.wishes, days=place.days, since=delivery.since)
        if not any(story.since for issue in self._after(place, found.since) for story in issue.stories):
            return found
        with self._database.transaction(alone=False) as connection:
            had = variants.had(
                connection, delivery.subscriber_id, after=place.on - LOOKS_BACK, before=place.on
            )
        missed = behind(self._after(place, date.min), found.since, told=had.told, until=had.until)
        return dataclasses.replace(found, behind=missed)

    def issues(self, issue_id: int, wanted: Variant) -> tuple[Issue, ...]:
        """Give the issues that a letter draws on, the newest last."""
        return self._after(
            self._place(issue_id), min([wanted.since, *(story.until for story in wanted.behind)])
        )

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
