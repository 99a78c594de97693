"""What readers want, as values: their wishes, the changes they ask for, and the commands they give."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Frequency(StrEnum):
    """How often a letter comes."""

    DAILY = "daily"  # every issue
    WEEKDAYS = "weekdays"  # Monday to Friday; Monday's holds the weekend's best
    WEEKLY = "weekly"  # with the first issue of a calendar week, the best since the last one


class Format(StrEnum):
    """What a letter is made of."""

    HTML = "html"  # HTML and, beside it, the same as plain text
    TEXT = "text"  # plain text alone


class Stance(StrEnum):
    """What a reader thinks of a topic."""

    MORE = "more"  # its stories come first
    USUAL = "usual"  # as the list has it
    LESS = "less"  # its best story only
    NONE = "none"  # left out


ALL = "all"
"""The topic that stands for those which a reader has not named; NONE of it leaves only the named ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A section of a list, and what a reader thinks of it."""

    name: str
    stance: Stance


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How one reader wants the letters of one list; None: as the list has it."""

    frequency: Frequency = Frequency.DAILY
    hour: str | None = None  # 07:00, local to `zone`; None: as soon as the issue is published
    zone: str | None = None  # Europe/Paris
    topics: tuple[Topic, ...] = ()  # by name, never USUAL
    minutes: int | None = None  # of reading
    language: str | None = None  # BCP 47
    format: Format = Format.HTML

    def stance(self, topic: str) -> Stance:
        """Tell what the reader thinks of a topic."""
        found = {topic.name: topic.stance for topic in self.topics}
        return found.get(topic) or found.get(ALL, Stance.USUAL)


USUAL = Wishes()
"""As the list has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Some wishes to be changed; None: as it was. An empty hour, zone or language and 0 minutes: as the list has it."""

    frequency: Frequency | None = None
    hour: str | None = None
    zone: str | None = None
    topics: tuple[Topic, ...] = ()  # only the named ones change
    minutes: int | None = None
    language: str | None = None
    format: Format | None = None

    def applied(self, wishes: Wishes) -> Wishes:
        """Give `wishes` with these changes."""
        stances = {topic.name: topic.stance for topic in (*wishes.topics, *self.topics)}
        return Wishes(
            frequency=self.frequency or wishes.frequency,
            hour=wishes.hour if self.hour is None else self.hour or None,
            zone=wishes.zone if self.zone is None else self.zone or None,
            topics=tuple(
                Topic(name=name, stance=stance)
                for name, stance in sorted(stances.items())
                if stance is not Stance.USUAL
            ),
            minutes=wishes.minutes if self.minutes is None else self.minutes or None,
            language=wishes.language if self.language is None else self.language or None,
            format=self.format or wishes.format,
        )

    def then(self, later: "Change") -> "Change":
        """Give both changes as one; where they disagree, the later one holds."""

        def last(name: str) -> Any:
            value = getattr(later, name)
            return getattr(self, name) if value is None else value

        plain = ("frequency", "hour", "zone", "minutes", "language", "format")
        return Change(**{name: last(name) for name in plain}, topics=self.topics + later.topics)

    def undone(self, wishes: Wishes) -> "Change":
        """Give the change that leads back to `wishes` after this one."""
        return Change(
            frequency=wishes.frequency if self.frequency else None,
            hour=None if self.hour is None else wishes.hour or "",
            zone=None if self.zone is None else wishes.zone or "",
            topics=tuple(
                Topic(name=topic.name, stance=_named(wishes, topic.name) or Stance.USUAL)
                for topic in self.topics
            ),
            minutes=None if self.minutes is None else wishes.minutes or 0,
            language=None if self.language is None else wishes.language or "",
            format=wishes.format if self.format else None,
        )


class Act(StrEnum):
    """What a reader can ask for."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    MORE = "more"  # of what a story is about
    LESS = "less"
    FULL = "full"  # the whole text of a story
    DATA = "data"  # all that is known about him
    ERASE = "erase"  # forget him
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that a reader asks for."""

    act: Act
    list: str | None = None  # None: the one that he writes about, else the first
    change: Change | None = None  # of SUBSCRIBE and CHANGE
    days: int | None = None  # of PAUSE; None: until he resumes
    story: int | None = None  # of MORE, LESS and FULL: its number in the letter replied to


def _named(wishes: Wishes, topic: str) -> Stance | None:
    return next((known.stance for known in wishes.topics if known.name == topic), None)
