"""When an issue will have left, at the rates that hold now; it only tells, and never drops a mail."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from digest import config
from digest.pace import domain_of, quota, read_rate
from digest.store import deliveries, issues, log, paces, stops

RECENT = timedelta(minutes=1)
"""What was sent in it tells how fast it goes where no rate is set."""

_DAY = timedelta(days=1)
_LONGEST = 366  # days that anybody wants to look ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When the mails of an issue that are still to leave will have left.

    Where its list wants it to be done by a moment, `later` are those that are due only after it.
    """

    issue_id: int
    now: datetime
    left: int
    later: int
    due: datetime | None  # the last that is left
    done: datetime | None  # None: nothing says how fast it goes
    by: datetime | None  # when its list wants it to be done

    @property
    def late(self) -> bool:
        """Whether it will not be done by then."""
        return bool(self.left and self.by and (self.done or self.now) > self.by)

    @property
    def waiting(self) -> str:
        """How many have not left, whenever they are due."""
        return f"{_counted(self.left + self.later)} left"

    def __str__(self) -> str:
        """Say it in a line."""
        by = f"{_written(self.by)} (finish_by)" if self.by else ""
        if not self.left:
            told = f"no mail is left that was due by {by}" if by else "no mail is left"
        elif self.done:
            told = f"{_counted(self.left)} left, and will have left by {_written(self.done)}"
            told += f", {'not by' if self.late else 'in time for'} {by}" if by else ""
        else:
            told = f"{_counted(self.left)} left{self._idle}{f', after {by}' if self.late else ''}"
        return told + (f"; {_counted(self.later)} due later" if self.later else "")

    @property
    def _idle(self) -> str:
        """What is known where nothing says how fast it goes."""
        if self.due and self.due > self.now:
            return f", the last due at {_written(self.due)}"
        return ", and none has left within a minute"


def forecast(
    connection: sa.Connection, settings: config.Settings, issue_id: int, *, now: datetime
) -> Forecast:
    """Tell when an issue will have left; of its mails those count that are due by its list's time.

    Mails of other issues that are due before its last one leave before that too, unless their issue is stopped.
    """
    list_name, closed = issues.closed(connection, issue_id)
    by = finish_by(settings.lists.get(list_name), closed)
    left, due = deliveries.left(connection, [issue_id], until=by)
    later = deliveries.left(connection, [issue_id], until=None)[0] - left if by else 0
    times = list(_times(connection, settings, issue_id, until=due, now=now)) if due else []
    done = max(now + max(times), due or now) if times else None
    return Forecast(issue_id=issue_id, now=now, left=left, later=later, due=due, done=done, by=by)


def finish_by(wishes: config.List | None, closed: datetime) -> datetime | None:
    """Give the moment by which an issue that closed then shall have left; None: it does not matter."""
    if wishes is None or not wishes.finish_by:
        return None
    zone = ZoneInfo(wishes.timezone)
    day, hour = closed.astimezone(zone).date(), time.fromisoformat(wishes.finish_by)
    today = datetime.combine(day, hour, zone)
    return today if today > closed else datetime.combine(day + _DAY, hour, zone)


def _counted(mails: int) -> str:
    return "1 mail is" if mails == 1 else f"{mails:,} mails are"


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _times(
    connection: sa.Connection, settings: config.Settings, issue_id: int, *, until: datetime, now: datetime
) -> Iterator[timedelta]:
    """Give how long each limit by itself would take until the last of an issue's mails has left."""
    stopped = {stop.issue_id for stop in stops.active(connection)}
    ahead = {issue_id, *(other for other, _, _ in log.under_way(connection) if other not in stopped)}
    left, _ = deliveries.left(connection, ahead, until=until)
    yield from _all(connection, settings, ahead, left, now=now)
    yield from _each(connection, settings, ahead, until=until)


def _all(
    connection: sa.Connection,
    settings: config.Settings,
    issue_ids: Collection[int],
    left: int,
    *,
    now: datetime,
) -> Iterator[timedelta]:
    """Give how long each limit on all mails by itself would take."""
    if rate := read_rate(settings.rates.all):
        yield timedelta(seconds=left / rate.a_second)
    if settings.rates.warm_up_start:
        yield _warm_up(connection, settings, left, now=now)
    if recent := deliveries.sent_since(connection, issue_ids, now - RECENT):
        yield RECENT * left / recent


def _each(
    connection: sa.Connection, settings: config.Settings, issue_ids: Collection[int], *, until: datetime
) -> Iterator[timedelta]:
    """Give how long each domain's limit by itself would take."""
    rates = settings.rates
    usual = read_rate(rates.per_domain)
    learnt = paces.get(connection, paces.learnt(connection))
    if not (usual or rates.domains or learnt):
        return
    addresses = deliveries.addresses_left(connection, issue_ids, until=until)
    own = {name.lower(): read_rate(text) for name, text in rates.domains.items()}
    for domain, count in Counter(map(domain_of, addresses)).items():
        explicit, pace = own.get(domain, usual), learnt.get(paces.of_domain(domain))
        speeds = [explicit.a_second] if explicit else []
        speeds += [pace.rate] if pace and pace.rate else []
        if speeds:
            yield timedelta(seconds=count / min(speeds))


def _warm_up(connection: sa.Connection, settings: config.Settings, left: int, *, now: datetime) -> timedelta:
    """Give how long a new sending domain needs for so many mails."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    key = paces.of_warm_up(settings.publisher.domain)
    pace = paces.get(connection, [key]).get(key)
    first = (pace.free if pace else None) or today
    left += pace.count if pace and pace.heard == today else 0
    for day in range(_LONGEST):
        left -= quota(settings.rates.warm_up_start, settings.rates.warm_up_growth, (today - first).days + day)
        if left <= 0:
            return max(today + _DAY * day - now, timedelta(0))
    return _DAY * _LONGEST
