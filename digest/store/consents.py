"""The log of consent: a chain in which nothing can be changed, added or taken out without its being seen.

    hash(n) = SHA-256(salt, subject, content)       who agreed to what; blanked when a reader is forgotten
    link(n) = SHA-256(link(n-1), moment, hash(n))   each part but the last ends with a line feed

The subject is a keyed hash of the address, the content JSON with its keys in order. Forgetting a reader removes all
three parts of an entry and keeps their hash, so that the chain still holds for all others. Only cutting off the newest
entries leaves a chain that holds: keep the last link elsewhere, and `first_fault` finds that too. Whoever can write to
the database can also write a whole new chain; that link is what he cannot make.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from digest.correspondence import Consent
from digest.model import SubscriberState
from digest.plain import from_json, to_json
from digest.store.tables import consents

FIRST_LINK = "0" * 64

_NO_READER = {SubscriberState.PENDING.value, SubscriberState.UNSUBSCRIBED.value}
_STATES = {state.value for state in SubscriberState}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as it is kept; the last three are None where its reader is forgotten."""

    id: int
    at: datetime
    hash: str
    link: str
    subject: str | None
    salt: str | None
    consent: Consent | None


def append(connection: sa.Connection, consent: Consent, *, subject: str, now: datetime) -> None:
    """Add an entry; `subject` is a keyed hash of the address, by which it is found again."""
    content = json.dumps(to_json(consent), ensure_ascii=False, sort_keys=True)
    salt = secrets.token_hex(16)
    digest = _hash(salt, subject, content)
    connection.execute(
        sa.insert(consents).values(
            at=now,
            subject=subject,
            content=content,
            salt=salt,
            hash=digest,
            link=_link(last_link(connection), now, digest),
        )
    )


def of(connection: sa.Connection, subject: str) -> tuple[Entry, ...]:
    """Give the entries about one address, oldest first."""
    query = sa.select(consents).where(consents.c.subject == subject).order_by(consents.c.id)
    return tuple(map(_entry, connection.execute(query)))


def page(connection: sa.Connection, *, after: int, limit: int) -> tuple[Entry, ...]:
    """Give the first so many entries behind the one of an id, oldest first."""
    query = sa.select(consents).where(consents.c.id > after).order_by(consents.c.id).limit(limit)
    return tuple(map(_entry, connection.execute(query)))


def count(connection: sa.Connection) -> int:
    """Count the entries, those of forgotten readers among them."""
    return connection.scalar(sa.select(sa.func.count()).select_from(consents)) or 0


def last_link(connection: sa.Connection) -> str:
    """Give the newest link of the chain."""
    query = sa.select(consents.c.link).order_by(consents.c.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or FIRST_LINK


def first_fault(connection: sa.Connection, *, head: str | None = None) -> str | None:
    """Go through the chain and say where it first does not hold; `head` is a link that it must contain."""
    link, seen = FIRST_LINK, head in (None, FIRST_LINK)
    for row in connection.execute(sa.select(consents).order_by(consents.c.id)):
        parts = (row.salt, row.subject, row.content)
        if parts != (None, None, None) and (None in parts or _hash(*parts) != row.hash):
            return f"entry {row.id} says something else than when it was written"
        link = _link(link, row.at, row.hash)
        if link != row.link:
            return f"entry {row.id} does not follow from the one before it"
        seen = seen or link == head
    return None if seen else "it does not contain the given link: entries at its end are gone"


def blank(connection: sa.Connection, subject: str) -> int:
    """Forget what the entries about an address say, and give how many."""
    which = consents.c.subject == subject
    return connection.execute(
        sa.update(consents).where(which).values(subject=None, content=None, salt=None)
    ).rowcount


def expire(connection: sa.Connection, *, before: datetime) -> int:
    """Forget what the entries say about those who read no list any more, since before a moment; give how many."""
    query = (
        sa.select(consents.c.subject)
        .where(consents.c.subject.is_not(None))
        .group_by(consents.c.subject)
        .having(sa.func.max(consents.c.at) < before)
    )
    over = [subject for subject in connection.scalars(query).all() if not reads(connection, subject)]
    return sum(blank(connection, subject) for subject in over)


def reads(connection: sa.Connection, subject: str) -> bool:
    """Tell whether an address reads any list, as far as the log says."""
    said = [entry.consent for entry in of(connection, subject) if entry.consent]
    last = {consent.list: consent.act for consent in said if consent.act in _STATES}
    return not last or not _NO_READER.issuperset(last.values())


def left(connection: sa.Connection, subject: str, list_name: str) -> bool:
    """Tell whether an address has ever left a list, as far as the log says."""
    said = [entry.consent for entry in of(connection, subject) if entry.consent]
    gone = SubscriberState.UNSUBSCRIBED.value
    return any(consent.list == list_name and consent.act == gone for consent in said)


def _hash(salt: str, subject: str, content: str) -> str:
    return hashlib.sha256(f"{salt}\n{subject}\n{content}".encode()).hexdigest()


def _link(before: str, at: datetime, digest: str) -> str:
    return hashlib.sha256(f"{before}\n{at.astimezone(UTC).isoformat()}\n{digest}".encode()).hexdigest()


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        hash=row.hash,
        link=row.link,
        subject=row.subject,
        salt=row.salt,
        consent=from_json(Consent, json.loads(row.content)) if row.content else None,
    )
