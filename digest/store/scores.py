"""Scores: how often mail to an address came back of late. Only addresses of which some did have one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest.store.tables import put_row, scores, subscribers

GOOD = 0.25
"""What a letter that was taken takes from a score: little, for a relay takes first and returns later."""

_AT_ONCE = 500  # ids in one statement
_PUT = put_row(scores)
_ANY = sa.select(scores.c.address_key).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How it stands with an address."""

    address_key: str
    score: float  # as it was at the moment
    at: datetime
    warnings: int = 0
    warned: datetime | None = None
    notice_id: int | None = None
    returned: bool = False

    def faded(self, now: datetime, half_life: timedelta) -> float:
        """Give what is left of it: half, after each half-life."""
        return float(self.score * 0.5 ** (max(timedelta(), now - self.at) / half_life))


def get(connection: sa.Connection, key: str) -> Score | None:
    """Give the score of an address."""
    row = connection.execute(sa.select(scores).where(scores.c.address_key == key)).one_or_none()
    return None if row is None else Score(**row._mapping)  # noqa: SLF001 - public in spite of its name


def put(connection: sa.Connection, score: Score) -> None:
    """Write the score of an address."""
    connection.execute(_PUT, asdict(score))


def sent(connection: sa.Connection, subscriber_ids: Sequence[int]) -> None:
    """Note that letters were taken for readers; nothing is written for those without a score, who are nearly all."""
    if connection.execute(_ANY).first() is None:
        return
    for start in range(0, len(subscriber_ids), _AT_ONCE):
        theirs = sa.select(subscribers.c.address_key).where(
            subscribers.c.id.in_(subscriber_ids[start : start + _AT_ONCE])
        )
        less = sa.case((scores.c.score > GOOD, scores.c.score - GOOD), else_=0.0)
        connection.execute(sa.update(scores).where(scores.c.address_key.in_(theirs)).values(score=less))


def remove(connection: sa.Connection, key: str) -> None:
    """Forget the score of an address."""
    connection.execute(sa.delete(scores).where(scores.c.address_key == key))


def forget(connection: sa.Connection, *, before: datetime) -> int:
    """Remove the scores of addresses from which nothing came back since a moment; give how many."""
    return connection.execute(sa.delete(scores).where(scores.c.at < before)).rowcount
