"""How many mails may be claimed now, at which moment each leaves, and what is learnt from the replies.

    allowance    before a claim: how many, or why none
    reserve      in the same transaction, after it: a moment for each mail; the rest comes back in its turn
    unsent       what was given back all the same
    learn        in the transaction that marks the outcomes: a domain that complains is sent to more slowly
    recall       the same, of what a process heard that died before it could mark it
    broke        no line could be opened

Every decision is a function of `digest.pace`; here its state is read and written. Several workers share one rate, since
they reserve one after the other: a crash loses the moments of one batch, and no more than the rate ever leaves. Where
no rate is set and no domain has complained, a batch costs one look at an empty table.

    wave      the first wave of an issue
    finish    when an issue will have left
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest import config
from digest.alarm import worded
from digest.govern.finish import forecast
from digest.govern.wave import hour, watch
from digest.model import Delivery, Reply
from digest.pace import (
    Breaker,
    Lane,
    Learnt,
    Rate,
    domain_of,
    faster,
    interval,
    quota,
    read_rate,
    slower,
    too_fast,
)
from digest.store import claims, issues, paces, stops
from digest.store.paces import ALL, RELAY, Pace

log = logging.getLogger(__name__)

SPREAD = timedelta(minutes=10)
"""A mail that found no slot comes back within this time, so that a rate that has risen is soon made use of."""

MOST_TAKEN = 1000
"""Slots that are remembered beyond the first free one; with more, mails come back instead."""

LOOK = timedelta(seconds=15)
"""How often a first wave is looked at before its time is over."""

RECKON = timedelta(minutes=5)
"""How often it is reckoned whether an issue will be late."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many rows may be claimed; None: any number. Where it is none, why, and when to ask again, if known."""

    rows: int | None
    retry_at: datetime | None = None
    reason: str = ""
    stopped: frozenset[int] = frozenset()  # issues of which none may be claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What becomes of a batch: each mail with the moment at which it may leave, or is due again; in order."""

    slots: tuple[tuple[datetime, Delivery], ...]
    later: tuple[tuple[datetime, Delivery], ...] = ()


@dataclass(slots=True, kw_only=True)
class _Told:
    """What one domain's servers said in a batch."""

    mails: int = 0
    taken: int = 0
    complaint: Reply | None = None

    def add(self, reply: Reply) -> None:
        self.mails += 1
        self.taken += reply.accepted
        if self.complaint is None and too_fast(reply):
            self.complaint = reply


