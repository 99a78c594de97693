"""Read readers' mail and do what it asks for, once: at once with a token of ours, else after asking the mailbox.

All that a mail leads to is one transaction: its key, what it does, and the letters that answer it. It may come again,
by any door and after any crash: then nothing happens. Nothing in a mail makes `handle` fail; where the database refuses
it raises StoreError, and the door keeps the mail.

Whose word it is. A token in the address (or `confirm TOKEN`) came out of the reader's mailbox and is proof, whoever the
mail claims to be from. Everything else is a wish that somebody has for the author's address, and the mailbox itself is
asked. Leaving by token is done even for a machine, since the buttons of mail programs are machines; to all else a
machine says, nothing is done and nothing is answered (RFC 3834 section 2).

Where answers go. To proven readers: to the address they subscribed with. To others: what asks whether it was them goes
to the author's address, as a service of RFC 3834 section 4 may that says so, since that is the address it is about and
only its mailbox can say yes; help goes to the return path. Neither is sent unless the two are of one domain, or the
operator's own server vouches for the author's (both then go to the author). Who forges both reaches each mailbox with
one question and one help a day, and no more of each kind in an hour, to a domain and in all, than [signup] allows. The
letters bear a null sender and quote nothing.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import sqlalchemy as sa

from digest.address import Address, parse_address, read_address
from digest.commands import Reading, read_commands, read_detail
from digest.config import Settings
from digest.correspondence import Door, NoticeKind, Outcome, Request, Said, Thread
from digest.errors import SettingsError, TransportError
from digest.feedback import Feedback
from digest.model import Article, Subscriber, SubscriberState
from digest.protocols import Transport
from digest.received import Envelope, Received, read
from digest.store import Database, deliveries, handled, notices, subscribers, variants
from digest.subscribe import Asker, Readers, report
from digest.subscribe.caps import may_be_answered
from digest.tokens import Purpose
from digest.wishes import Act, Change, Command

log = logging.getLogger(__name__)

OPERATOR = "owner"
_OPERATORS = frozenset({"postmaster", "abuse"})  # RFC 2142
BOUNCE = "bounce"
_RANK = (BOUNCE, "unsubscribe", "confirm", "prefs", "letter", "subscribe", "help", OPERATOR)
"""Of several addresses of ours that a mail is for, the first of these is meant; the plain one last."""

_AT_A_LIST = ("subscribe", "unsubscribe")
_NEEDS_PROOF = frozenset(
    {Act.SUBSCRIBE, Act.UNSUBSCRIBE, Act.CHANGE, Act.PAUSE, Act.RESUME, Act.DATA, Act.ERASE}
)
_LEAVING = frozenset({Act.UNSUBSCRIBE, Act.ERASE})
_NO = frozenset({"no", "no thanks", "nein", "non", "hayır", "لا"})
_REPLY = re.compile(r"\s*[^\s:：]{1,12}\s?[:：]")  # Re:, AW:, YNT:, رد:, 回复：
_TOKEN = re.compile(r"[a-z2-7]{34}")
_TO_ANYBODY = (NoticeKind.CONFIRM, NoticeKind.FOUND, NoticeKind.HELP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What every door gives its mails to.

    `wording` gives the version of the words that a letter to confirm has in a language. What is for the operator is
    passed on by `transport` to publisher.reply_to, where that is set.
    """

    database: Database
    readers: Readers
    settings: Settings
    clock: Callable[[], datetime]
    wording: Callable[[str | None], str]
    transport: Transport | None = None

    def takes(self, recipient: str) -> bool:
        """Tell whether mail to an address is ours."""
        detail = self._detail(recipient)
        return detail is not None and (detail != (OPERATOR, "") or self._operator is not None)

    def handle(self, content: bytes, envelope: Envelope) -> str:
        """Do what a mail asks for and say in a line what was done; an empty line: it is none of ours, keep it.

        Raises:
            StoreError: the database refused; nothing was done.
            TransportError: it is the operator's and cannot be passed on now.

        """
        received = read(
            content,
            envelope=envelope,
            own_address=self.settings.publisher.address,
            authserv_id=self.settings.inbound.authserv_id,
        )
        said = self._handled(received, content)
        log.info("mail %.8s: %s", received.key, said or "none of ours, left alone")
        return said

    def _handled(self, received: Received, content: bytes) -> str:
        details = [detail for to in received.recipients if (detail := self._detail(to)) is not None]
        if not details:
            return ""
        verb, rest = min(details, key=_rank)
        if verb == OPERATOR:
            return self._pass_on(received, content)
        # Without a Message-ID, two mails that differ only in whom they are for are two mails.
        key = received.key if received.message_id else f"{received.key} {verb}-{rest}"
        try:
            with self.database.transaction() as connection:
                now = self.clock()
                if not handled.take(connection, key, now=now):
                    return "it was handled before"
                if said := self._fed_back(connection, received, content, verb=verb, rest=rest, now=now):
                    return said
                return _Case(self, connection, received, verb=verb, rest=rest, now=now).decide()
        except SettingsError as error:  # a token of a list that config.toml has no more
            return f"it cannot be done: {error}"

    def _fed_back(
        self,
        connection: sa.Connection,
        received: Received,
        content: bytes,
        *,
        verb: str,
        rest: str,
        now: datetime,
    ) -> str:
        """Look at what comes back of our own letters, which is never a command; empty: it is something else."""
        feedback = Feedback(readers=self.readers)
        if verb == BOUNCE:
            return feedback.take(connection, content, token=rest, now=now) or "dropped: no letter of ours"
        # A complaint, or a report of a server that does not know where reports go.
        returned = received.automatic and not verb
        return feedback.take(connection, content, token="", now=now) if returned else ""

    def _detail(self, recipient: str) -> tuple[str, str] | None:
        """Give what an address of ours says behind its +, in parts; None for somebody else's."""
        try:
            address = parse_address(recipient)
        except ValueError:
            return None
        own = parse_address(self.settings.publisher.address)
        if address.domain != own.domain:
            return None
        local, plain = address.local.casefold(), own.local.casefold()
        if local in _OPERATORS:
            return OPERATOR, ""
        if local == plain:
            return "", ""
        return read_detail(local.removeprefix(f"{plain}+")) if local.startswith(f"{plain}+") else None

    @property
    def _operator(self) -> Address | None:
        """The operator's own mailbox, where there is one that is not read here."""
        given = self.settings.publisher.reply_to
        if not given or self.transport is None or self._detail(given) is not None:
            return None
        return parse_address(given)

    def _pass_on(self, received: Received, content: bytes) -> str:
        """Send the operator his mail as it came; a crash before its key is kept sends it again."""
        operator = self._operator
        if operator is None or self.transport is None:
            return ""
        key = f"{received.key} {OPERATOR}"
        with self.database.transaction() as connection, connection.begin_nested() as trial:
            known = not handled.take(connection, key, now=self.clock())
            trial.rollback()  # it is kept once the mail has left
        if known:
            return "it was passed on before"
        publisher = self.settings.publisher
        with self.transport.connect() as session:
            reply = session.send(
                envelope_from=publisher.bounce_address or publisher.address,
                recipient=str(operator),
                message=re.sub(rb"\r\n|\r|\n", b"\r\n", content),
            )
        if reply.temporary:
            raise TransportError(f"the operator's mail is put off: {reply.code} {reply.text}")
        if not reply.accepted:
            return ""
        with self.database.transaction() as connection:
            handled.take(connection, key, now=self.clock())
        return "passed on to the operator"


