"""Readers come and go, and say how they want their letters.

Whoever writes or fills in a form has proved nothing: `Readers.request` writes his wish down and asks the mailbox
itself. What comes back from there with our token is proof, and `Readers.act` does what it asks at once. The
operator's word is proof too, and is recorded as his.

Each method works in the caller's transaction, together with the letter that reports on it: after a crash both are
there or neither is. None of them sends anything; `notify` does.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest import config, privacy
from digest.address import Address, read_address
from digest.correspondence import (
    Answer,
    Consent,
    Door,
    Holding,
    NoticeKind,
    Outcome,
    Request,
    Said,
    Thread,
)
from digest.errors import AddressError
from digest.model import Article, Subscriber, SubscriberState, SuppressionReason
from digest.store import consents, notices, requests, subscribers
from digest.subscribe.caps import Asker, may_be_asked
from digest.subscribe.report import report
from digest.subscribe.work import Work
from digest.tokens import Purpose, Tokens
from digest.wishes import Act, Command

__all__ = ["Asker", "Confirmed", "Readers", "must_not_be_mailed", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What a confirmation led to; done before where `new` is false."""

    request: Request
    subscriber: Subscriber | None
    answers: tuple[Answer, ...]
    new: bool


def must_not_be_mailed(address: Address, reason: SuppressionReason, *, door: Door) -> AddressError:
    """Say so of an address, and to the operator who names it, though not of a file's, what ends it."""
    end = "; `digest subscribers release` lets mail go there again" if door is Door.OPERATOR else ""
    return AddressError(f"{address.display} must not be mailed: {reason}{end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """All that is done to readers."""

    settings: config.Settings
    tokens: Tokens

    def set_state(
        self,
        connection: sa.Connection,
        list_name: str,
        address: str,
        state: SubscriberState,
        *,
        door: Door,
        now: datetime,
    ) -> Subscriber:
        """Write what a reader of a list wants, on the word of the operator or of a file, and give him.

        Raises:
            AddressError: the text is no address, mail to it is suppressed, or a file asks for one who has left.

        """
        parsed = read_address(address)
        reason = self.suppression(connection, parsed)
        if reason is not None and state is not SubscriberState.UNSUBSCRIBED:
            raise must_not_be_mailed(parsed, reason, door=door)
        known = subscribers.find(connection, list_name, parsed.key)
        if known and known.state is SubscriberState.UNSUBSCRIBED and door is Door.IMPORT:
            raise AddressError(
                f"{parsed.display} has left {list_name}; if he asked to come back, add him by name"
            )
        return self.move(connection, list_name, parsed, state, door=door, now=now)

    def remove(
        self, connection: sa.Connection, list_name: str, address: str, *, door: Door, now: datetime
    ) -> Subscriber:
        """Unsubscribe a reader of a list.

        Raises:
            AddressError: the text is no address, or none of the list's.

        """
        parsed = read_address(address)
        if subscribers.find(connection, list_name, parsed.key) is None:
            raise AddressError(
                f"{parsed.display} is not on {list_name}; `digest subscribers list` shows who is"
            )
        return self.move(connection, list_name, parsed, SubscriberState.UNSUBSCRIBED, door=door, now=now)

    def request(
        self,
        connection: sa.Connection,
        list_name: str,
        address: Address,
        commands: Sequence[Command],
        *,
        asker: Asker,
        now: datetime,
    ) -> int | None:
        """Write down what somebody asked for an address, with the letter that asks the mailbox; give that letter's id.

        None means that no letter goes there: the address is suppressed, its domain refused, or a cap is reached.
        Whoever asked is told the same either way.
        """
        if not may_be_asked(
            connection,
            address,
            asker,
            limits=self.settings.signup,
            suppressed=self.suppression(connection, address),
            now=now,
        ):
            return None
        known = subscribers.find(connection, list_name, address.key)
        asks_to_join = any(command.act is Act.SUBSCRIBE for command in commands)
        if asks_to_join and known is None:
            self.move(
                connection,
                list_name,
                address,
                SubscriberState.PENDING,
                door=asker.door,
                now=now,
                wording=asker.wording,
            )
        request_id = requests.put(
            connection,
            list_name,
            str(address),
            key=address.key,
            commands=commands,
            door=asker.door,
            wording=asker.wording,
            language=asker.language,
            now=now,
            expires=now + timedelta(days=self.settings.signup.valid_days),
        )
        language = known.wishes.language if known and known.wishes.language else asker.language
        return self.note(
            connection,
            NoticeKind.CONFIRM,
            list_name,
            address,
            Said(commands=tuple(commands)),
            now=now,
            request_id=request_id,
            network=asker.network,
            language=language,
            thread=asker.thread,
        )

    def find(self, connection: sa.Connection, address: Address, *, asker: Asker, now: datetime) -> None:
        """Mail an address the links to its subscriptions, if it has any; who asked is told the same either way."""
        held = self.holdings(connection, address.key)
        if held and may_be_asked(
            connection,
            address,
            asker,
            limits=self.settings.signup,
            suppressed=self.suppression(connection, address),
            now=now,
        ):
            self.note(
                connection,
                NoticeKind.FOUND,
                held[0].list,
                address,
                Said(holdings=held),
                now=now,
                network=asker.network,
                language=held[0].wishes.language or asker.language,
                subscriber_id=held[0].subscriber_id,
            )

    def look_up(self, connection: sa.Connection, token: str) -> Request | None:
        """Give the request that a confirmation's token names; nothing changes."""
        number = self.tokens.read(Purpose.CONFIRM, token)
        return None if number is None else requests.get(connection, number)

    def confirm(
        self, connection: sa.Connection, token: str, *, door: Door, now: datetime
    ) -> Confirmed | None:
        """Do what a request asks for, since its token came back from the mailbox; once.

        None means that there is no such request, or that it is over.
        """
        request = self.look_up(connection, token)
        if request is None or (request.confirmed is None and request.expires <= now):
            return None
        address = read_address(request.address)
        new = requests.confirm(connection, request.id, now=now)
        answers: tuple[Answer, ...] = ()
        if new:
            known = subscribers.find(connection, request.list, address.key)
            if known is None and any(command.act is Act.SUBSCRIBE for command in request.commands):
                known = self.move(
                    connection, request.list, address, SubscriberState.PENDING, door=door, now=now
                )
            answers = (
                tuple(Answer(command=c, outcome=Outcome.NOT_SUBSCRIBED) for c in request.commands)
                if known is None
                else self.act(
                    connection, known, request.commands, door=door, now=now, wording=request.wording
                )
            )
        subscriber = subscribers.find(connection, request.list, address.key)
        return Confirmed(request=request, subscriber=subscriber, answers=answers, new=new)

    def act(
        self,
        connection: sa.Connection,
        subscriber: Subscriber,
        commands: Sequence[Command],
        *,
        door: Door,
        now: datetime,
        letter: Sequence[Article] = (),
        wording: str = "",
    ) -> tuple[Answer, ...]:
        """Do what a reader asks who has proved that he reads the address, and say what became of each command.

        `letter` holds the articles that lead the stories of the letter he replied to, in its order.
        """
        answers = []
        for command in commands:
            target = self._on_list(connection, subscriber, command, door=door, now=now)
            if target is None:
                answers.append(Answer(command=command, outcome=Outcome.NO_LIST))
                continue
            work = Work(
                readers=self,
                connection=connection,
                subscriber=target,
                door=door,
                now=now,
                letter=letter,
                wording=wording,
            )
            answer = work.do(command)
            undo = answer.undo and dataclasses.replace(answer.undo, list=command.list)
            answers.append(dataclasses.replace(answer, undo=undo))
            if command.act is Act.ERASE:
                break
        return tuple(answers)

    def note(
        self,
        connection: sa.Connection,
        kind: NoticeKind,
        list_name: str,
        address: Address,
        said: Said,
        *,
        now: datetime,
        language: str | None = None,
        subscriber_id: int | None = None,
        request_id: int | None = None,
        network: str | None = None,
        thread: Thread | None = None,
    ) -> int:
        """Write down a letter to one reader and give its row id; `notify` sends it."""
        return notices.put(
            connection,
            kind,
            list_name=list_name,
            address=str(address),
            mailbox=address.mailbox,
            domain=address.domain,
            said=said,
            now=now,
            language=language,
            subscriber_id=subscriber_id,
            request_id=request_id,
            network=network,
            thread=thread,
        )

    def holdings(self, connection: sa.Connection, key: str, *, first: str = "") -> tuple[Holding, ...]:
        """Give the subscriptions of an address that stand or stood, the one to the list `first` before the others."""
        held = [s for s in subscribers.holdings(connection, key) if s.state is not SubscriberState.PENDING]
        held.sort(key=lambda subscriber: subscriber.list != first)
        return tuple(
            Holding(
                subscriber_id=one.id,
                list=one.list,
                state=one.state,
                wishes=one.wishes,
                paused_until=one.paused_until,
            )
            for one in held
        )

    def export(self, connection: sa.Connection, address: Address) -> str:
        """Give all that is known about an address as JSON."""
        known = privacy.export(connection, address, *self.keys(address))
        return json.dumps(known, ensure_ascii=False, indent=1, default=str)

    def knows(self, connection: sa.Connection, address: Address) -> bool:
        """Tell whether anything is kept of an address; that it is forgotten is nothing."""
        known = privacy.export(connection, address, *self.keys(address))
        nothing: tuple[object, ...] = ([], None, [SuppressionReason.ERASED])
        return any(kept not in nothing for name, kept in known.items() if name != "address")

    def erase(self, connection: sa.Connection, address: Address, *, now: datetime) -> None:
        """Forget an address everywhere but, as a keyed hash, among those that must not be mailed."""
        privacy.erase(connection, address, fingerprint=self.fingerprint(address), now=now)

    def suppression(self, connection: sa.Connection, address: Address) -> SuppressionReason | None:
        """Tell why an address must not be mailed, if so."""
        return subscribers.suppression(connection, *self.keys(address))

    def suppressed(self, connection: sa.Connection) -> dict[int, SuppressionReason]:
        """Tell the same of all subscribers, by the ids of those of whom it is so."""
        return subscribers.suppressed(
            connection, fingerprint=lambda key: self.tokens.fingerprint(Purpose.ADDRESS, key)
        )

    def keys(self, address: Address) -> tuple[str, str]:
        """Give the two keys under which an address may be suppressed: its own and that of one who is forgotten."""
        return address.key, self.fingerprint(address)

    def fingerprint(self, address: Address) -> str:
        """Give the keyed hash that stands for an address."""
        return self.tokens.fingerprint(Purpose.ADDRESS, address.key)

    def record(self, connection: sa.Connection, address: Address, consent: Consent, *, now: datetime) -> None:
        """Add to the log of consent."""
        consents.append(connection, consent, subject=self.fingerprint(address), now=now)

    def move(
        self,
        connection: sa.Connection,
        list_name: str,
        address: Address,
        state: SubscriberState,
        *,
        door: Door,
        now: datetime,
        until: datetime | None = None,
        wording: str = "",
    ) -> Subscriber:
        """Bring a reader into a state, unless he is in it, and record by what word."""
        known = subscribers.find(connection, list_name, address.key)
        if known and known.state is state and known.paused_until == until:
            return known
        moved = subscribers.set_state(
            connection,
            list_name,
            str(address),
            key=address.key,
            state=state,
            consent=door.value,
            now=now,
            paused_until=until,
        )
        entry = Consent(
            list=list_name,
            address=moved.address,
            act=state.value,
            door=door,
            wording=wording,
            detail="" if until is None else f"until {until.isoformat()}",
        )
        self.record(connection, address, entry, now=now)
        return moved

    def _on_list(
        self,
        connection: sa.Connection,
        subscriber: Subscriber,
        command: Command,
        *,
        door: Door,
        now: datetime,
    ) -> Subscriber | None:
        """Give the subscription that a command is about; one that is not there yet begins as pending."""
        if command.list is None or command.list == subscriber.list:
            return subscribers.get(connection, subscriber.id)
        if command.list not in self.settings.lists:
            return None
        address = read_address(subscriber.address)
        known = subscribers.find(connection, command.list, address.key)
        if known is None and command.act is Act.SUBSCRIBE and self.settings.lists[command.list].public:
            return self.move(connection, command.list, address, SubscriberState.PENDING, door=door, now=now)
        return known
