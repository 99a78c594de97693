"""Do one command of a reader who has proved that he reads the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from digest.address import read_address
from digest.correspondence import Answer, Consent, Door, Outcome
from digest.model import Article, Subscriber, SubscriberState, SuppressionReason
from digest.store import subscribers
from digest.wishes import ALL, Act, Change, Command, Stance, Topic

if TYPE_CHECKING:
    from digest.subscribe import Readers

SUBSCRIBED = (SubscriberState.ACTIVE, SubscriberState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One command of a proven reader, and what doing it needs."""

    readers: "Readers"
    connection: sa.Connection
    subscriber: Subscriber
    door: Door
    now: datetime
    letter: Sequence[Article]
    wording: str

    def do(self, command: Command) -> Answer:  # noqa: PLR0911 - one for each act
        """Do it."""
        match command.act:
            case Act.SUBSCRIBE:
                return self._subscribe(command)
            case Act.UNSUBSCRIBE:
                return self._go_to(command, SubscriberState.UNSUBSCRIBED, undo=Command(act=Act.SUBSCRIBE))
            case Act.PAUSE:
                until = None if command.days is None else self.now + timedelta(days=command.days)
                return self._go_to(command, SubscriberState.PAUSED, undo=Command(act=Act.RESUME), until=until)
            case Act.RESUME:
                return self._go_to(command, SubscriberState.ACTIVE, undo=Command(act=Act.PAUSE))
            case Act.CHANGE:
                return self._change(command, command.change or Change())
            case Act.MORE | Act.LESS:
                return self._rate(command)
            case Act.FULL:
                found = story(command, self.letter) is not None
                return Answer(command=command, outcome=Outcome.DONE if found else Outcome.NO_STORY)
            case Act.ERASE:
                self.readers.erase(self.connection, read_address(self.subscriber.address), now=self.now)
        return Answer(command=command)  # DATA and HELP are letters only

    def _subscribe(self, command: Command) -> Answer:
        was = self.subscriber.state
        address = read_address(self.subscriber.address)
        if self.readers.suppression(self.connection, address) is SuppressionReason.LEFT:
            subscribers.release(self.connection, *self.readers.keys(address))
        self._move(SubscriberState.ACTIVE)
        changed = self._change(command, command.change) if command.change else Answer(command=command)
        if was is SubscriberState.ACTIVE and not command.change:
            return Answer(command=command, outcome=Outcome.ALREADY)
        if changed.outcome not in (Outcome.DONE, Outcome.ALREADY):
            return changed
        return Answer(command=command, undo=Command(act=Act.UNSUBSCRIBE))

    def _go_to(
        self, command: Command, state: SubscriberState, *, undo: Command, until: datetime | None = None
    ) -> Answer:
        was = self.subscriber
        if state is SubscriberState.UNSUBSCRIBED:
            known = was.state is not SubscriberState.ERASED
        else:
            known = was.state in SUBSCRIBED
        if not known:
            return Answer(command=command, outcome=Outcome.NOT_SUBSCRIBED)
        if was.state is state and was.paused_until == until:
            return Answer(command=command, outcome=Outcome.ALREADY)
        self._move(state, until=until)
        return Answer(command=command, undo=undo)

    def _change(self, command: Command, change: Change) -> Answer:
        topics = []
        list_wishes = self.readers.settings.list_named(self.subscriber.list)
        for topic in change.topics:
            name = ALL if topic.name == ALL else list_wishes.section_called(topic.name)
            if name is None:
                return Answer(command=command, outcome=Outcome.NO_TOPIC)
            topics.append(Topic(name=name, stance=topic.stance))
        change = Change(
            frequency=change.frequency,
            hour=change.hour,
            zone=change.zone,
            topics=tuple(topics),
            minutes=change.minutes,
            language=change.language,
            format=change.format,
        )
        before = self.subscriber.wishes
        after = change.applied(before)
        if after == before:
            return Answer(command=command, outcome=Outcome.ALREADY)
        subscribers.set_wishes(self.connection, self.subscriber.id, after)
        entry = Consent(
            list=self.subscriber.list, address=self.subscriber.address, act="changed", door=self.door
        )
        self.readers.record(self.connection, read_address(self.subscriber.address), entry, now=self.now)
        return Answer(command=command, undo=Command(act=Act.CHANGE, change=change.undone(before)))

    def _rate(self, command: Command) -> Answer:
        article = story(command, self.letter)
        if article is None:
            return Answer(command=command, outcome=Outcome.NO_STORY)
        section = self.readers.settings.list_named(self.subscriber.list).section_of(article)
        stance = Stance.MORE if command.act is Act.MORE else Stance.LESS
        return self._change(command, Change(topics=(Topic(name=section, stance=stance),)))

    def _move(self, state: SubscriberState, *, until: datetime | None = None) -> None:
        self.readers.move(
            self.connection,
            self.subscriber.list,
            read_address(self.subscriber.address),
            state,
            door=self.door,
            now=self.now,
            until=until,
            wording=self.wording,
        )


def story(command: Command, letter: Sequence[Article]) -> Article | None:
    """Give the article that leads the story of a command's number, in the letter that was replied to."""
    number = command.story or 0
    return letter[number - 1] if 1 <= number <= len(letter) else None