class _Case:
    """One mail on the desk, in its transaction."""

    def __init__(
        self,
        inbound: Inbound,
        connection: sa.Connection,
        received: Received,
        *,
        verb: str,
        rest: str,
        now: datetime,
    ) -> None:
        self.settings = inbound.settings
        self.readers = inbound.readers
        self.wording = inbound.wording
        self.connection = connection
        self.received = received
        self.verb, self.rest = verb, rest
        self.now = now
        self.thread = Thread(message_id=received.message_id, references=received.references)

    def decide(self) -> str:
        """Do what the mail asks for, or not."""
        if self.verb == "unsubscribe" and (leaver := self._subscriber(Purpose.UNSUBSCRIBE)):
            return self._leave(leaver)
        if why := self.received.refused or self.received.automatic:
            return f"dropped: {why}"
        if self.received.rejected:
            return "dropped: forged, says our own mail server"
        reading = self._reading()
        if token := self.rest if self.verb == "confirm" else reading.token:
            return self._confirm(token, reading)
        if proven := self._proven():
            return self._obey(*proven, reading)
        return self._ask(reading)

    def _reading(self) -> Reading:
        """Read the commands; the subject of a reply to a letter of ours is ours, whatever it seems to ask for."""
        ours = self.verb in ("confirm", "prefs", "letter") and self.received.references
        subject = self.received.subject
        if ours and _REPLY.match(subject):
            subject = ""
        return read_commands(subject, self.received.text, self.now.date())

    def _leave(self, leaver: Subscriber) -> str:
        command = Command(act=Act.UNSUBSCRIBE)
        answers = self.readers.act(self.connection, leaver, [command], door=Door.MAIL, now=self.now)
        by_hand = not (self.received.automatic or self.received.refused)
        if by_hand and answers[0].outcome is Outcome.DONE:
            report(self.readers, self.connection, leaver, answers, now=self.now, thread=self.thread)
        return f"unsubscribe by token: {answers[0].outcome}"

    def _confirm(self, token: str, reading: Reading) -> str:
        request = self.readers.look_up(self.connection, token)
        if request is None:
            return f"a token of no request; {self._help(reading)}"
        if self._declines(request):
            return "no was said to a request; it runs out"
        address = read_address(request.address)
        before = subscribers.find(self.connection, request.list, address.key)
        confirmed = self.readers.confirm(self.connection, token, door=Door.MAIL, now=self.now)
        if confirmed is None:
            return f"a request that is over; {self._help(reading)}"
        if not confirmed.new:
            return "a request that was confirmed before"
        if reader := before or confirmed.subscriber:
            report(
                self.readers,
                self.connection,
                reader,
                confirmed.answers,
                now=self.now,
                thread=self.thread,
                language=reader.wishes.language or request.language,
            )
        else:
            self.readers.note(
                self.connection,
                NoticeKind.ANSWER,
                request.list,
                address,
                Said(answers=confirmed.answers),
                now=self.now,
                language=request.language,
                thread=self.thread,
            )
        return f"confirmed: {_acts(request.commands)}"

    def _declines(self, request: Request) -> bool:
        """Tell whether a reply to a confirmation says the opposite of yes."""
        text = self.received.text
        first = text.strip().partition("\n")[0].strip(" .!,").casefold()
        said = {command.act for command in read_commands("", text).commands}
        asked = {command.act for command in request.commands}
        return first in _NO or (bool(said) and said <= _LEAVING and not said <= asked)

    def _proven(self) -> tuple[Subscriber, tuple[Article, ...]] | None:
        """Give who writes with a token of ours, and the stories of the letter that he replies to."""
        if self.verb == "prefs" and (subscriber := self._subscriber(Purpose.PREFERENCES)):
            return subscriber, ()
        if self.verb == "letter":
            number = self.readers.tokens.read(Purpose.LETTER, self.rest)
            about = None if number is None else deliveries.about(self.connection, number)
            if about and (subscriber := self._living(about.subscriber_id)):
                letter = about.variant_id
                return subscriber, () if letter is None else variants.stories(self.connection, letter)
        return None

    def _obey(self, reader: Subscriber, letter: Sequence[Article], reading: Reading) -> str:
        answers = self.readers.act(
            self.connection, reader, reading.commands, door=Door.MAIL, now=self.now, letter=letter
        )
        report(
            self.readers,
            self.connection,
            reader,
            answers,
            now=self.now,
            letter=letter,
            misread=reading.misread,
            thread=self.thread,
            language=reader.wishes.language or reading.language,
        )
        return ", ".join(f"{a.command.act}: {a.outcome}" for a in answers) or "nothing was understood; help"

    def _ask(self, reading: Reading) -> str:
        """Ask the mailbox of the author whether it was him."""
        author = self.received.author
        if author is None:
            return "dropped: it has not exactly one author"
        if not self._aligned(author):
            return "dropped: its return path is of another domain than its author"
        commands = self._wanted(reading)
        list_name = self._list(author, commands)
        if not commands or list_name is None:
            return f"nothing to ask about; {self._help(reading)}"
        asker = Asker(
            door=Door.MAIL,
            language=reading.language,
            wording=self.wording(reading.language),
            trusted=self.received.authenticated,
            thread=self.thread,
        )
        letter = self.readers.request(self.connection, list_name, author, commands, asker=asker, now=self.now)
        return f"{'asked back' if letter else 'not asked back, by a limit'}: {_acts(commands)}"

    def _wanted(self, reading: Reading) -> tuple[Command, ...]:
        """Give what the address and the words together ask for that a mailbox can be asked about."""
        if self.verb == "unsubscribe":
            return (Command(act=Act.UNSUBSCRIBE),)
        wanted = tuple(command for command in reading.commands if command.act in _NEEDS_PROOF)
        acts = {command.act for command in wanted}
        if self.verb != "subscribe" or acts & {Act.SUBSCRIBE, *_LEAVING}:
            return wanted
        changes = [command.change for command in wanted if command.change is not None]
        change = reduce(Change.then, changes) if changes else None
        others = tuple(command for command in wanted if command.act is not Act.CHANGE)
        return (Command(act=Act.SUBSCRIBE, change=change), *others)

    def _list(self, author: Address, commands: Sequence[Command]) -> str | None:
        """Give the list that is meant: the one named, else one that the author gets, else the first public one.

        None means that there is none, or that a named one is not there for everybody.
        """
        named = [command.list for command in commands if command.list is not None]
        if self.verb in _AT_A_LIST and self.rest and not _TOKEN.fullmatch(self.rest):
            named.insert(0, self.rest)
        if named:
            return named[0] if set(named) <= set(self._public) else None
        return self._usual_list(author)

    def _usual_list(self, address: Address) -> str | None:
        held = self.readers.holdings(self.connection, address.key)
        reads = [one.list for one in held if one.state is not SubscriberState.UNSUBSCRIBED]
        return next(iter([*reads, *(one.list for one in held), *self._public]), None)

    @property
    def _public(self) -> list[str]:
        return [name for name, wishes in self.settings.lists.items() if wishes.public]

    def _help(self, reading: Reading) -> str:
        """Write down the letter that says what can be asked, if one may go to whoever wrote."""
        author = self.received.author
        if author is None or not self._aligned(author):
            return "no help"
        to = author
        if self.received.return_path and not self.received.authenticated:
            to = read_address(self.received.return_path)
        list_name = self._usual_list(to)
        if list_name is None or not self._may_be_helped(to):
            return "no help, by a limit"
        self.readers.note(
            self.connection,
            NoticeKind.HELP,
            list_name,
            to,
            Said(misread=reading.misread),
            now=self.now,
            language=reading.language,
            thread=self.thread,
        )
        return "help"

    def _may_be_helped(self, to: Address) -> bool:
        limits, hour = self.settings.signup, self.now - timedelta(hours=1)
        total = notices.count(self.connection, since=hour, kinds=_TO_ANYBODY)
        of_domain = notices.count(self.connection, since=hour, kinds=_TO_ANYBODY, domain=to.domain)
        return (
            to.domain not in limits.refused_domains
            and total < limits.confirmations_an_hour
            and (self.received.authenticated or of_domain < limits.confirmations_per_domain_an_hour)
            and may_be_answered(
                self.connection,
                to,
                NoticeKind.HELP,
                limits=limits,
                suppressed=self.readers.suppression(self.connection, to),
                now=self.now,
            )
        )

    def _aligned(self, author: Address) -> bool:
        """Tell whether an answer to the author does not go to somebody who has nothing to do with the mail."""
        path = self.received.return_path
        if path is None or self.received.authenticated:
            return True
        try:
            return parse_address(path).domain == author.domain
        except ValueError:
            return False

    def _subscriber(self, purpose: Purpose) -> Subscriber | None:
        number = self.readers.tokens.read(purpose, self.rest)
        return None if number is None else self._living(number)

    def _living(self, number: int) -> Subscriber | None:
        found = subscribers.get(self.connection, number)
        return None if found is None or found.state is SubscriberState.ERASED else found


def _rank(detail: tuple[str, str]) -> int:
    verb, _ = detail
    return _RANK.index(verb) if verb in _RANK else len(_RANK)


def _acts(commands: Sequence[Command]) -> str:
    return ", ".join(command.act for command in commands)