class Governor:
    """Keeps mail within its rates; one for each worker."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        rates = settings.rates
        self._all = read_rate(rates.all)
        self._per_domain = read_rate(rates.per_domain)
        self._domains = {name.lower(): read_rate(text) for name, text in rates.domains.items()}
        floor = read_rate(rates.floor)
        self._floor = floor.a_second if floor else 0.0
        self._learnt: frozenset[str] = frozenset()  # keys of domains that had learnt rates when last looked
        self._troubled = True  # the relay may have failed lately
        self._heard: datetime | None = None  # since when those leave that are heard of next
        self._looked: datetime | None = None
        self._reckoned: datetime | None = None
        self._late: set[int] = set()  # issues of which the log says that they will be late

    def allowance(self, connection: sa.Connection, *, now: datetime, horizon: timedelta) -> Allowance:
        """Give how many rows may be claimed so that all can leave within the horizon."""
        self._look(connection, now)
        stopped = {stop.issue_id: stop for stop in stops.active(connection)}
        if None in stopped:
            return Allowance(rows=0, reason=worded(stopped[None]))
        limit = self._limit(connection, now=now, horizon=horizon)
        return replace(limit, stopped=frozenset(number for number in stopped if number is not None))

    def _limit(self, connection: sa.Connection, *, now: datetime, horizon: timedelta) -> Allowance:
        """Give the narrowest of the breaker, the rate of all mails and the warm-up."""
        found = paces.get(connection, [ALL, RELAY, self._warm_up])
        trial = self._breaker(connection, found.get(RELAY), now)
        limits = [trial] if trial else []
        if self._all:
            lane = _lane(found.get(ALL), self._all.a_second, now)
            limits.append(_at_most(lane.room(now + horizon), lane.free, "the rate of all mails is used up"))
        if self._settings.rates.warm_up_start:
            left = self._quota_left(found.get(self._warm_up), now)
            limits.append(_at_most(left, _midnight(now) + _DAY, "today's share of the warm-up is used up"))
        return min(limits, key=lambda limit: limit.rows or 0, default=Allowance(rows=None))

    def reserve(
        self, connection: sa.Connection, batch: Sequence[Delivery], *, now: datetime, horizon: timedelta
    ) -> Reserved:
        """Give each mail of a batch its moment; one whose turn is beyond the horizon goes back, due in its turn.

        That is no attempt, and its row keeps its place behind those of the same domain that went back before it.
        """
        self._learnt = paces.learnt(connection)
        if batch:
            self._heard = now
        if not batch or not self.limits:
            return Reserved(slots=tuple((now, delivery) for delivery in batch))
        paces.hold(connection)
        domains = {domain_of(delivery.address) for delivery in batch}
        wanted = [key for key in map(paces.of_domain, domains) if self._may_limit(key)]
        found = paces.get(connection, [ALL, self._warm_up, *wanted])
        lanes = {key: lane for key in wanted if (lane := self._lane_of(key, found.get(key), now))}
        whole = _lane(found.get(ALL), self._all.a_second, now) if self._all else None
        reserved = _schedule(batch, whole, lanes, now=now, until=now + horizon)
        if whole:
            lanes[ALL] = whole
        changed = [_kept(found.get(key) or Pace(key=key), lane) for key, lane in lanes.items()]
        if self._settings.rates.warm_up_start:
            changed.append(self._counted(found.get(self._warm_up), len(reserved.slots), now))
        paces.put(connection, changed)
        claims.defer(connection, reserved.later, now=now)
        return reserved

    def unsent(self, connection: sa.Connection, mails: int, *, now: datetime) -> None:
        """Hear that so many mails that had their moments did not leave: they do not count for the warm-up."""
        if not (mails and self._settings.rates.warm_up_start):
            return
        paces.hold(connection)
        counted = self._counted(paces.get(connection, [self._warm_up]).get(self._warm_up), 0, now)
        paces.put(connection, [replace(counted, count=max(0, counted.count - mails))])

    def learn(self, connection: sa.Connection, heard: Sequence[tuple[str, Reply]], *, now: datetime) -> None:
        """Hear what servers said of mails to addresses.

        A complaint of our speed slows a domain down, quiet speeds it up.
        """
        if not heard:
            return
        self._answered(connection)
        seconds = max((now - (self._heard or now)).total_seconds(), 1.0)
        self._heard = now
        self._weigh(connection, heard, seconds=seconds, now=now)

    def recall(
        self, connection: sa.Connection, heard: Sequence[tuple[str, Reply]], *, over: timedelta, now: datetime
    ) -> None:
        """Hear what servers said to a process that died, in about so long a time; none need answer any more."""
        if heard:
            self._learnt = paces.learnt(connection)
            self._weigh(connection, heard, seconds=over.total_seconds(), now=now)

    def _weigh(
        self, connection: sa.Connection, heard: Sequence[tuple[str, Reply]], *, seconds: float, now: datetime
    ) -> None:
        """Revise the paces of the domains of whose mails this was said within so many seconds."""
        told = dict[str, _Told]()
        if self._learnt or any(reply.temporary for _, reply in heard):
            for address, reply in heard:
                told.setdefault(domain_of(address), _Told()).add(reply)
        changed = {
            paces.of_domain(domain): one
            for domain, one in told.items()
            if one.complaint or paces.of_domain(domain) in self._learnt
        }
        if not (changed and self._settings.rates.adaptive):
            return
        paces.hold(connection)
        found = paces.get(connection, changed)
        after = [
            self._revise(found.get(key) or Pace(key=key), one, speed=one.mails / seconds, now=now)
            for key, one in sorted(changed.items())
        ]
        paces.put(connection, [pace for pace in after if pace.rate or self._explicit(pace.key)])
        paces.remove(connection, [pace.key for pace in after if not (pace.rate or self._explicit(pace.key))])

    def broke(self, connection: sa.Connection, *, now: datetime) -> None:
        """Hear that no line to the relay could be opened; after a few times it is left alone, each time for longer."""
        self._troubled = True
        paces.hold(connection)
        breaker = _breaker(paces.get(connection, [RELAY]).get(RELAY)).failed(now)
        paces.put(connection, [Pace(key=RELAY, count=breaker.failures, free=breaker.until)])
        if breaker.until:
            log.warning(
                "the relay did not answer %d times: it is left alone until %s",
                breaker.failures,
                hour(breaker.until),
            )

    @property
    def _warm_up(self) -> str:
        return paces.of_warm_up(self._settings.publisher.domain)

    @property
    def limits(self) -> bool:
        """Whether any rate holds, one of the settings or one that was learnt, as was last seen."""
        rates = self._all or self._per_domain or self._domains or self._settings.rates.warm_up_start
        return bool(rates or self._learnt)

    def _explicit(self, key: str) -> Rate | None:
        """Give the rate that the settings set for a domain."""
        return self._domains.get(key.removeprefix("@"), self._per_domain)

    def _may_limit(self, key: str) -> bool:
        return key in self._learnt or self._explicit(key) is not None

    def _lane_of(self, key: str, pace: Pace | None, now: datetime) -> Lane | None:
        explicit = self._explicit(key)
        speeds = [explicit.a_second] if explicit else []
        speeds += [pace.rate] if pace and pace.rate else []
        return _lane(pace, min(speeds), now) if speeds else None

    def _revise(self, pace: Pace, told: "_Told", *, speed: float, now: datetime) -> Pace:
        """Give a domain's pace after what its server said; `speed` is that of the last batch, in mails a second."""
        before = _learnt(pace)
        if told.complaint:
            if explicit := self._explicit(pace.key):
                speed = min(speed, explicit.a_second)
            slow = slower(before, speed=speed, floor=self._floor, now=now)
            if slow.cut == now:
                _say_slower(pace.key.removeprefix("@"), told.complaint, slow)
            return _with(pace, slow)
        return _with(pace, faster(before, told.taken, now=now)) if before else pace

    def _look(self, connection: sa.Connection, now: datetime) -> None:
        """Judge the first waves, every now and then early, and more seldom say which issue will be late."""
        early = self._looked is None or now - self._looked >= LOOK
        watch(connection, self._settings, now=now, early=early)
        self._looked = now if early else self._looked
        if self._reckoned and now - self._reckoned < RECKON:
            return
        self._reckoned = now
        for name, wishes in self._settings.lists.items():
            issue_id = issues.newest_id(connection, name) if wishes.finish_by else None
            if issue_id is None or issue_id in self._late:
                continue
            told = forecast(connection, self._settings, issue_id, now=now)
            if told.late:
                self._late.add(issue_id)
                log.warning("%s: %s", name, told)

    def _breaker(self, connection: sa.Connection, pace: Pace | None, now: datetime) -> Allowance | None:
        """Give what the relay's breaker allows; None: it is closed. One worker at a time tries whether it can be."""
        if pace is None:
            return None
        self._troubled = True
        if pace.free is not None and now >= pace.free:  # another worker may be trying already
            paces.hold(connection)
            pace = paces.get(connection, [RELAY]).get(RELAY, pace)
        breaker = _breaker(pace)
        allowed = breaker.allows(now)
        if allowed is None:
            return None
        if allowed:
            trying = breaker.trying(now)
            paces.put(connection, [Pace(key=RELAY, count=trying.failures, free=trying.until)])
            return Allowance(rows=allowed)
        reason = f"the relay did not answer {breaker.failures} times and is left alone"
        return Allowance(rows=0, retry_at=breaker.until, reason=reason)

    def _answered(self, connection: sa.Connection) -> None:
        """Hear that the relay answers."""
        if self._troubled:
            paces.remove(connection, [RELAY])
            self._troubled = False

    def _quota_left(self, pace: Pace | None, now: datetime) -> int:
        counted = self._counted(pace, 0, now)
        day = (_midnight(now) - (counted.free or now)).days
        rates = self._settings.rates
        return max(0, quota(rates.warm_up_start, rates.warm_up_growth, day) - counted.count)

    def _counted(self, pace: Pace | None, mails: int, now: datetime) -> Pace:
        """Count mails of today; `free` keeps the domain's first day, `heard` the day that is counted."""
        today = _midnight(now)
        before = pace or Pace(key=self._warm_up, free=today)
        return replace(before, heard=today, count=mails + (before.count if before.heard == today else 0))


