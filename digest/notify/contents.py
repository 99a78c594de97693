"""What each kind of letter says: the values that its templates name, in the reader's language."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from digest import config
from digest.commands import spell
from digest.correspondence import Answer, Holding, Notice, NoticeKind, Outcome
from digest.model import SubscriberState
from digest.notify.links import (
    archive_url,
    confirm_token,
    mailto,
    preferences_url,
    unsubscribe_urls,
    wishes_address,
)
from digest.render.words import Asked, Row, Words
from digest.tokens import Tokens
from digest.wishes import USUAL, Act, Change, Command, Format, Frequency, Stance, Topic, Wishes

FILE_NAME = "my-data.txt"
"""What holds all that is known about a reader. Every phone opens a .txt; few open a .json."""

LEDGER = "digest deliveries"
"""What the operator types to see the mails, and to let them go on."""

SUBSCRIBED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)

_OF_ANOTHER_KIND = (config.MORE, "opinion", "blog")  # sections that no news has for a topic
_DAY = timedelta(days=1)
_SATURDAY, _MONDAY = 5, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A link, and what to write instead of following it."""

    words: str  # empty: only the link will do
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a command."""

    asked: Asked
    outcome: str
    done: bool
    undo: Way | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A subscription: how it stands, and where it is changed."""

    title: str
    rows: tuple[Row, ...]
    preferences_url: str
    unsubscribe_url: str  # empty where there is nothing to leave
    subscribe_url: str  # empty where there is nothing to come back to


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What can be written, and what it means."""

    spelled: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """When the first letter comes."""

    day: str
    hour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one letter says."""

    settings: config.Settings
    tokens: Tokens
    notice: Notice
    list: config.List  # that it is about
    words: Words

    def said(self) -> Mapping[str, Any]:
        """Give the values that the templates of its kind name; those of a STORY name only the article."""
        says = {
            NoticeKind.CONFIRM: self._confirm,
            NoticeKind.WELCOME: self._welcome,
            NoticeKind.GOODBYE: self._goodbye,
            NoticeKind.ANSWER: self._answer,
            NoticeKind.HELP: self._help,
            NoticeKind.FOUND: self._found,
            NoticeKind.DATA: self._data,
            NoticeKind.ERASED: self._erased,
            NoticeKind.ALARM: self._alarm,
            NoticeKind.WARNING: self._warning,
        }
        return says[self.notice.kind]() if self.notice.kind in says else {}

    @property
    def holding(self) -> Holding | None:
        """The subscription to the letter's own list."""
        return self._held_of(self.notice.list)

    def _confirm(self) -> Mapping[str, Any]:
        commands = self.notice.said.commands
        until = self.notice.made + timedelta(days=self.settings.signup.valid_days)
        return {
            "asked": [self.words.asked(command, self.notice.list) for command in commands],
            "joins": [command.act for command in commands] == [Act.SUBSCRIBE],
            "confirm_url": f"{self.settings.publisher.url}/confirm/{confirm_token(self.tokens, self.notice)}",
            "until": self.words.day(until, self.list.timezone),
        }

    def _welcome(self) -> Mapping[str, Any]:
        first = first_letter(
            self.holding.wishes if self.holding else USUAL, self.list, after=self.notice.made
        )
        zone = str(first.tzinfo)
        examples = self._examples()
        return {
            "held": [self._held(self.holding)] if self.holding else [],
            "first": First(day=self.words.day(first, zone), hour=self.words.hour(f"{first:%H:%M}", zone)),
            "archive_url": archive_url(self.settings, self.notice.list) or "",
            "commands": [
                examples[name]
                for name in ("pause", "often", "when", "topics", "unsubscribe", "help")
                if name in examples
            ],
        }

    def _goodbye(self) -> Mapping[str, Any]:
        return {
            "again": self._way(Command(act=Act.SUBSCRIBE), self.notice.list),
            "erase": self._spell(Command(act=Act.ERASE)),
        }

    def _answer(self) -> Mapping[str, Any]:
        said = self.notice.said
        lists = {self.notice.list, *(answer.command.list for answer in said.answers)}
        asks_help = any(answer.command.act is Act.HELP for answer in said.answers)
        return {
            "told": [self._told(answer) for answer in said.answers if answer.command.act is not Act.HELP],
            "misread": said.misread,
            "help": self._spell(Command(act=Act.HELP)),
            "commands": list(self._examples().values()) if asks_help else [],
            "held": [self._held(holding) for holding in said.holdings if holding.list in lists],
        }

    def _help(self) -> Mapping[str, Any]:
        ours = self.settings.publisher.address
        return {
            "misread": self.notice.said.misread,
            "commands": list(self._examples().values()),
            "write": Way(words=ours, url=f"mailto:{ours}"),
            "named": self.words.names(self.notice.list),
        }

    def _found(self) -> Mapping[str, Any]:
        return {"held": [self._held(holding) for holding in self.notice.said.holdings]}

    def _data(self) -> Mapping[str, Any]:
        return {"file_name": FILE_NAME, "erase": self._spell(Command(act=Act.ERASE))}

    def _erased(self) -> Mapping[str, Any]:
        return {"owner": self._owner()}

    def _warning(self) -> Mapping[str, Any]:
        return {"owner": self._owner()}

    def _owner(self) -> Way:
        owner = self.settings.publisher.own("owner")
        return Way(words=owner, url=f"mailto:{owner}")

    def _alarm(self) -> Mapping[str, Any]:
        alarm = self.notice.said.alarm
        if alarm is None:
            raise AssertionError("an alarm of nothing")
        name = self.notice.list
        return {
            "stopped": self.words.stopped(alarm, self.notice.made, name),
            "issue": f"{name}, {alarm.on}" if alarm.on else "",
            "look": f"{LEDGER} --list {name} --date {alarm.on}" if alarm.on else LEDGER,
            "resume": f"{LEDGER} resume {alarm.stop}",
        }

    def _told(self, answer: Answer) -> Told:
        name = answer.command.list or self.notice.list
        return Told(
            asked=self.words.asked(answer.command, self.notice.list),
            outcome=self.words.outcome(answer, self.notice.list),
            done=answer.outcome is Outcome.DONE,
            undo=self._way(answer.undo, name) if answer.undo else None,
        )

    def _held(self, holding: Holding) -> Held:
        ours = self.settings.lists.get(holding.list)
        subscribed = holding.state in SUBSCRIBED
        back = f"{self.settings.publisher.url}/subscribe/{holding.list}" if ours and ours.public else ""
        leave, _ = unsubscribe_urls(self.settings, self.tokens, holding.subscriber_id)
        return Held(
            title=ours.title if ours else holding.list,
            rows=self.words.set(holding),
            preferences_url=preferences_url(self.settings, self.tokens, holding.subscriber_id),
            unsubscribe_url=leave if subscribed else "",
            subscribe_url="" if subscribed else back,
        )

    def _examples(self) -> dict[str, Example]:
        """Give everything that can be asked, in the order of a reader's life."""
        others = [tag for tag in self.words.languages if tag != self.words.primary]
        topics = [name for name in self.list.sections if name not in _OF_ANOTHER_KIND]
        zone = (self.holding and self.holding.wishes.zone) or self.list.timezone
        changes: dict[str, list[Change]] = {
            "often": [Change(frequency=frequency) for frequency in Frequency],
            "when": [Change(hour="07:30", zone=zone)],
            "topics": [
                Change(topics=(Topic(name=name, stance=stance),))
                for name, stance in zip(topics, (Stance.MORE, Stance.LESS, Stance.NONE), strict=False)
            ],
            "length": [Change(minutes=5)],
            "language": [Change(language=tag) for tag in others[:1]],
            "format": [Change(format=kind) for kind in (Format.TEXT, Format.HTML)],
        }
        labels = self.words.labels()
        of_change = {
            name: Example(
                spelled=tuple(self._spell(Command(act=Act.CHANGE, change=one)) for one in wanted),
                meaning=labels[name],
            )
            for name, wanted in changes.items()
            if wanted
        }
        before = (Command(act=Act.SUBSCRIBE), Command(act=Act.PAUSE, days=14), Command(act=Act.RESUME))
        after = (
            *(Command(act=act, story=3) for act in (Act.MORE, Act.LESS, Act.FULL)),
            *(Command(act=act) for act in (Act.UNSUBSCRIBE, Act.DATA, Act.ERASE, Act.HELP)),
        )
        return dict(self._meant(before)) | of_change | dict(self._meant(after))

    def _meant(self, commands: tuple[Command, ...]) -> Iterator[tuple[str, Example]]:
        for command in commands:
            meaning = self.words.asked(command, self.notice.list).title
            yield command.act.value, Example(spelled=(self._spell(command),), meaning=meaning)

    def _way(self, command: Command, list_name: str) -> Way | None:
        """Give how the reader of a list asks for something; without a subscription there is none.

        A reply to this letter is about its own list, so for another one only the link will do.
        """
        held = self._held_of(list_name)
        if held is None:
            return None
        spelled = self._spell(command)
        address = wishes_address(self.settings, self.tokens, held.subscriber_id)
        return Way(words=spelled if list_name == self.notice.list else "", url=mailto(address, spelled))

    def _spell(self, command: Command) -> str:
        return spell(command, self.words.language)

    def _held_of(self, list_name: str) -> Holding | None:
        return next((held for held in self.notice.said.holdings if held.list == list_name), None)


def first_letter(wishes: Wishes, wanted: config.List, *, after: datetime) -> datetime:
    """Give when the first letter comes if its issue is published at its hour, in the zone that its reader lives by."""
    own = ZoneInfo(wanted.timezone)
    day, at = after.astimezone(own).date(), time.fromisoformat(wanted.at)
    while (issue := datetime.combine(day, at, own)) <= after or not _comes(wishes.frequency, issue):
        day += _DAY
    if wishes.hour is None:
        return issue
    zone = ZoneInfo(wishes.zone or wanted.timezone)
    there, hour = issue.astimezone(zone).date(), time.fromisoformat(wishes.hour)
    letter = datetime.combine(there, hour, zone)
    return letter if letter >= issue else datetime.combine(there + _DAY, hour, zone)


def _comes(frequency: Frequency, issue: datetime) -> bool:
    if frequency is Frequency.WEEKDAYS:
        return issue.weekday() < _SATURDAY
    return frequency is Frequency.DAILY or issue.weekday() == _MONDAY
