"""The composition root: the only module that names concrete sources, transports and the database.

App(load()).publish("daily")
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from digest import __version__, archive, config, pipeline, privacy
from digest.address import read_address
from digest.app import fleet
from digest.collect import Inlet, PageReader, collect, gather
from digest.config import Settings, kept_secret, read_secret
from digest.correspondence import Door
from digest.deliver import Settled, deliver
from digest.dkim import Key
from digest.dkim.files import read_keys
from digest.doors import Handle
from digest.errors import AddressError, IssueError, SettingsError, TransportError
from digest.feedback import Feedback
from digest.govern import Governor
from digest.inbound import Inbound
from digest.journal import Journals
from digest.model import (
    Candidate,
    Collected,
    DeliveryState,
    Gathered,
    Issue,
    Letter,
    Mail,
    Reply,
    Subscriber,
    SubscriberState,
    Trouble,
)
from digest.notify import Correspondent, masthead, notify
from digest.protocols import Engine, Source, Transport
from digest.recheck import Recheck
from digest.render import Press, environment
from digest.resources import locate, shipped
from digest.sources.arguments import Arguments
from digest.sources.feed import Feed
from digest.sources.folder import Folder
from digest.sources.page import Page
from digest.sources.web import Fetcher
from digest.store import Database, deliveries, issues, notices, sources, stops, subscribers
from digest.subscribe import Asker, Readers, must_not_be_mailed
from digest.tokens import Tokens
from digest.transport.maildir import Maildir
from digest.transport.smtp import Smtp
from digest.wishes import Act, Command
from digest.writer import Writer, one_off_mail

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from digest.doors import maildir
    from digest.doors.imap import Mailbox
    from digest.doors.lmtp import Listener

ONE_OFF = "one-off"
"""The name that stands for a list in what the command line makes of single documents."""


def now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """What the command line made of single documents; no issue where none of them held an article."""

    issue: Issue | None
    troubles: tuple[Trouble, ...]


class App:
    """The program, put together from its settings; each part is made when it is first needed."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = now) -> None:
        self.settings = settings
        self.clock = clock

    @cached_property
    def database(self) -> Database:
        """The store, with its tables as this version needs them."""
        database = Database(self.settings.database, base=self.settings.base)
        database.migrate()
        return database

    @cached_property
    def transport(self) -> Transport:
        """The way mails leave by."""
        wanted = self.settings.transport
        base = self.settings.base
        if wanted.kind == "maildir":
            return Maildir(path=base / wanted.folder)
        return Smtp(
            host=wanted.host,
            port=wanted.port,
            security=wanted.security,
            username=wanted.username,
            password=read_secret(
                wanted.password, wanted.password_file, base, setting="transport.password_file"
            ),
            timeout_seconds=wanted.timeout_seconds,
            connections=wanted.connections,
            hello_name=wanted.hello_name or None,
            ca_file=base / wanted.ca_file if wanted.ca_file else None,
        )

    @cached_property
    def journals(self) -> Journals:
        """Where processes that send from this database note what they do."""
        return Journals(self._folder / "journal", self.database.name)

    @cached_property
    def governor(self) -> Governor:
        """What keeps this process's mail within its rates."""
        return Governor(self.settings)

    @cached_property
    def press(self) -> Press:
        """The templates, the operator's own before the shipped ones."""
        own = [self.settings.base / self.settings.templates] if self.settings.templates else []
        return environment([*own, shipped("templates")])

    @cached_property
    def tokens(self) -> Tokens:
        """What signs the links in letters; its secret is made once, where the settings give none."""
        wanted = self.settings
        given = read_secret(wanted.secret, wanted.secret_file, wanted.base, setting="secret_file")
        return Tokens(given or kept_secret(self._folder / "secret"))

    @cached_property
    def signers(self) -> tuple[Key, ...]:
        """What signs the mails; empty where that is left to the mail server."""
        return read_keys(self.settings)

    @cached_property
    def fetcher(self) -> Fetcher:
        """The one way to the web."""
        limits = self.settings.fetch
        return Fetcher(
            timeout_seconds=limits.timeout_seconds,
            total_seconds=limits.total_seconds,
            max_bytes=self._max_bytes,
            user_agent=limits.user_agent or f"digest/{__version__} (+{self.settings.publisher.url})",
            allow_private=limits.private_addresses,
        )

    @cached_property
    def writer(self) -> Writer:
        """What writes the mails of deliveries."""
        return Writer(self.settings, self.database, self.press, self.tokens, signers=self.signers)

    def collect(
        self, names: Sequence[str] | None = None, *, on_read: Callable[[Gathered], None] = lambda _: None
    ) -> Collected:
        """Read the named sources, or all, and store what is new."""
        inlets = [
            Inlet(source=self._source(name, wanted), settings=wanted)
            for name, wanted in self.settings.sources.items()
            if names is None or name in names
        ]
        pages = PageReader(fetch=self.fetcher.fetch_document, limit=self.settings.fetch.pages_per_source)
        return collect(inlets, self.database, pages, clock=self.clock, on_read=on_read)

    def publish(
        self,
        name: str,
        *,
        on: date | None = None,
        frozen: Callable[[sa.Connection, int], None] = lambda *_: None,
    ) -> pipeline.Published | None:
        """Publish a list's issue for a date, by default today's in its zone; see `pipeline.publish`."""
        wishes = self.settings.list_named(name)
        return pipeline.publish(
            name,
            wishes,
            self.sources_of(name),
            self.database,
            on=on or self._today(name),
            now=self.clock(),
            expiry=timedelta(hours=self.settings.delivery.give_up_hours),
            frozen=frozen,
            recheck=Recheck(
                self.database,
                self.settings.sources,
                fetch=self.fetcher.fetch_again,
                stories=self.settings.fetch.recheck_stories,
            ),
            canary=self.settings.canary,
        )

    def preview(self, name: str) -> Issue:
        """Give the issue that a list would publish now; it is not published."""
        return self._draft(name).issue

    def explain(self, name: str, on: date | None = None) -> tuple[date, tuple[Candidate, ...]]:
        """Give every story that was weighed for a list's issue of a date, or would be for today's, best first.

        Raises:
            IssueError: there is no issue of that date.

        """
        today = self._today(name)
        with self.database.transaction() as connection:
            found = issues.find(connection, name, on or today)
            if found:
                return found[1].date, issues.candidates(connection, name, found[1].date)
        if on not in (None, today):
            raise IssueError(f"{name} has no issue of {on}; `digest explain` without a date tells of today's")
        return today, self._draft(name).candidates

    def _draft(self, name: str) -> pipeline.Draft:
        wishes = self.settings.list_named(name)
        return pipeline.draft(
            name, wishes, self.sources_of(name), self.database, on=self._today(name), now=self.clock()
        )

    def _today(self, name: str) -> date:
        zone = ZoneInfo(self.settings.list_named(name).timezone)
        return self.clock().astimezone(zone).date()

    def look(self, name: str) -> tuple[Issue, bool]:
        """Give today's issue of a list and True where it is published, else the one that would be and False."""
        issue = self.preview(name)
        with self.database.transaction() as connection:
            found = issues.find(connection, name, issue.date)
        return (found[1], True) if found else (issue, False)

    def write_files(self, issue: Issue) -> archive.Files:
        """Write an issue as a web page, as text and as JSON under var/issues/<list>/."""
        return archive.write(self._folder / "issues" / issue.list, issue, self.web_letter(issue))

    def write_preview(self, issue: Issue) -> archive.Files:
        """Write the same under var/preview/."""
        return archive.write(self._folder / "preview", issue, self.web_letter(issue), name=issue.list)

    def write_one_off(self, issue: Issue, letter: Letter, folder: Path) -> archive.Files:
        """Write a one-off issue into a folder that the command line names."""
        return archive.write(folder, issue, letter, name="digest")

    def web_letter(self, issue: Issue) -> Letter:
        """Print an issue as everybody may see it."""
        wishes = self.settings.list_named(issue.list)
        return pipeline.web_letter(issue, masthead(self.settings, wishes), self.press, letter=wishes.letter)

    def send(
        self,
        *,
        stopping: Callable[[], bool] = lambda: False,
        on_settled: Callable[[Settled], None] = lambda _: None,
    ) -> Counter[DeliveryState]:
        """Send every mail that is due, in several processes where the settings say so and there are many.

        Once it is `stopping`, none is begun. `on_settled` hears of the mails of this process.
        """
        further = self.settings.delivery.processes - 1
        if not further or self.count_due() < fleet.FEWEST:
            return self.send_here(stopping=stopping, on_settled=on_settled)
        with fleet.beside(self.settings, further, stopping=stopping) as outcome:
            ours = self.send_here(stopping=stopping, on_settled=on_settled)
        return ours + outcome

    def send_here(
        self,
        *,
        stopping: Callable[[], bool] = lambda: False,
        on_settled: Callable[[Settled], None] = lambda _: None,
    ) -> Counter[DeliveryState]:
        """Send every mail that is due, in this process."""
        return deliver(
            self.database,
            self.transport,
            self.settings.delivery,
            write=self.writer,
            journals=self.journals,
            governor=self.governor,
            clock=self.clock,
            resend=lambda name: self.settings.in_doubt(name) == "resend",
            after=Feedback(readers=self.readers),
            stopping=stopping,
            on_settled=on_settled,
        )

    def stops(self) -> tuple[stops.Stop, ...]:
        """Give what keeps mails from leaving until a person lets them go on."""
        with self.database.transaction() as connection:
            return stops.active(connection)

    def lift(self, stop_id: int | None = None) -> int:
        """Let go on what one stop holds, or what any does; give how many were lifted."""
        with self.database.transaction() as connection:
            return stops.lift(connection, stop_id, now=self.clock())

    def count_due(self) -> int:
        """Count the mails that `send` would try."""
        with self.database.transaction() as connection:
            return deliveries.count_due(connection, now=self.clock())

    def one_off(self, arguments: Sequence[str], wishes: config.List) -> OneOff:
        """Make an issue of what the command line names; no list and no database is touched."""
        source = Arguments(arguments, fetcher=self.fetcher, stdin=sys.stdin.buffer, max_bytes=self._max_bytes)
        gathered = gather(source)
        moment = self.clock()
        on = moment.astimezone(ZoneInfo(wishes.timezone)).date()
        draft = pipeline.edit(gathered.articles, wishes, name=ONE_OFF, number=1, on=on, closed=moment)
        issue = draft.issue
        return OneOff(issue=issue if issue.stories else None, troubles=gathered.troubles)

    def print_one_off(self, issue: Issue, wishes: config.List) -> Letter:
        """Print a one-off issue so that it fits into a mail; it has no list to leave, nor the sample's address."""
        head = masthead(self.settings, wishes)
        if head.postal_address == config.Publisher().postal_address:  # nobody has set it
            head = replace(head, postal_address="")
        return pipeline.one_off_letter(issue, head, self.press, letter=wishes.letter)

    def send_one_off(self, issue: Issue, letter: Letter, addresses: Sequence[str]) -> list[tuple[str, Reply]]:
        """Send a one-off letter at once and give what the server said of each address."""
        mails = [one_off_mail(self.settings, issue, letter, to, signers=self.signers) for to in addresses]
        return self._send_now(mails)

    def list_or_first(self, name: str | None) -> str:
        """Give the name of a list that the settings have, by default of their first one.

        Raises:
            SettingsError: there is none.

        """
        if name is None:
            name = next(iter(self.settings.lists), "daily")
        self.settings.list_named(name)
        return name

    def look_over(self) -> None:
        """Make the parts that publishing and sending need, so that what is wrong with one shows before.

        Raises:
            SettingsError: a secret, a password or a key cannot be read.
            StoreError: the database cannot be used.

        """
        self.database, self.press, self.tokens, self.transport, self.signers  # noqa: B018 - they are made when looked at

    def engine(self) -> Engine:
        """Give what runs the day in this process, after a look whether it could."""
        from digest.app.daemon import engine  # noqa: PLC0415 - scheduler, web server and mail doors: for `serve` alone

        self.look_over()  # what is wrong shall show before the first hour
        return engine(self)

    def worker(self) -> Engine:
        """Give one of many workers that share the database, after a look whether it could work.

        Raises:
            SettingsError: the database is none that can be shared, or the secret is not the same for all.

        """
        if not self.database.on_postgresql:  # before a library is missed that SQLite does not need
            raise SettingsError(
                "`digest worker` needs a database on PostgreSQL; SQLite has no queue, `digest serve` does it all there"
            )
        from digest.app.crew import engine  # noqa: PLC0415 - needs the extra `postgres`

        self.press, self.tokens, self.transport  # noqa: B018 - what is wrong shall show before the first job
        return engine(self)

    @cached_property
    def readers(self) -> Readers:
        """What is done to readers."""
        return Readers(settings=self.settings, tokens=self.tokens)

    @cached_property
    def inbound(self) -> Inbound:
        """What reads readers' mail."""
        return Inbound(
            database=self.database,
            readers=self.readers,
            settings=self.settings,
            clock=self.clock,
            wording=self._wording,
            transport=self.transport,
        )

    def notify(self) -> Counter[DeliveryState]:
        """Send the letters to single readers that are due."""
        return notify(
            self.database,
            self.transport,
            write=Correspondent(self.settings, self.press, self.tokens, signers=self.signers),
            clock=self.clock,
        )

    def invite(self, list_name: str, address: str) -> Subscriber:
        """Ask a reader by mail, in the operator's name, whether he wants to be one; one who is active is left alone.

        Raises:
            AddressError: the text is no address, or mail to it is suppressed or refused.
            TransportError: the letter could not be sent yet; it is tried again by `digest serve`.

        """
        parsed = read_address(address)
        language = self.settings.list_named(list_name).language
        asker = Asker(door=Door.OPERATOR, wording=self._wording(language))
        with self.database.transaction() as connection:
            known = subscribers.find(connection, list_name, parsed.key)
            if known is not None and known.state is SubscriberState.ACTIVE:
                return known
            command = Command(act=Act.SUBSCRIBE)
            letter = self.readers.request(
                connection, list_name, parsed, [command], asker=asker, now=self.clock()
            )
            if letter is None:
                reason = self.readers.suppression(connection, parsed)
                if reason is None or parsed.domain in self.settings.signup.refused_domains:
                    raise AddressError(f"{parsed.display}: its domain is one of signup.refused_domains")
                raise must_not_be_mailed(parsed, reason, door=Door.OPERATOR)
        self.notify()
        with self.database.transaction() as connection:
            state, said = notices.outcome(connection, letter)
            pending = subscribers.find(connection, list_name, parsed.key)
        if state is not DeliveryState.SENT or pending is None:
            raise TransportError(f"the letter to {address} is not sent yet: {said}")
        return pending

    def door(self, handle: Handle | None = None) -> "Mailbox | Listener | maildir.Folder | None":
        """Give what readers' mail comes in by and is handed to `handle`, or None where the settings name nothing."""
        from digest.app.doors import door  # noqa: PLC0415 - each door's library only where mail is read

        return door(self.settings, handle or self.inbound.handle, takes=self.inbound.takes)

    def site(self, notify: Callable[[], object]) -> "Starlette":
        """Give the readers' pages; `notify` hears when there are letters to send."""
        from digest.web import make_site  # noqa: PLC0415 - the web framework, which few commands need
        from digest.web.desk import Desk  # noqa: PLC0415

        return make_site(
            Desk(
                settings=self.settings,
                database=self.database,
                readers=self.readers,
                press=self.press,
                tokens=self.tokens,
                clock=self.clock,
                notify=notify,
            )
        )

    def forget(self) -> Counter[str]:
        """Forget what has been kept as long as the settings say, and count what."""
        with self.database.transaction() as connection:
            return privacy.expire(
                connection,
                self.settings.retention,
                fingerprint=self.readers.fingerprint,
                now=self.clock(),
            )

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Name the sources that a list draws on."""
        return self.settings.list_named(name).sources or tuple(self.settings.sources)

    def _send_now(self, mails: Sequence[Mail]) -> list[tuple[str, Reply]]:
        """Send mails that stand in no ledger; who asked for them is there to hear how it went."""
        with self.transport.connect() as session:
            return [
                (
                    mail.recipient,
                    session.send(
                        envelope_from=mail.envelope_from, recipient=mail.recipient, message=mail.message
                    ),
                )
                for mail in mails
            ]

    def _wording(self, language: str | None) -> str:
        """Give the version of the words of the letter that asks a reader whether it was he."""
        return self.press.version("email/confirm/body.txt.j2", language or "en")

    @property
    def _folder(self) -> Path:
        return self.settings.base / self.settings.folder

    @property
    def _max_bytes(self) -> int:
        return self.settings.fetch.max_megabytes * 1_000_000

    def _source(self, name: str, wanted: config.Source) -> Source:
        if wanted.kind == "folder":
            path = locate(Path(wanted.path), self.settings.base)
            return Folder(name, path, max_bytes=self._max_bytes)
        if wanted.kind == "page":
            return Page(name, wanted.url, fetcher=self.fetcher)
        with self.database.transaction() as connection:
            validators = sources.validators(connection, name)
        return Feed(name, wanted.url, fetcher=self.fetcher, validators=validators)