def _schedule(
    batch: Sequence[Delivery],
    whole: Lane | None,
    lanes: Mapping[str, Lane],
    *,
    now: datetime,
    until: datetime,
) -> Reserved:
    """Place each mail in the lane of its domain and in that of all mails; pure but for the lanes."""
    slots, later = list[tuple[datetime, Delivery]](), list[tuple[datetime, Delivery]]()
    for delivery in batch:
        lane = lanes.get(paces.of_domain(domain_of(delivery.address)))
        slot = lane.free if lane else now
        if whole:
            slot = whole.place(slot)
        if slot > until or (whole and len(whole.taken) >= MOST_TAKEN):
            behind = lane if lane and (lane.free > until or not whole) else whole
            if behind is None:
                raise AssertionError("a mail waits for nothing")
            later.append((behind.put_back(slot, now + SPREAD), delivery))
            continue
        if whole:
            whole.take(slot)
        if lane:
            lane.follow(slot)
        slots.append((slot, delivery))
    return Reserved(slots=tuple(sorted(slots, key=lambda one: one[0])), later=tuple(later))


def _at_most(rows: int, retry_at: datetime, reason: str) -> Allowance:
    return Allowance(rows=rows) if rows else Allowance(rows=0, retry_at=retry_at, reason=reason)


