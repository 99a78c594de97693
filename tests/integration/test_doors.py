"""What each door promises of the mails that it brings in: a real Dovecot, real sockets, a real Maildir."""

import itertools
import logging
import os
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from conftest import Need
from dovecot import PASSWORD, Dovecot
from hypothesis import given
from hypothesis import strategies as st
from makers import UNTIMED
from smtp_server import Certificate

from digest.doors import persist
from digest.doors.imap import KEYWORD, Mailbox
from digest.doors.lmtp import Listener
from digest.doors.maildir import Folder
from digest.errors import SettingsError, StoreError, TransportError
from digest.received import Envelope

US = "digest@digest.example"
PATIENCE = 30  # seconds, on a machine that does much else


def mail(subject: str, *, size: int = 0) -> bytes:
    return f"From: reader@mail.example\r\nSubject: {subject}\r\n\r\nhello\r\n{'x' * size}\r\n".encode()


class Desk:
    """A `handle` that writes down what it gets: `wait` for so many mails; `answers` are given to the next ones."""

    def __init__(self, *answers: str | Exception | Callable[[], str]) -> None:
        self.answers = list(answers)
        self.mails: list[tuple[bytes, Envelope]] = []
        self._came = threading.Condition()

    def __call__(self, content: bytes, envelope: Envelope) -> str:
        with self._came:
            self.mails.append((content, envelope))
            answer = self.answers.pop(0) if self.answers else "handled"
            self._came.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def subjects(self) -> list[str]:
        return [
            line.partition(b": ")[2].decode()
            for content, _ in self.mails
            for line in content.split(b"\r\n")
            if line.startswith(b"Subject:")
        ]

    def wait(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.mails) >= count, PATIENCE), self.subjects


