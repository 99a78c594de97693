"""So many mails a second, a minute, an hour or a day, as settings write it: "20/second"."""

import math
import re
from dataclasses import dataclass
from datetime import timedelta

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_WRITTEN = re.compile(rf"([1-9][0-9]{{0,8}}) */ *({'|'.join(_SECONDS)})")
_MOST_DAYS = 100
"""A warm-up is over long before; no power grows beyond all bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many mails in any window of so many seconds."""

    mails: int
    seconds: int

    @property
    def a_second(self) -> float:
        """The same, in mails a second."""
        return self.mails / self.seconds


def read_rate(text: str) -> Rate | None:
    """Read a rate; an empty text is none.

    Raises:
        ValueError: it is not written as a rate.

    """
    if not text:
        return None
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is no rate; write it as 20/second, 600/minute or 5000/hour")
    return Rate(mails=int(written[1]), seconds=_SECONDS[written[2]])


def interval(a_second: float) -> timedelta:
    """Give the time from one mail to the next, rounded up, so that no window holds one more for the rounding."""
    return timedelta(microseconds=math.ceil(round(1_000_000 / a_second, 3)))


def quota(start: int, growth: float, day: int) -> int:
    """Give how many mails a new sending domain may send on a day of its life, counted from 0."""
    return math.floor(start * growth ** min(day, _MOST_DAYS))
