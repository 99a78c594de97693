"""What goes to and fro between readers and us, as values: requests, answers, notices and the log of consent."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from digest.model import Article, SubscriberState
from digest.wishes import USUAL, Command, Wishes


class Door(StrEnum):
    """The way in which a reader's word reached us; printed in the log of consent."""

    MAIL = "mail"
    WEB = "web"
    ONE_CLICK = "one-click"  # RFC 8058
    OPERATOR = "operator"
    IMPORT = "import"  # a file of addresses
    FEEDBACK = "feedback"  # his mail provider reported that he calls a letter spam
    CLOCK = "clock"  # time did it: a retention setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asked for an address without proof that he reads it; it waits for the mailbox's own word."""

    id: int
    list: str
    address: str
    commands: tuple[Command, ...]
    door: Door
    wording: str  # the version of the words that he agreed to
    made: datetime
    expires: datetime
    confirmed: datetime | None = None
    language: str | None = None  # that he wrote or read in


class Outcome(StrEnum):
    """What became of a command."""

    DONE = "done"
    ALREADY = "already"  # nothing changed: it was so
    NOT_SUBSCRIBED = "not-subscribed"
    NO_LIST = "no-list"
    NO_TOPIC = "no-topic"
    NO_STORY = "no-story"  # the letter has no story of that number, or no letter was replied to


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one command."""

    command: Command
    outcome: Outcome = Outcome.DONE
    undo: Command | None = None  # what would take it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The mail that is answered (RFC 5322 section 3.6.4)."""

    message_id: str  # with angle brackets
    references: str = ""


class NoticeKind(StrEnum):
    """Which letter answers a reader; each is a folder of templates/email/."""

    CONFIRM = "confirm"  # did you ask for this?
    WELCOME = "welcome"  # you are subscribed, and this is how it works
    GOODBYE = "goodbye"  # you have left
    ANSWER = "answer"  # what was done, what is set now, how to undo it
    HELP = "help"  # what can be asked
    FOUND = "found"  # your subscriptions, each with its link
    DATA = "data"  # all that is known about you
    ERASED = "erased"  # you are forgotten
    STORY = "story"  # the whole text of a story
    ALARM = "alarm"  # to the operator: sending has stopped
    WARNING = "warning"  # mail to you comes back, and will stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One of the subscriptions of an address."""

    subscriber_id: int
    list: str
    state: SubscriberState
    wishes: Wishes = USUAL
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What has stopped, and why."""

    stop: int  # the number that lifts it
    on: date | None  # the date of the issue of the notice's list; None: all sending
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a notice says; what it does not speak of is empty."""

    commands: tuple[Command, ...] = ()  # CONFIRM: what was asked for
    answers: tuple[Answer, ...] = ()
    misread: bool = False  # something was not understood; it is not quoted
    holdings: tuple[Holding, ...] = ()  # as they stand now, that of the notice's own list first
    article: Article | None = None  # STORY
    data: str = ""  # DATA: JSON
    alarm: Alarm | None = None  # ALARM


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A letter to one reader that is no issue: written down with what it answers, sent at once, tried again."""

    id: int
    kind: NoticeKind
    list: str
    address: str
    language: str | None
    said: Said
    made: datetime
    subscriber_id: int | None = None  # of one who has proved that he reads the address
    request_id: int | None = None  # CONFIRM
    thread: Thread | None = (
        None  # it answers a mail: from nobody, so that nothing answers it (RFC 3834 section 3.3)
    )
    attempts: int = 0
    claim: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One entry of the log of consent: who agreed to what, when, in which way and to which words."""

    list: str
    address: str
    act: str  # what it came to: pending, active, paused, unsubscribed, changed, erased
    door: Door
    wording: str = ""
    detail: str = ""