def _lane(pace: Pace | None, a_second: float, now: datetime) -> Lane:
    known = pace or Pace(key="")
    lane = Lane(interval=interval(a_second), free=known.free or now, taken=list(known.taken), tail=known.tail)
    lane.wake(now)
    return lane


def _kept(pace: Pace, lane: Lane) -> Pace:
    return replace(pace, free=lane.free, taken=tuple(lane.taken), tail=lane.tail)


def _breaker(pace: Pace | None) -> Breaker:
    return Breaker(failures=pace.count, until=pace.free) if pace else Breaker()


def _learnt(pace: Pace) -> Learnt | None:
    if pace.rate is None or pace.refused is None or pace.cut is None or pace.heard is None:
        return None
    return Learnt(rate=pace.rate, refused=pace.refused, cut=pace.cut, heard=pace.heard, accepted=pace.count)


def _with(pace: Pace, learnt: Learnt | None) -> Pace:
    if learnt is None:
        return replace(pace, rate=None, refused=None, cut=None, heard=None, count=0)
    return replace(
        pace,
        rate=learnt.rate,
        refused=learnt.refused,
        cut=learnt.cut,
        heard=learnt.heard,
        count=learnt.accepted,
    )


def _say_slower(domain: str, reply: Reply, learnt: Learnt) -> None:
    log.warning(
        "%s complains of our speed (%d %s): %s mails a minute from now on",
        domain,
        reply.code,
        reply.text,
        f"{learnt.rate * 60:,.1f}".removesuffix(".0"),
    )


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
