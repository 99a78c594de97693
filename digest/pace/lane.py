"""Slots in time: mails of one kind leave one after the other, never two closer together than the rate's interval.

This is virtual scheduling, the generic cell rate algorithm (ITU-T I.371) without a burst: the state of a lane is the
moment from which it is free. So n mails get n moments at once, in one transaction, by whichever worker; what is kept is
that moment, and after a restart the lane goes on from it. Slots that lie an interval apart are at most `mails` in any
window of the unit that is closed at one end, and one more where both ends count.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")

CATCH_UP = timedelta(milliseconds=100)
"""A mail so late keeps those after it on time: the jitter of a machine must not make the rate slower than it says."""


@dataclass(slots=True, kw_only=True)
class Lane:
    """What shares one rate.

    A mail that must wait for something else leaves a gap, and later mails fill it: what is `taken` beyond `free` is
    known by itself. Without that, one mail to a slow domain would hold up the mails to all others.
    """

    interval: timedelta
    free: datetime  # nothing leaves before it
    taken: list[datetime] = field(default_factory=list)  # slots beyond it, in order
    tail: datetime | None = None  # until when those are spread out that found no slot yet

    def place(self, earliest: datetime) -> datetime:
        """Give the first moment from `earliest` on that lies an interval away from every slot."""
        slot = max(earliest, self.free)
        for taken in self.taken[bisect_right(self.taken, slot - self.interval) :]:
            if taken - slot >= self.interval:
                break
            slot = taken + self.interval
        return slot

    def take(self, slot: datetime) -> None:
        """Take a slot that `place` gave."""
        insort(self.taken, slot)
        full = 0
        while full < len(self.taken) and self.taken[full] < self.free + self.interval:
            self.free = self.taken[full] + self.interval
            full += 1
        del self.taken[:full]

    def follow(self, slot: datetime) -> None:
        """Take a slot of a lane whose mails come in order: a gap before it is given up."""
        self.free = slot + self.interval

    def wake(self, now: datetime) -> None:
        """Forget what is over."""
        self.free = max(self.free, now)
        del self.taken[: bisect_right(self.taken, now - self.interval)]

    def room(self, until: datetime) -> int:
        """Count the slots that are left up to a moment."""
        if self.free > until:
            return 0
        slots = (until - self.free) // self.interval + 1
        return max(0, slots - bisect_right(self.taken, until))

    def put_back(self, earliest: datetime, latest: datetime) -> datetime:
        """Give when one comes back that found no slot: in its turn after the others, but no later than `latest`."""
        due = min(max(earliest, self.tail or earliest), latest)
        self.tail = due + self.interval
        return due


class Slots(Generic[T]):
    """A batch and when each of it may leave; where one is late, the rest move with it and none catches up."""

    def __init__(self, slots: Iterable[tuple[datetime, T]]) -> None:
        self._left = deque(slots)
        self._late = timedelta(0)

    def __bool__(self) -> bool:
        return bool(self._left)

    def wait(self, now: datetime) -> timedelta:
        """Give how long until the next may leave; zero or less: at once."""
        return self._left[0][0] + self._late - now

    def take(self, now: datetime) -> T:
        """Give the next, which leaves now."""
        slot, one = self._left.popleft()
        self._late = max(self._late, now - slot - CATCH_UP)
        return one
