"""The first wave: choose it when an issue is published, watch it, then let the others go or stop the issue."""

import logging
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest import config
from digest.address import parse_address
from digest.alarm import stop
from digest.bounces import reason_for
from digest.model import Reply, SubscriberState
from digest.pace import Tally, Verdict, Wave, judge
from digest.store import canaries, subscribers

log = logging.getLogger(__name__)


def first_wave(
    connection: sa.Connection, issue_id: int, list_name: str, settings: config.Canary, *, now: datetime
) -> Wave | None:
    """Choose who gets an issue first; None where nobody need wait: it has few readers, and none is named."""
    keys = [parse_address(seed).key for seed in settings.seeds]
    seeds = canaries.seeds_of(connection, list_name, keys) if keys else ()
    readers = subscribers.count(connection, list_name, SubscriberState.ACTIVE)
    every = round(1 / settings.share) if settings.share and readers >= settings.fewest_readers else 0
    if not (every or seeds):
        return None
    opens = now + timedelta(minutes=settings.minutes)
    return Wave(issue_id=issue_id, began=now, opens=opens, every=every, seeds=seeds)


def begin(connection: sa.Connection, wave: Wave, list_name: str) -> None:
    """Have a wave watched whose rows are in the ledger."""
    kept = canaries.put(connection, wave)
    log.info(
        "%s: canary: %s of %s readers get it first; the others wait until %s",
        list_name,
        f"{kept.size:,}",
        f"{kept.readers:,}",
        hour(wave.opens),
    )


def watch(connection: sa.Connection, settings: config.Settings, *, now: datetime, early: bool = True) -> None:
    """Look what has become of each first wave whose time is over, or `early` of any.

    A bad one stops its issue at once, a good one lets the others go when its time is over.
    """
    limits = settings.canary
    for wave, list_name in canaries.watched(connection):
        if now < wave.opens and not early:
            continue
        tally = canaries.tally(connection, wave, at_fault=_at_fault)
        verdict = judge(tally, most_failed=limits.most_failed, most_faults=limits.most_faults)
        if verdict is Verdict.BAD:
            canaries.settle(connection, wave, verdict)
            stop(connection, settings, wave.issue_id, reason=f"canary: {_told(wave, tally)}", now=now)
        elif now < wave.opens:
            continue
        elif verdict is Verdict.GOOD:
            canaries.settle(connection, wave, verdict)
            log.info("%s: canary: %s; the others leave now", list_name, _told(wave, tally))
        else:
            opens = now + timedelta(minutes=limits.minutes)
            canaries.extend(connection, wave, opens)
            log.warning(
                "%s: canary: %s; the others wait until %s", list_name, _told(wave, tally), hour(opens)
            )


def _at_fault(reply: Reply) -> bool:
    """Tell whether a reply refuses us and not the reader."""
    return reason_for(reply).ours


def _told(wave: Wave, tally: Tally) -> str:
    """Tell what has become of a wave."""
    parts = [f"{tally.sent:,} of {wave.size:,} taken"]
    if tally.failed:
        parts.append(f"{tally.failed:,} refused")
    if tally.put_off:
        parts.append(f"{tally.put_off:,} refused for now")
    if tally.faults:
        parts.append(f"{tally.faults:,} of them for a fault of ours")
    if tally.said:
        parts.append(f"mostly with {tally.said}")
    if tally.complaints:
        parts.append(f"{tally.complaints:,} complained of")
    if untried := tally.waiting - tally.put_off:
        parts.append(f"{untried:,} not tried yet")
    return ", ".join(parts)


def hour(moment: datetime) -> str:
    """Write a moment for the log."""
    return f"{moment:%H:%M:%S} UTC"
