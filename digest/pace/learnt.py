"""A receiving domain's own rate, learnt from what its server says: additive increase, multiplicative decrease.

A domain has none until it complains of our speed. Then it gets half of the speed at which it complained, and half of
that again for each later complaint. Once it has been quiet for a while, each minute's worth of mails that it takes
raises its rate by a twentieth of what it refused. At twice that speed, what it once refused says nothing any more, and
the rate is forgotten.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta

DEAF = timedelta(seconds=30)
"""Complaints about mails that were on their way already are one with the complaint before."""

QUIET = timedelta(minutes=5)

STEPS = 20
FORGOTTEN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a domain takes, in mails a second."""

    rate: float
    refused: float  # the speed that it refused last
    cut: datetime  # when the rate was last made lower
    heard: datetime  # when it last complained
    accepted: int = 0  # since the rate last changed


def slower(learnt: Learnt | None, *, speed: float, floor: float, now: datetime) -> Learnt:
    """Give the rate after a complaint; `speed` is how fast it went where no rate was known, `floor` the lowest."""
    if learnt is not None and now - learnt.cut < DEAF:
        return dataclasses.replace(learnt, heard=now, accepted=0)
    refused = learnt.rate if learnt else max(speed, floor)
    return Learnt(rate=max(refused / 2, floor), refused=refused, cut=now, heard=now)


def faster(learnt: Learnt, accepted: int, *, now: datetime) -> Learnt | None:
    """Give the rate after so many mails were taken and none refused for its speed; None: there is no need of one."""
    if now - learnt.heard < QUIET:
        return learnt
    rate, count = learnt.rate, learnt.accepted + accepted
    while count >= (minute := max(1.0, rate * 60)):
        count -= int(minute)
        rate += learnt.refused / STEPS
        if rate >= learnt.refused * FORGOTTEN:
            return None
    return dataclasses.replace(learnt, rate=rate, accepted=count)