@contextmanager
def running(door: Mailbox | Listener | Folder) -> Iterator[threading.Event]:
    """Let a door run for the block; at its end it must stop by itself."""
    stop = threading.Event()
    thread = threading.Thread(target=door.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- what all doors do when something fails


class Waits(threading.Event):
    """A stop that is set after so many waits, and tells how long each would have been."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.seconds: list[float | None] = []
        self._count = count

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        if len(self.seconds) == self._count:
            self.set()
        return self.is_set()


def test_a_door_tries_again_later_and_later_with_one_line_each_time(caplog: pytest.LogCaptureFixture) -> None:
    stop = Waits(7)

    def fail() -> None:
        raise TransportError("nobody answers")

    persist(fail, stop, name="the door")
    assert stop.seconds == [1, 5, 15, 60, 300, 300, 300]
    assert complaints(caplog) == [f"nobody answers; trying again in {wait} s" for wait in stop.seconds]


def test_a_door_that_works_again_forgets_its_failures() -> None:
    stop = Waits(4)
    script = iter([StoreError("no"), StoreError("no"), None, StoreError("no"), StoreError("no")])

    def work() -> None:
        if error := next(script):
            raise error

    persist(work, stop, name="the door")
    assert stop.seconds == [1, 5, 1, 5]


def test_a_bug_in_a_door_is_shown_and_the_door_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    stop = Waits(2)

    def fail() -> None:
        raise LookupError("a bug")

    persist(fail, stop, name="the door")
    assert complaints(caplog) == ["the door failed; this is a bug; trying again in 300 s"] * 2
    assert "LookupError: a bug" in caplog.text


# --- a Maildir


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (tmp_path / "inbox" / name).mkdir(parents=True)
    return tmp_path / "inbox"


def drop(box: Path, name: str, content: bytes) -> None:
    (box / "tmp" / name).write_bytes(content)
    (box / "tmp" / name).rename(box / "new" / name)


def lies(box: Path) -> dict[str, list[str]]:
    return {part: sorted(path.name for path in (box / part).iterdir()) for part in ("new", "cur")}


def test_a_maildir_is_emptied_oldest_first_and_its_mails_are_marked_as_read(box: Path) -> None:
    for number, name in enumerate(("c", "a", "b")):
        drop(box, name, mail(name))
        os.utime(box / "new" / name, (number, number))
    desk = Desk()
    assert Folder(handle=desk, path=box).once() == 3
    assert desk.subjects == ["c", "a", "b"]
    assert [envelope for _, envelope in desk.mails] == [Envelope()] * 3
    assert lies(box) == {"new": [], "cur": ["a:2,S", "b:2,S", "c:2,S"]}
    assert Folder(handle=desk, path=box).once() == 0


def test_what_is_none_of_ours_lies_in_the_maildir_unread(box: Path) -> None:
    drop(box, "other", mail("other"))
    assert Folder(handle=Desk(""), path=box).once() == 0
    assert lies(box) == {"new": [], "cur": ["other:2,"]}


def test_a_mail_that_is_too_large_is_not_read_but_named_once(
    box: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drop(box, "large", mail("large", size=1000))
    drop(box, "small", mail("small"))
    desk = Desk()
    folder = Folder(handle=desk, path=box, max_bytes=500)
    assert (folder.once(), folder.once()) == (1, 0)
    assert desk.subjects == ["small"]
    assert lies(box) == {"new": [], "cur": ["large:2,", "small:2,S"]}
    [line] = complaints(caplog)
    assert line.endswith("a mail of 1054 octets is too large and left alone")


def test_where_the_database_refuses_all_mails_stay_in_the_maildir(box: Path) -> None:
    drop(box, "a", mail("a"))
    drop(box, "b", mail("b"))
    desk = Desk(StoreError("the disk is full"))
    folder = Folder(handle=desk, path=box)
    with pytest.raises(StoreError):
        folder.once()
    assert lies(box) == {"new": ["a", "b"], "cur": []}
    assert folder.once() == 2


@pytest.mark.parametrize("error", [TransportError("no line"), LookupError("a bug")])
def test_one_mail_that_cannot_be_handled_does_not_stop_the_others(
    box: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    drop(box, "a", mail("a"))
    drop(box, "b", mail("b"))
    assert Folder(handle=Desk(error), path=box).once() == 1
    assert lies(box) == {"new": ["a"], "cur": ["b:2,S"]}
    assert len(complaints(caplog)) == 1


def test_only_plain_files_are_mails(box: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(mail("elsewhere"))
    (box / "new/link").symlink_to(tmp_path / "elsewhere")
    (box / "new/folder").mkdir()
    os.mkfifo(box / "new/pipe")  # would be read until somebody writes
    drop(box, ".hidden", mail("hidden"))
    desk = Desk()
    assert Folder(handle=desk, path=box).once() == 0
    assert desk.mails == []


def test_flags_that_a_mail_has_already_do_not_pile_up(box: Path) -> None:
    drop(box, "1.host:2,", mail("a"))
    Folder(handle=Desk(), path=box).once()
    assert lies(box)["cur"] == ["1.host:2,S"]


def test_a_maildir_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert Folder(handle=Desk(), path=tmp_path / "var/inbox").once() == 0
    assert lies(tmp_path / "var/inbox") == {"new": [], "cur": []}


def test_a_maildir_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file")
    with pytest.raises(TransportError, match=r"the Maildir \S+/inbox cannot be used: "):
        Folder(handle=Desk(), path=tmp_path / "inbox").once()


def test_a_maildir_is_looked_into_until_it_is_told_to_stop(box: Path) -> None:
    desk = Desk()
    with running(Folder(handle=desk, path=box, poll_seconds=0.01)):
        drop(box, "a", mail("a"))
        desk.wait(1)
        drop(box, "b", mail("b"))
        desk.wait(2)
    assert desk.subjects == ["a", "b"]


def test_a_maildir_stops_at_once_however_long_it_waits(box: Path) -> None:
    drop(box, "a", mail("a"))
    desk = Desk()
    with running(Folder(handle=desk, path=box, poll_seconds=3600)):
        desk.wait(1)
    assert desk.subjects == ["a"]


# --- an IMAP mailbox


@pytest.fixture(scope="session")
def certificate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(need("openssl"), tmp_path_factory.mktemp("certificate"))


def started(need: Need, **settings: Any) -> Dovecot:
    program = need("dovecot")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Dovecot must be started by root")
    return Dovecot(program, **settings)


@pytest.fixture(scope="module")
def server(need: Need, certificate: Certificate) -> Iterator[Dovecot]:
    with started(need, certificate=certificate) as dovecot:
        yield dovecot


_numbers = itertools.count()


class Account:
    """A mailbox of its own for one test."""

    def __init__(self, server: Dovecot) -> None:
        self.server = server
        self.address = f"digest{next(_numbers)}@digest.example"

    def gets(self, content: bytes) -> None:
        self.server.deliver(content, to=self.address.replace("@", "+subscribe@"))

    def door(self, desk: Desk, **settings: Any) -> Mailbox:
        usual = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "username": self.address,
            "password": PASSWORD,
            "security": "none",
        }
        return Mailbox(handle=desk, **{**usual, **settings})

    def flags(self, mailbox: str = "INBOX") -> dict[str, set[str]]:
        """Give the flags of each mail in a mailbox by its subject."""
        with self.server.client(self.address) as client:
            client.select_folder(mailbox, readonly=True)
            found = client.fetch(client.search("ALL"), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
        return {
            one[b"BODY[HEADER.FIELDS (SUBJECT)]"].decode().strip().removeprefix("Subject: "): {
                flag.decode() for flag in one[b"FLAGS"]
            }
            - {"\\Recent"}
            for one in found.values()
        }


@pytest.fixture
def account(server: Dovecot) -> Account:
    return Account(server)


HANDLED = {"\\Seen", KEYWORD}


def test_what_is_handled_is_marked_as_seen_and_with_our_keyword_and_not_read_again(account: Account) -> None:
    account.gets(mail("a"))
    account.gets(mail("b"))
    seen_by_then = []
    desk = Desk(lambda: str(seen_by_then.append(account.flags()["a"]) or "handled"))
    door = account.door(desk)
    assert (door.once(), door.once()) == (2, 0)
    assert desk.subjects == ["a", "b"]
    assert seen_by_then == [set()], "reading it does not mark it; only that it is handled does"
    assert account.flags() == {"a": HANDLED, "b": HANDLED}


def test_the_address_that_a_mail_was_delivered_for_stands_in_what_is_read(account: Account) -> None:
    account.gets(mail("a"))
    desk = Desk()
    account.door(desk).once()
    [(content, envelope)] = desk.mails
    assert f"Delivered-To: {account.address.replace('@', '+subscribe@')}".encode() in content
    assert envelope == Envelope()


def test_what_is_none_of_ours_stays_unread_and_is_asked_about_once(account: Account) -> None:
    account.gets(mail("other"))
    desk = Desk("")
    door = account.door(desk)
    assert (door.once(), door.once()) == (0, 0)
    assert len(desk.mails) == 1
    assert account.flags() == {"other": {KEYWORD}}


def test_what_somebody_has_read_or_deleted_is_not_handled(account: Account) -> None:
    for subject in ("read", "deleted"):
        account.gets(mail(subject))
    with account.server.client(account.address) as client:
        client.add_flags([1], [rb"\Seen"])
        client.add_flags([2], [rb"\Deleted"])
    desk = Desk()
    assert account.door(desk).once() == 0
    assert desk.mails == []


def test_a_mail_that_is_too_large_is_not_fetched_but_named_once_and_stays_unread(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.gets(mail("large", size=900) + b"more lines\r\n" * 1000)
    account.gets(mail("small"))
    desk = Desk()
    door = account.door(desk, max_bytes=2000)
    assert (door.once(), door.once()) == (1, 0)
    assert desk.subjects == ["small"]
    assert account.flags() == {"large": {KEYWORD}, "small": HANDLED}
    [line] = complaints(caplog)
    assert line.endswith("octets is too large and left alone")


def test_what_is_done_moves_to_another_mailbox(account: Account) -> None:
    account.gets(mail("ours"))
    account.gets(mail("other"))
    assert account.door(Desk("handled", ""), done_mailbox="Done").once() == 1
    assert account.flags() == {"other": {KEYWORD}}
    assert account.flags("Done") == {"ours": HANDLED}


OLD = "IMAP4rev1 SASL-IR LITERAL+"


@pytest.mark.parametrize(
    ("capability", "left"),
    [
        (f"{OLD} UIDPLUS", {"theirs": {"\\Deleted"}}),
        (OLD, {"theirs": {"\\Deleted"}, "ours": {"\\Deleted", *HANDLED}}),
    ],
)
def test_a_server_without_move_loses_no_mail_that_somebody_else_has_deleted(
    need: Need, capability: str, left: dict[str, set[str]]
) -> None:
    with started(need, capability=capability) as server:
        account = Account(server)
        account.gets(mail("theirs"))
        account.gets(mail("ours"))
        with server.client(account.address) as client:
            client.add_flags([1], [rb"\Deleted"])
        assert account.door(Desk(), done_mailbox="Done").once() == 1
        assert account.flags() == left
        assert account.flags("Done") == {"ours": HANDLED}


def test_a_new_mail_is_handled_while_the_door_waits_in_idle(account: Account) -> None:
    """It would look again in an hour only."""
    account.gets(mail("there before"))
    desk = Desk()
    with Proxy(account.server.port) as line, running(account.door(desk, port=line.port, poll_seconds=3600)):
        for number, subject in enumerate(("first", "second"), 1):
            line.wait_for(b"+ idling", number)
            account.gets(mail(subject))
        desk.wait(3)
    assert desk.subjects == ["there before", "first", "second"]
    assert account.flags() == dict.fromkeys(desk.subjects, HANDLED)


def test_a_server_without_idle_is_asked_every_so_often_and_the_door_stops_at_once(need: Need) -> None:
    with started(need, capability=OLD) as server:
        account = Account(server)
        desk = Desk()
        with running(account.door(desk, poll_seconds=0.05)):
            account.gets(mail("a"))
            desk.wait(1)
        with running(account.door(desk, poll_seconds=3600)):
            account.gets(mail("b"))
    assert desk.subjects[0] == "a"


def test_a_door_whose_server_comes_up_later_finds_it(need: Need, caplog: pytest.LogCaptureFixture) -> None:
    server = started(need)
    account = Account(server)
    desk = Desk()
    with running(account.door(desk)):
        while not complaints(caplog):
            threading.Event().wait(0.01)
        with server:
            account.gets(mail("a"))
            desk.wait(1)
            desk.answers.append("handled")
    assert "cannot be read: Connection refused; check that the server runs" in complaints(caplog)[0]
    assert complaints(caplog)[0].endswith("; trying again in 1 s")


def test_a_line_that_dies_in_idle_is_opened_again(account: Account) -> None:
    desk = Desk()
    with Proxy(account.server.port) as line, running(account.door(desk, port=line.port, poll_seconds=3600)):
        line.wait_for(b"+ idling", 1)
        line.cut()
        account.gets(mail("a"))
        desk.wait(1)
    assert desk.subjects == ["a"]


class Proxy:
    """Passes connections on to a port, until they are cut; one can wait for what the server says."""

    def __init__(self, port: int) -> None:
        self._said = b""
        self._more = threading.Condition()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)
        for line in (self._listener, *self._lines):
            line.close()

    def wait_for(self, words: bytes, times: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: self._said.count(words) >= times, PATIENCE), self._said

    def cut(self) -> None:
        for line in self._lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is cut already

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._lines += (near, far)
            for one, other in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=self._copy, args=(one, other, one is far)))
                self._threads[-1].start()

    def _copy(self, source: socket.socket, target: socket.socket, is_server: bool) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
                with self._more:
                    self._said += data * is_server
                    self._more.notify_all()
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


def test_where_the_database_refuses_all_mails_stay_unseen(account: Account) -> None:
    account.gets(mail("a"))
    account.gets(mail("b"))
    door = account.door(Desk(StoreError("the disk is full")))
    with pytest.raises(StoreError):
        door.once()
    assert account.flags() == {"a": set(), "b": set()}
    assert door.once() == 2


@pytest.mark.parametrize("error", [TransportError("no line"), LookupError("a bug")])
def test_one_unlucky_mail_does_not_keep_the_others_waiting(
    account: Account, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    account.gets(mail("a"))
    account.gets(mail("b"))
    door = account.door(Desk(error))
    assert door.once() == 1
    assert account.flags() == {"a": set(), "b": HANDLED}
    assert len(complaints(caplog)) == 1
    assert door.once() == 1, "it is tried again"


def test_a_door_that_is_killed_between_handling_and_marking_brings_the_mail_again(account: Account) -> None:
    account.gets(mail("a"))

    def die() -> str:
        raise SystemExit

    with pytest.raises(SystemExit):
        account.door(Desk(die)).once()
    assert account.flags() == {"a": set()}
    assert account.door(Desk()).once() == 1


@pytest.mark.parametrize(("security", "port"), [("tls", "tls_port"), ("starttls", "port")])
def test_a_mailbox_is_read_over_an_encrypted_line(
    account: Account, certificate: Certificate, security: str, port: str
) -> None:
    account.gets(mail("a"))
    where = {"host": "localhost", "port": getattr(account.server, port), "security": security}
    with pytest.raises(TransportError, match=r"self.signed certificate; check the host name, or set ca_file"):
        account.door(Desk(), **where).once()
    with pytest.raises(TransportError, match=r"IP address mismatch.*; check the host name"):
        account.door(Desk(), **{**where, "host": "127.0.0.1"}, ca_file=certificate.file).once()
    assert account.door(Desk(), **where, ca_file=certificate.file).once() == 1


def test_a_server_that_offers_no_encryption_hears_no_password(need: Need) -> None:
    with started(need) as server:
        account = Account(server)
        with pytest.raises(TransportError, match="STARTTLS"):
            account.door(Desk(), host="localhost", security="starttls").once()
        assert account.address not in server.log
        assert "no auth attempts" in server.log


def test_a_wrong_password_is_reported_without_showing_it(account: Account) -> None:
    door = account.door(Desk(), password="wrong-pony")  # noqa: S106 - of nobody
    with pytest.raises(TransportError) as refused:
        door.once()
    assert "Authentication failed.; check the user name and the password" in str(refused.value)
    assert "wrong-pony" not in str(refused.value) + repr(door)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "imap.example", "security": "none"}, "the password would be sent unencrypted"),
        ({"password": ""}, "set a user name and a password"),
        ({"password": "pässword"}, "must be ASCII"),
        ({"mailbox": "Done", "done_mailbox": "Done"}, "must be another one than mailbox"),
    ],
)
def test_settings_of_a_mailbox_that_contradict_each_other_are_refused(
    settings: dict[str, Any], said: str
) -> None:
    usual = {"handle": Desk(), "host": "localhost", "port": 143, "username": "ada", "password": "x"}
    with pytest.raises(SettingsError, match=said):
        Mailbox(**{**usual, **settings})


def test_a_mailbox_that_is_not_there_is_named(account: Account) -> None:
    with pytest.raises(TransportError, match=r"the mailbox Post of digest\S+ at \S+ cannot be read: .*Post"):
        account.door(Desk(), mailbox="Post").once()


# --- LMTP and SMTP


class Wire:
    """A client that says what it likes, line by line."""

    def __init__(self, line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        self._line = line
        self._file = line.makefile("rb")
        self.greeting = self.reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._line.close()

    def send(self, octets: bytes) -> None:
        self._line.sendall(octets)

    def say(self, line: str) -> str:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def reply(self) -> str:
        """Give the last line of a reply."""
        while (line := self._file.readline().decode())[3:4] == "-":
            pass
        return line.strip()

    @property
    def over(self) -> bool:
        """Whether the other side has hung up."""
        try:
            return self._file.readline() == b""
        except ConnectionResetError:
            return True

    def begin(self, *recipients: str, sender: str = "reader@mail.example") -> list[str]:
        """Say hello and name an envelope, up to DATA's 354."""
        hello = "LHLO" if self.say("LHLO mail.example").startswith("250") else "EHLO"
        self.say(f"{hello} mail.example")
        said = [self.say(f"MAIL FROM:<{sender}>")]
        return [*said, *(self.say(f"RCPT TO:<{to}>") for to in recipients), self.say("DATA")]


class Service:
    """A listener that runs for a test."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def connect(self) -> Wire:
        """Connect, as soon as it listens."""
        for _ in range(PATIENCE * 100):
            family = socket.AF_INET if self.listener.socket is None else socket.AF_UNIX
            line = socket.socket(family)
            where = (
                ("127.0.0.1", self.listener.port)
                if self.listener.socket is None
                else str(self.listener.socket)
            )
            if line.connect_ex(where) == 0:
                return Wire(line)
            line.close()
            threading.Event().wait(0.01)
        raise AssertionError("nobody listens")


def ours(address: str) -> bool:
    return address.casefold().startswith("digest") and address.endswith("@digest.example")


def listener(tmp_path: Path, desk: Desk, protocol: str = "lmtp", **settings: Any) -> Listener:
    """Give an LMTP listener on a socket, or an SMTP listener on a port."""
    where: dict[str, Any] = {"socket": tmp_path / "lmtp"}
    if protocol == "smtp":
        with socket.create_server(("127.0.0.1", 0)) as free:
            where = {"host": "127.0.0.1", "port": free.getsockname()[1]}
    return Listener(handle=desk, takes=ours, **{"protocol": protocol, **where, **settings})


@contextmanager
def listening(tmp_path: Path, desk: Desk, protocol: str = "lmtp", **settings: Any) -> Iterator[Service]:
    service = Service(listener(tmp_path, desk, protocol, **settings))
    with running(service.listener):
        with service.connect():
            pass
        yield service


both = pytest.mark.parametrize("protocol", ["lmtp", "smtp"])


@both
def test_a_mail_is_handled_with_its_envelope_and_as_it_came(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        assert wire.begin("digest+subscribe@digest.example", sender="Ada@Mail.example")[-1].startswith("354")
        wire.send(b"Subject: a\r\n\r\n..\r\n..a dot\r\nJos\xe9\r\n.\r\n")
        assert wire.reply() == "250 2.0.0 handled"
    [(content, envelope)] = desk.mails
    assert content == b"Subject: a\r\n\r\n.\r\n.a dot\r\nJos\xe9\r\n"
    assert envelope == Envelope(sender="Ada@Mail.example", recipients=("digest+subscribe@digest.example",))


@both
def test_the_null_sender_is_told_from_an_unknown_one(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        wire.begin(US, sender="")
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        wire.reply()
    assert desk.mails[0][1].sender == ""


@both
def test_who_is_not_ours_is_refused_before_the_mail(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        said = wire.begin("nobody@digest.example", US, "digest@elsewhere.example")
        assert [line[:9] for line in said[1:4]] == ["550 5.1.1", "250 2.1.5", "550 5.1.1"]
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        wire.reply()
        assert wire.say("QUIT").startswith("221")
    assert desk.mails[0][1].recipients == (US,)


@both
def test_a_mail_to_nobody_of_ours_is_never_taken(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        assert wire.begin("nobody@digest.example")[-1].startswith("503")
    assert desk.mails == []


def test_lmtp_answers_once_for_each_recipient(tmp_path: Path) -> None:
    desk = Desk("handled", StoreError("locked"), "")
    with listening(tmp_path, desk) as service, service.connect() as wire:
        for code in ("250 2.0.0", "451 4.3.0", "550 5.1.1"):
            wire.begin("digest+a@digest.example", "nobody@digest.example", "digest+b@digest.example")
            wire.send(b"Subject: a\r\n\r\n.\r\n")
            assert [wire.reply()[:9], wire.reply()[:9]] == [code, code]
            assert wire.say("NOOP").startswith("250"), "and not once more"
    assert len(desk.mails) == 3


def test_smtp_answers_once_for_all_recipients(tmp_path: Path) -> None:
    with listening(tmp_path, Desk(), "smtp") as service, service.connect() as wire:
        wire.begin("digest+a@digest.example", "digest+b@digest.example")
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        assert wire.reply().startswith("250 2.0.0")
        assert wire.say("VRFY digest").startswith("252"), "and not once more"


@both
@pytest.mark.parametrize("error", [StoreError("locked"), TransportError("no line"), LookupError("a bug")])
def test_a_mail_that_cannot_be_handled_now_is_put_off(
    tmp_path: Path, protocol: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(tmp_path, Desk(error), protocol) as service, service.connect() as wire:
        for code in ("451 4.3.0", "250 2.0.0"):
            wire.begin(US)
            wire.send(b"Subject: a\r\n\r\n.\r\n")
            assert wire.reply().startswith(code)
    assert len(complaints(caplog)) == 1


@both
def test_a_mail_that_is_too_large_is_refused_before_and_after_it_came(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol, max_bytes=1000) as service, service.connect() as wire:
        hello = "LHLO" if protocol == "lmtp" else "EHLO"
        wire.send(f"{hello} mail.example\r\n".encode())
        offered = [wire._file.readline().decode().strip()]
        while offered[-1][3] == "-":
            offered.append(wire._file.readline().decode().strip())
        assert "250-SIZE 1000" in offered
        assert not [line for line in offered if "AUTH" in line or "STARTTLS" in line]
        assert wire.say("MAIL FROM:<reader@mail.example> SIZE=1001").startswith("552")
        wire.begin("digest+a@digest.example", "digest+b@digest.example")
        wire.send(b"Subject: a\r\n\r\n" + b"x" * 98 + b"\r\n" + (b"y" * 98 + b"\r\n") * 10 + b".\r\n")
        assert [wire.reply()[:3] for _ in range(2 if protocol == "lmtp" else 1)] == ["552"] * (
            2 if protocol == "lmtp" else 1
        )
        assert wire.say("NOOP").startswith("250")
    assert desk.mails == []


@both
def test_a_line_that_is_too_long_is_refused(tmp_path: Path, protocol: str) -> None:
    desk = Desk()
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        wire.begin(US)
        wire.send(b"Subject: a\r\n\r\n" + b"x" * 2000 + b"\r\n.\r\n")
        assert wire.reply().startswith("500")
        assert wire.say("NOOP").startswith("250")
    assert desk.mails == []


@both
@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\r\n.\r\r\n"])
def test_a_smuggled_end_never_makes_two_mails_of_one(tmp_path: Path, protocol: str, end: bytes) -> None:
    """CVE-2023-51764 and its kin: what only one of two servers takes for the end of a mail."""
    desk = Desk()
    second = b"MAIL FROM:<boss@digest.example>\r\nRCPT TO:<digest@digest.example>\r\nDATA\r\nSubject: second\r\n\r\n"
    with listening(tmp_path, desk, protocol) as service, service.connect() as wire:
        wire.begin(US)
        wire.send(b"Subject: first\r\n\r\nhello" + end + second + b"\r\n.\r\n")
        assert wire.reply().startswith("250 2.0.0")
        assert wire.say("NOOP").startswith("250")
    assert len(desk.mails) == 1
    assert desk.mails[0][0].startswith(b"Subject: first")


@both
def test_nobody_can_sign_in(tmp_path: Path, protocol: str) -> None:
    with listening(tmp_path, Desk(), protocol) as service, service.connect() as wire:
        wire.begin(US)
        wire.send(b".\r\n")
        wire.reply()
        assert wire.say("AUTH PLAIN AGFkYQBwYXNzd29yZA==")[0] == "5"
        assert wire.say("AUTH LOGIN")[0] == "5"


@both
def test_a_hundred_recipients_are_taken_and_the_next_one_is_put_off(tmp_path: Path, protocol: str) -> None:
    with listening(tmp_path, Desk(), protocol) as service, service.connect() as wire:
        said = wire.begin(*(f"digest+{number}@digest.example" for number in range(101)))
        assert {line[:3] for line in said[1:101]} == {"250"}
        assert said[101].startswith("452 4.5.3")


def test_an_address_of_any_script_is_taken_and_one_of_broken_octets_breaks_nothing(tmp_path: Path) -> None:
    desk = Desk()
    with listening(tmp_path, desk) as service, service.connect() as wire:
        wire.say("LHLO mail.example")
        assert wire.say("MAIL FROM:<用户@mail.example> SMTPUTF8").startswith("250")
        wire.send(b"RCPT TO:<digest+\xff\xfe@digest.example>\r\n")
        wire.reply()
        assert wire.say(f"RCPT TO:<{US}>").startswith("250")
        assert wire.say("DATA").startswith("354")
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        assert wire.reply().startswith("250")
    sender = desk.mails[0][1].sender
    assert sender == "用户@mail.example"
    assert all(one.encode() for one in desk.mails[0][1].recipients)


@given(st.binary(max_size=200))
@UNTIMED
def test_whatever_a_client_says_the_next_one_is_heard(everlasting: Service, octets: bytes) -> None:
    with everlasting.connect() as wire:
        wire.send(b"LHLO x\r\n" + octets + b"\r\nQUIT\r\n")
    with everlasting.connect() as wire:
        assert wire.begin(US)[-1].startswith("354")


@pytest.fixture(scope="module")
def everlasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with listening(tmp_path_factory.mktemp("listener"), Desk()) as service:
        yield service


def test_a_line_without_an_end_is_cut_off(tmp_path: Path) -> None:
    """Its octets would be kept until the memory is full."""
    desk = Desk()
    with listening(tmp_path, desk, max_bytes=1000) as service, service.connect() as wire:
        wire.begin(US)
        try:
            for _ in range(100):
                wire.send(b"x" * 100_000)
        except OSError:
            pass
        else:
            assert wire.over
    assert desk.mails == []


def test_one_client_too_many_is_asked_to_come_back(tmp_path: Path) -> None:
    with listening(tmp_path, Desk()) as service:
        wires = [service.connect() for _ in range(20)]
        with service.connect() as wire:
            assert wire.greeting.startswith("421")
            assert wire.over
        for one in wires:
            assert one.say("LHLO x").startswith("250")
            with one:
                pass
        while True:  # until the listener has seen that they are gone
            with service.connect() as wire:
                if wire.greeting.startswith("220"):
                    break


def test_a_client_that_hangs_up_in_the_middle_of_a_mail_leaves_nothing(tmp_path: Path) -> None:
    desk = Desk()
    with listening(tmp_path, desk) as service:
        with service.connect() as wire:
            wire.begin(US)
            wire.send(b"Subject: half\r\n\r\nhel")
        with service.connect() as wire:
            wire.begin(US)
            wire.send(b"Subject: whole\r\n\r\n.\r\n")
            wire.reply()
    assert desk.subjects == ["whole"]


def test_a_mail_at_work_is_answered_before_the_listener_stops(tmp_path: Path) -> None:
    going_on = threading.Event()
    desk = Desk(lambda: str(going_on.wait(PATIENCE) and "handled"))
    service = Service(listener(tmp_path, desk))
    with running(service.listener) as stop, service.connect() as idle, service.connect() as wire:
        wire.begin(US)
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        desk.wait(1)
        stop.set()
        assert idle.over, "who says nothing is not waited for"
        going_on.set()
        assert wire.reply() == "250 2.0.0 handled"
        assert wire.over
    assert not (tmp_path / "lmtp").exists()


def test_mails_are_handled_beside_each_other_but_not_too_many(tmp_path: Path) -> None:
    together = threading.Barrier(5)  # four workers and this test
    desk = Desk(*[lambda: str(together.wait(PATIENCE)) + " handled"] * 4)
    with listening(tmp_path, desk) as service:
        wires = [service.connect() for _ in range(5)]
        for wire in wires:
            wire.begin(US)
            wire.send(b"Subject: a\r\n\r\n.\r\n")
        desk.wait(4)
        assert len(desk.mails) == 4, "the fifth waits for its turn"
        together.wait(PATIENCE)
        for wire in wires:
            assert wire.reply().startswith("250")
            with wire:
                pass
    assert len(desk.mails) == 5


def test_the_log_of_a_listener_names_no_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with listening(tmp_path, Desk(StoreError("locked"))) as service, service.connect() as wire:
        wire.begin(US, sender="ada.private@mail.example")
        wire.send(b"Subject: a\r\n\r\n.\r\n")
        wire.reply()
    assert "a mail is put off: locked" in caplog.text
    assert "ada.private" not in caplog.text


def test_only_owner_and_group_may_use_the_socket(tmp_path: Path) -> None:
    with listening(tmp_path, Desk()):
        assert (tmp_path / "lmtp").stat().st_mode & 0o777 == 0o660


def test_a_socket_that_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "lmtp"))
    with listening(tmp_path, Desk()) as service, service.connect() as wire:
        assert wire.say("LHLO x").startswith("250")


def test_a_socket_where_somebody_listens_is_left_to_him(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    with listening(tmp_path, desk) as service:
        second = Service(service.listener)
        stop = Waits(1)
        second.listener.run(stop)
        assert complaints(caplog) == [
            f"the LMTP listener on {tmp_path}/lmtp cannot be opened: another process listens there; trying again in 1 s"
        ]
        with service.connect() as wire:
            assert wire.say("LHLO x").startswith("250")


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "lmtp").write_text("precious")
    listener(tmp_path, Desk()).run(Waits(1))
    assert (tmp_path / "lmtp").read_text() == "precious"
    assert "is there and is no socket" in complaints(caplog)[0]


def test_smtplib_can_speak_to_it(tmp_path: Path) -> None:
    desk = Desk()
    with listening(tmp_path, desk), smtplib.LMTP(str(tmp_path / "lmtp")) as client:
        refused = client.sendmail("reader@mail.example", [US, "nobody@digest.example"], mail("a"))
    assert {to: code for to, (code, _) in refused.items()} == {"nobody@digest.example": 550}
    assert desk.subjects == ["a"]
