"""The first wave of an issue: a few readers get it first, and what became of their mails decides about the others."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FEWEST = 2
"""Refusals that mean something: one is bad luck."""


class Verdict(StrEnum):
    """What is made of a wave."""

    GOOD = "good"  # the others leave
    BAD = "bad"  # they do not
    OPEN = "open"  # most of it still waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Who gets an issue first: every `every`-th reader, beginning elsewhere with each issue, and those named."""

    issue_id: int
    began: datetime
    opens: datetime  # when the others are due
    every: int  # 0: only those named
    seeds: tuple[int, ...] = ()  # their subscriptions
    readers: int = 0  # of the whole issue
    size: int = 0  # of those, in the wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What has become of a wave so far."""

    sent: int = 0
    failed: int = 0  # refused for good
    faults: int = 0  # refused, for good or for now, for a fault of ours
    waiting: int = 0  # not tried yet, or put off
    put_off: int = 0  # of those: refused for now
    complaints: int = 0
    said: str = ""  # by the server, of the refusal that stands most often

    @property
    def answered(self) -> int:
        """How many have an answer that counts."""
        return self.sent + self.failed


def judge(tally: Tally, *, most_failed: float, most_faults: float) -> Verdict:
    """Decide about a wave; the shares are of the mails that were answered, or refused for a fault of ours."""
    heard = max(tally.answered, tally.faults)
    ours = tally.faults + tally.complaints
    if ours >= FEWEST and ours > most_faults * heard:
        return Verdict.BAD
    if tally.failed >= FEWEST and tally.failed > most_failed * heard:
        return Verdict.BAD
    return Verdict.OPEN if tally.waiting > tally.answered else Verdict.GOOD
