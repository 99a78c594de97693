"""How long a relay that does not answer is left alone: longer each time, then one mail tries whether it is back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES = 3
"""So many one after the other open the breaker."""

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """How the relay has answered of late."""

    failures: int = 0  # one after the other
    until: datetime | None = None  # nothing leaves before it

    def allows(self, now: datetime) -> int | None:
        """Give how many mails may be tried: none, one to see whether the relay is back, or None for any number."""
        if self.until is None:
            return None
        return 0 if now < self.until else 1

    def failed(self, now: datetime) -> "Breaker":
        """Count a failure; from `FAILURES` on, each one doubles the wait."""
        failures = self.failures + 1
        if failures < FAILURES:
            return Breaker(failures=failures)
        doublings = min(failures - FAILURES, 20)
        return Breaker(failures=failures, until=now + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT))

    def trying(self, now: datetime) -> "Breaker":
        """Keep others from trying as well while one does."""
        return Breaker(failures=self.failures, until=now + FIRST_WAIT)
