"""What is known about a reader: all of it given, all of it forgotten, and the rest forgotten in its time.

A forgotten reader leaves a keyed hash of his address among those that must not be mailed, the number of his row, the
counts of the mails that he was sent, and the hashes of what he agreed to, without which the log of consent would not
hold. One who left long ago leaves the same. What somebody typed who never confirmed it leaves nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest import config
from digest.address import Address, parse_address
from digest.model import Subscriber, SubscriberState, SuppressionReason
from digest.plain import to_json
from digest.store import consents, deliveries, handled, notices, requests, scores, subscribers, votes

NETWORKS_KEPT = timedelta(days=30)
"""How long it is known from which network a vote came: as long as votes count in ranking."""

SCORES_KEPT = timedelta(days=180)
"""How long it is known that mail to an address came back, when no more of it did: then nothing is left of a score."""


def export(connection: sa.Connection, address: Address, key: str, fingerprint: str) -> dict[str, Any]:
    """Give all that is known about an address as JSON data."""
    reasons = (subscribers.suppression(connection, one) for one in (key, fingerprint))
    return {
        "address": address.display,
        "suppressed": [reason for reason in reasons if reason],
        "returned": to_json(scores.get(connection, key)),
        "subscriptions": [
            {
                **to_json(one),
                "deliveries": [_plain(row) for row in deliveries.history(connection, one.id)],
                "votes": [_plain(vote) for vote in votes.of(connection, one.id)],
            }
            for one in subscribers.holdings(connection, key)
        ],
        "requests": [to_json(request) for request in requests.of(connection, key)],
        "letters": [
            {
                name: to_json(getattr(letter, name))
                for name in ("kind", "list", "address", "language", "made", "attempts")
            }
            for letter in notices.to_address(connection, address)
        ],
        "consent": [
            {"at": to_json(entry.at), "link": entry.link, **to_json(entry.consent)}
            for entry in consents.of(connection, fingerprint)
        ],
    }


def erase(connection: sa.Connection, address: Address, *, fingerprint: str, now: datetime) -> None:
    """Forget an address everywhere but, as a keyed hash, among those that must not be mailed."""
    forget(connection, address, fingerprint=fingerprint)
    subscribers.release(connection, address.key, fingerprint)
    subscribers.suppress(connection, fingerprint, reason=SuppressionReason.ERASED, now=now)


def forget(connection: sa.Connection, address: Address, *, fingerprint: str) -> None:
    """Remove what is kept under an address; whether it may be mailed is another matter."""
    for one in subscribers.holdings(connection, address.key):
        subscribers.erase(connection, one.id)
    scores.remove(connection, address.key)
    _forget_what_was_said(connection, address, fingerprint=fingerprint)


def expire(
    connection: sa.Connection,
    settings: config.Retention,
    *,
    fingerprint: Callable[[Address], str],
    now: datetime,
) -> Counter[str]:
    """Forget what has been kept as long as the settings say, and count what."""

    def before(days: int) -> datetime | None:
        return now - timedelta(days=days) if days else None

    done: Counter[str] = Counter()
    done["requests"] = requests.forget(connection, before=now)  # their links work no longer
    done["letters"] = notices.forget(connection, before=now - timedelta(days=settings.notices_days))
    handled.forget(connection, before=now - timedelta(days=settings.notices_days))
    scores.forget(connection, before=now - SCORES_KEPT)
    votes.forget_networks(connection, before=now - NETWORKS_KEPT)
    pending = now - timedelta(days=settings.pending_days)
    for one in subscribers.in_state(connection, SubscriberState.PENDING, before=pending):
        done["pending readers"] += _expire_pending(connection, one, fingerprint=fingerprint)
    if (moment := before(settings.deliveries_days)) is not None:
        done["deliveries"] = deliveries.forget(connection, before=moment)
    if (moment := before(settings.left_days)) is not None:
        for one in subscribers.in_state(connection, SubscriberState.UNSUBSCRIBED, before=moment):
            done["readers who had left"] += _expire_left(
                connection, one, before=moment, fingerprint=fingerprint, now=now
            )
    if (moment := before(settings.consent_days)) is not None:
        done["entries of consent"] = consents.expire(connection, before=moment)
    return done


def _expire_pending(
    connection: sa.Connection, one: Subscriber, *, fingerprint: Callable[[Address], str]
) -> bool:
    """Remove one who never confirmed; False where he was asked again and still may.

    One who had read the list before is again one who has left it.
    """
    address = parse_address(one.address)
    if any(request.confirmed is None for request in requests.of(connection, address.key)):
        return False
    mark = fingerprint(address)
    if consents.left(connection, mark, one.list) or deliveries.history(connection, one.id):
        subscribers.set_state(
            connection,
            one.list,
            one.address,
            key=address.key,
            state=SubscriberState.UNSUBSCRIBED,
            consent="clock",
            now=one.since,
        )
        return True
    subscribers.forget_pending(connection, [one.id])
    if not subscribers.holdings(connection, address.key):
        _forget_what_was_said(connection, address, fingerprint=mark)
    return True


def _expire_left(
    connection: sa.Connection,
    one: Subscriber,
    *,
    before: datetime,
    fingerprint: Callable[[Address], str],
    now: datetime,
) -> bool:
    """Leave only a keyed hash of one who left long ago; False where he reads another list, or left it since."""
    address = parse_address(one.address)
    held = subscribers.holdings(connection, address.key)
    if any(other.state is not SubscriberState.UNSUBSCRIBED or other.since >= before for other in held):
        return False
    subscribers.erase(connection, one.id)
    subscribers.suppress(connection, fingerprint(address), reason=SuppressionReason.LEFT, now=now)
    return True


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_json(value) for name, value in row.items()}


def _forget_what_was_said(connection: sa.Connection, address: Address, *, fingerprint: str) -> None:
    requests.forget(connection, key=address.key)
    notices.forget_address(connection, address)
    consents.blank(connection, fingerprint)
