"""How many letters may go to an address because somebody named it or because a program answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from digest import config
from digest.address import Address
from digest.correspondence import Door, NoticeKind, Thread
from digest.model import SuppressionReason
from digest.store import notices

UNPROVEN = (NoticeKind.CONFIRM, NoticeKind.FOUND)
"""The letters that go to an address because somebody named it."""

HIS_OWN_CHOICE = (None, SuppressionReason.LEFT)
"""What does not keep a reader from coming back himself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Where a wish comes from that nobody has proved to be the mailbox's own."""

    door: Door
    network: str | None = None  # a keyed hash of it
    language: str | None = None  # that he wrote or read in
    wording: str = ""  # the version of the words that he read
    trusted: bool = False  # his mail server vouches for the address: his domain's cap does not count
    thread: Thread | None = None


def may_be_asked(
    connection: sa.Connection,
    address: Address,
    asker: Asker,
    *,
    limits: config.Signup,
    suppressed: SuppressionReason | None,
    now: datetime,
) -> bool:
    """Tell whether a letter may go to an address that somebody has named; the operator may name as many as he likes."""
    if address.domain in limits.refused_domains or suppressed not in HIS_OWN_CHOICE:
        return False
    if asker.door is Door.OPERATOR:
        return True

    asked = partial(notices.count, connection, kinds=UNPROVEN)
    hour = now - timedelta(hours=1)
    network_is_quiet = (
        asker.network is None
        or asked(since=hour, network=asker.network) < limits.confirmations_per_network_an_hour
    )
    domain_is_quiet = (
        asker.trusted or asked(since=hour, domain=address.domain) < limits.confirmations_per_domain_an_hour
    )
    today = asked(since=now - timedelta(days=1), mailbox=address.mailbox, unanswered=True)
    return (
        network_is_quiet
        and domain_is_quiet
        and today < limits.confirmations_per_address_a_day
        and asked(since=hour) < limits.confirmations_an_hour
    )


def may_be_answered(
    connection: sa.Connection,
    address: Address,
    kind: NoticeKind,
    *,
    limits: config.Signup,
    suppressed: SuppressionReason | None,
    now: datetime,
) -> bool:
    """Tell whether an automatic answer may go to an address: so many a day, and help once."""
    if suppressed not in HIS_OWN_CHOICE and kind is not NoticeKind.ERASED:
        return False
    since = now - timedelta(days=1)
    count = notices.count(connection, since=since, kinds=tuple(NoticeKind), mailbox=address.mailbox)
    if count >= limits.answers_per_address_a_day:
        return False
    return kind is not NoticeKind.HELP or not notices.count(
        connection, since=since, kinds=(kind,), mailbox=address.mailbox
    )
