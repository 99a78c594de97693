"""A stream of mails over several lines: each comes back once, with what became of it."""

import os
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Self

import pytest
from conftest import Need
from ports import free_port
from postfix import Postfix
from smtp_server import Certificate, Smtpd

from digest.errors import TransportError
from digest.model import Mail, Reply
from digest.protocols import Pause
from digest.transport.smtp import Smtp

MAIL = b"Subject: one\r\n\r\n.a line that begins with a dot\r\n..\r\n.\r\nlast\r\n"
SOON = 0.5  # seconds that a stalled server is waited for


@pytest.fixture(params=[True, False], ids=["pipelined", "step by step"])
def server(request: pytest.FixtureRequest) -> Iterator[Smtpd]:
    with Smtpd(pipelining=request.param) as running:
        yield running


@pytest.fixture
def pipelined() -> Iterator[Smtpd]:
    with Smtpd(pipelining=True) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(need("openssl"), tmp_path_factory.mktemp("certificate"))


def smtp(port: int, **settings: object) -> Smtp:
    defaults = {"host": "127.0.0.1", "port": port, "security": "none", "hello_name": "digest.test"}
    return Smtp(**{**defaults, "timeout_seconds": 5, "connections": 1, **settings})


def mails(count: int, message: bytes = MAIL) -> list[Mail]:
    return [
        Mail(envelope_from="d@example.net", recipient=reader(number), message=b"X: %d\r\n" % number + message)
        for number in range(1, count + 1)
    ]


def reader(number: int) -> str:
    return f"reader{number}@example.org"


class Carried:
    """What became of a stream: the outcomes by reader, in their order, and whose ends were announced."""

    def __init__(self, transport: Smtp, stream: Iterator[Mail | Pause] | list[Mail]) -> None:
        self.outcomes: dict[str, Reply | TransportError] = {}
        self.ended: Counter[str] = Counter()
        self.raised: TransportError | None = None
        try:
            for mail, outcome in transport.carry(iter(stream), ending=self._ending):
                assert mail.recipient not in self.outcomes
                self.outcomes[mail.recipient] = outcome
        except TransportError as error:
            self.raised = error

    def _ending(self, mail: Mail) -> None:
        assert mail.recipient not in self.outcomes
        self.ended[mail.recipient] += 1

    @property
    def summary(self) -> list[int | str]:
        """Each outcome in the order in which it came: a reply's code, or whether it is in doubt."""
        return [
            ("in doubt" if outcome.in_doubt else "lost")
            if isinstance(outcome, TransportError)
            else outcome.code
            for outcome in self.outcomes.values()
        ]


# --- what goes on the wire


def test_the_server_gets_exactly_the_octets_of_each_mail_in_order(server: Smtpd) -> None:
    stream = mails(5)
    carried = Carried(smtp(server.port), stream)

    assert carried.summary == [250] * 5
    assert list(carried.outcomes) == [mail.recipient for mail in stream]
    assert [taken.content for taken in server.mails] == [mail.message for mail in stream]
    assert [taken.recipients for taken in server.mails] == [[mail.recipient] for mail in stream]
    assert server.verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 5, "QUIT"]
    assert server.connections == 1
    assert carried.ended == Counter(mail.recipient for mail in stream)


def test_no_line_is_opened_where_there_is_nothing_to_send(server: Smtpd) -> None:
    assert Carried(smtp(server.port), []).outcomes == {}
    assert server.connections == 0


def test_lines_are_opened_as_there_is_work_for_them(server: Smtpd) -> None:
    assert Carried(smtp(server.port, connections=4), mails(2)).summary == [250, 250]
    assert server.connections == 2


def test_many_mails_leave_over_several_lines_each_once(server: Smtpd) -> None:
    stream = mails(60)
    carried = Carried(smtp(server.port, connections=4), stream)

    assert carried.summary == [250] * 60
    assert Counter(taken.content for taken in server.mails) == Counter(mail.message for mail in stream)
    assert server.connections == 4


def test_a_mail_of_eight_bits_says_so(server: Smtpd) -> None:
    [mail] = mails(1, "Subject: é\r\n\r\né\r\n".encode())
    assert Carried(smtp(server.port), [mail]).summary == [250]
    assert "BODY=8BITMIME" in server.mails[0].options
    assert server.mails[0].content == mail.message


def test_a_mail_larger_than_the_server_takes_is_not_offered_to_it() -> None:
    with Smtpd(pipelining=True, max_octets=1000) as server:
        carried = Carried(smtp(server.port), [*mails(1, b"x\r\n" * 500), *mails(2)[1:]])
    assert carried.outcomes[reader(1)] == Reply(
        code=552, enhanced="5.3.4", text=f"127.0.0.1:{server.port} takes 1000 octets at most, not 1506"
    )
    assert carried.summary == [552, 250]
    assert carried.ended == {reader(2): 1}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_long_mails_cross_an_encrypted_line_whole(certificate: Certificate, security: str) -> None:
    stream = mails(5, (b"x" * 700 + b"\r\n") * 900)
    with Smtpd(pipelining=True, **{security: certificate}) as server:
        line = smtp(server.port, security=security, host="localhost", ca_file=certificate.file, connections=3)
        carried = Carried(line, stream)
    assert carried.summary == [250] * 5
    assert all(taken.encrypted for taken in server.mails)
    assert {taken.content for taken in server.mails} == {mail.message for mail in stream}


# --- refusals


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("code", [452, 550])
def test_a_refusal_is_a_reply_to_that_mail_alone(server: Smtpd, verb: str, code: int) -> None:
    server.heed(verb)
    server.answer(verb, f"{code} {code // 100}.1.1 no")
    carried = Carried(smtp(server.port), mails(3))

    assert carried.summary == [250, code, 250]
    said = Reply(code=code, enhanced=f"{code // 100}.1.1", text="no", of_sender=verb == "MAIL")
    assert carried.outcomes[reader(2)] == said
    assert [taken.recipients for taken in server.mails] == [[reader(1)], [reader(3)]]
    assert carried.ended[reader(2)] == (verb == "END")
    assert server.connections == 1


def test_a_stream_of_refusals_goes_over_one_line(server: Smtpd) -> None:
    server.answer("RCPT", *["550 5.1.1 no such user"] * 9)
    carried = Carried(smtp(server.port), mails(10))
    assert carried.summary == [550] * 9 + [250]
    assert server.connections == 1


def test_a_reader_who_is_no_address_is_refused_and_the_rest_goes(server: Smtpd) -> None:
    stream = mails(3)
    stream[1] = Mail(envelope_from="d@example.net", recipient="a@example.org> NOTIFY=NEVER", message=MAIL)
    carried = Carried(smtp(server.port), stream)
    assert sorted(map(str, carried.summary)) == ["250", "250", "553"]
    assert len(server.mails) == 2


def test_a_sender_who_is_no_address_ends_the_stream_once_what_is_under_way_is_done(server: Smtpd) -> None:
    stream = mails(3)
    stream[1] = Mail(envelope_from="digest", recipient=reader(2), message=MAIL)
    carried = Carried(smtp(server.port), stream)
    assert carried.summary == [250]
    assert "envelope sender 'digest' is not a mail address" in str(carried.raised)
    assert len(server.mails) == 1


# --- lines that break


@pytest.mark.parametrize("how", ["hang_up", "stall", "drip"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY", "END"])
def test_a_line_that_breaks_costs_the_mails_under_way_and_another_takes_the_rest(
    server: Smtpd, how: str, verb: str
) -> None:
    server.heed(verb)
    getattr(server, how)(verb)
    carried = Carried(smtp(server.port, timeout_seconds=SOON), mails(5))

    after = verb in ("BODY", "END")
    second = carried.outcomes[reader(2)]
    assert isinstance(second, TransportError)
    assert second.in_doubt is after
    assert carried.ended[reader(2)] == after
    lost = [outcome for outcome in carried.outcomes.values() if isinstance(outcome, TransportError)]
    assert len(lost) <= 2
    assert [outcome.in_doubt for outcome in lost[1:]] in ([], [False])
    assert len(carried.outcomes) == 5
    taken = [mail.recipients[0] for mail in server.mails]
    assert taken == [to for to, outcome in carried.outcomes.items() if isinstance(outcome, Reply)]
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer", ["421 4.7.0 too many", "HTTP/1.1 400 Bad", "150 wait", "thanks", "25", "650 x"]
)
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_an_answer_out_of_place_closes_the_line_and_another_takes_the_rest(
    server: Smtpd, verb: str, answer: str
) -> None:
    server.answer(verb, answer)
    carried = Carried(smtp(server.port, timeout_seconds=SOON), mails(4))

    first = carried.outcomes[reader(1)]
    if answer.startswith("421") and verb != "MAIL":
        assert first == Reply(code=421, enhanced="4.7.0", text="too many")
    else:
        assert isinstance(first, TransportError)
        assert "ended the session: " in str(first)
        assert first.in_doubt is (verb == "END")
    assert len(carried.outcomes) == 4
    assert server.connections == 2


def test_lines_of_one_reply_with_different_codes_close_the_line(server: Smtpd) -> None:
    server.answer("RCPT", "250-one\r\n550 another")
    first = Carried(smtp(server.port), mails(2)).outcomes[reader(1)]
    assert "ended the session: 250- and then 550 another" in str(first)


@pytest.mark.parametrize("answer", ["250 " + "x" * 9000, "250-x\r\n" * 200 + "250 x"])
def test_an_endless_answer_closes_the_line(server: Smtpd, answer: str) -> None:
    server.answer("RCPT", answer)
    first = Carried(smtp(server.port), mails(2)).outcomes[reader(1)]
    assert "ended the session: a reply without end" in str(first)


def test_a_server_that_takes_a_mail_and_says_nothing_leaves_it_in_doubt_and_it_is_not_sent_again(
    server: Smtpd,
) -> None:
    server.take_and_hang_up()
    carried = Carried(smtp(server.port), mails(3))
    assert carried.summary[0] == "in doubt"
    assert [taken.recipients for taken in server.mails].count([reader(1)]) == 1


def test_a_stalled_line_holds_up_no_other(server: Smtpd) -> None:
    server.stall("END")
    carried = Carried(smtp(server.port, connections=2, timeout_seconds=1), mails(20))
    assert carried.summary.index("in doubt") >= 15
    assert Counter(carried.summary)[250] >= 18


def test_lines_that_die_before_they_carried_anything_end_the_stream(server: Smtpd) -> None:
    server.answer("MAIL", *["421 4.3.2 going down"] * 20)
    carried = Carried(smtp(server.port), mails(20))
    assert "421 4.3.2 going down" in str(carried.raised)
    assert carried.summary == ["lost"] * 3
    assert server.connections == 3


def test_a_server_that_takes_one_mail_a_line_gets_them_all(server: Smtpd) -> None:
    stream = mails(8)
    for _ in stream:
        server.heed("MAIL")
        server.answer("MAIL", "421 4.7.0 one is enough")
    done: list[str] = []
    while stream:
        carried = Carried(smtp(server.port), stream)
        assert carried.raised is None
        done += [to for to, outcome in carried.outcomes.items() if isinstance(outcome, Reply)]
        stream = [mail for mail in stream if mail.recipient not in done]
    assert sorted(done) == sorted(taken.recipients[0] for taken in server.mails)


@pytest.mark.parametrize(("verb", "second"), [("MAIL", "lost"), ("BODY", "in doubt"), ("END", "in doubt")])
def test_an_encrypted_line_that_breaks_costs_no_more(
    certificate: Certificate, verb: str, second: str
) -> None:
    with Smtpd(pipelining=True, tls=certificate) as server:
        server.heed(verb)
        server.hang_up(verb)
        line = smtp(server.port, host="localhost", security="tls", ca_file=certificate.file)
        carried = Carried(line, mails(5))
        assert server.connections == 2
    outcomes = carried.summary
    assert outcomes[1] == second
    assert [outcome for outcome in outcomes if outcome != 250][1:] in ([], ["lost"])
    assert len(server.mails) == outcomes.count(250)


# --- lines that cannot be opened


@pytest.mark.parametrize("how", ["hang_up", "stall", "drip"])
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "STARTTLS", "AUTH"])
def test_a_first_line_that_cannot_be_opened_ends_the_stream_with_nothing_begun(
    certificate: Certificate, verb: str, how: str
) -> None:
    with Smtpd(pipelining=True, starttls=certificate, accounts={"digest": "pony"}) as server:
        getattr(server, how)(verb)
        line = smtp(
            server.port,
            host="localhost",
            security="starttls",
            ca_file=certificate.file,
            username="digest",
            password="pony",  # noqa: S106
            timeout_seconds=SOON,
        )
        carried = Carried(line, mails(2))
    assert "cannot use the mail server" in str(carried.raised)
    assert (carried.outcomes, carried.ended, server.mails) == ({}, {}, [])


@pytest.mark.parametrize("answer", ["421 4.7.0 too many connections", "554 no", "hello", "220-a\r\n421 b"])
def test_a_later_line_that_cannot_be_opened_leaves_the_work_to_the_others(server: Smtpd, answer: str) -> None:
    server.heed("CONNECT")
    server.answer("CONNECT", *[answer] * 9)
    carried = Carried(smtp(server.port, connections=4), mails(20))
    assert carried.summary == [250] * 20
    assert server.connections == 2


def test_what_was_said_unencrypted_behind_starttls_is_never_believed(certificate: Certificate) -> None:
    with Smtpd(pipelining=True, starttls=certificate) as server:
        server.answer("STARTTLS", "220 go on\r\n250 SIZE 10")
        line = smtp(server.port, host="localhost", security="starttls", ca_file=certificate.file)
        assert "it spoke out of turn" in str(Carried(line, mails(1)).raised)


# --- the stream


def test_a_pause_is_kept_while_answers_are_read(server: Smtpd) -> None:
    asked: list[float] = []

    def stream() -> Iterator[Mail | Pause]:
        for mail in mails(3):
            yield mail
            yield Pause(0.1)
            asked.append(time.monotonic())

    begun = time.monotonic()
    came = [time.monotonic() - begun for _ in smtp(server.port).carry(stream(), ending=lambda _: None)]
    assert len(came) == 3
    assert all(later - earlier >= 0.1 for earlier, later in zip([begun, *asked], asked, strict=False))
    assert server.connections == 1


def test_during_a_pause_the_mail_that_is_ready_leaves_at_once(pipelined: Smtpd) -> None:
    def stream() -> Iterator[Mail | Pause]:
        yield mails(1)[0]
        while not pipelined.mails:
            yield Pause(0.01)

    assert Carried(smtp(pipelined.port), stream()).summary == [250]


def test_a_line_that_the_server_closed_during_a_pause_is_replaced(server: Smtpd) -> None:
    def stream() -> Iterator[Mail | Pause]:
        first, second = mails(2)
        yield first
        while not server.mails:
            yield Pause(0.01)
        for conversation in tuple(server.conversations):
            conversation.loop.call_soon_threadsafe(conversation.transport.abort)
        while server.conversations:
            yield Pause(0.01)
        yield Pause(0.05)
        yield second

    assert Carried(smtp(server.port), stream()).summary == [250, 250]
    assert server.connections == 2


def test_the_next_mail_is_asked_for_when_a_line_is_free_and_no_sooner(server: Smtpd) -> None:
    asked = 0

    def stream() -> Iterator[Mail]:
        nonlocal asked
        for mail in mails(9):
            asked += 1
            yield mail

    for answered, _ in enumerate(smtp(server.port).carry(stream(), ending=lambda _: None), 1):
        assert asked <= answered + 1


def test_after_the_generator_is_closed_nothing_is_begun(server: Smtpd) -> None:
    carrying = smtp(server.port).carry(iter(mails(9)), ending=lambda _: None)
    next(carrying)
    carrying.close()
    deadline = time.monotonic() + 5
    while server.conversations and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.conversations
    assert len(server.mails) <= 2


def test_an_end_that_cannot_be_written_down_does_not_leave(server: Smtpd) -> None:
    def ending(mail: Mail) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        list(smtp(server.port).carry(iter(mails(2)), ending=ending))
    assert server.mails == []


@pytest.mark.parametrize("how", ["hang_up", "stall", "drip"])
def test_a_server_that_does_not_part_is_not_waited_for(server: Smtpd, how: str) -> None:
    getattr(server, how)("QUIT")
    assert Carried(smtp(server.port, timeout_seconds=SOON), mails(1)).summary == [250]


# --- octet by octet


class Wire:
    """The server's end of one raw conversation."""

    def __init__(self, line: socket.socket) -> None:
        self.line, self._rest = line, b""

    def say(self, *replies: str) -> None:
        self.line.sendall("".join(f"{said}\r\n" for said in replies).encode())

    def hear(self, end: bytes) -> bytes:
        """Read until `end`, and give it with what came before."""
        while end not in self._rest:
            octets = self.line.recv(65536)
            assert octets, f"the client hung up after {self._rest[-80:]!r}"
            self._rest += octets
        heard, _, self._rest = self._rest.partition(end)
        return heard + end


class Raw:
    """A server of one conversation, said in the test."""

    def __init__(self, conversation: Callable[[Wire], None], tls: ssl.SSLContext | None = None) -> None:
        self._conversation, self._tls = conversation, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self.failed: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=10)
        self._listener.close()
        assert self.failed is None, self.failed

    def _run(self) -> None:
        try:
            line, _ = self._listener.accept()
            line.settimeout(5)
            with self._tls.wrap_socket(line, server_side=True) if self._tls else line as talking:
                wire = Wire(talking)
                wire.say("220 raw")
                wire.hear(b" digest.test\r\n")
                wire.say("250-raw", "250-PIPELINING", "250 SIZE")
                self._conversation(wire)
        except BaseException as error:  # noqa: BLE001 - a failed assertion is the test's, not this thread's
            self.failed = error


GROUP = b"DATA\r\n"


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_a_mail_and_the_next_ones_commands_leave_without_waiting_for_an_answer(
    certificate: Certificate, encrypted: bool
) -> None:
    one, two, three = mails(3)

    def conversation(wire: Wire) -> None:
        sizes = [len(mail.message) for mail in (one, two, three)]
        group = "MAIL FROM:<d@example.net> SIZE={}\r\nRCPT TO:<reader{}@example.org>\r\nDATA\r\n"
        assert wire.hear(GROUP) == group.format(sizes[0], 1).encode()
        wire.say("250 ok", "250 ok", "354 go")
        stuffed = one.message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        assert wire.hear(GROUP) == stuffed + group.format(sizes[1], 2).encode()
        wire.say("250 taken", "250 ok", "250 ok", "354 go")
        wire.hear(GROUP)
        wire.say("250 taken", "250 ok", "250 ok", "354 go")
        wire.hear(b"\r\n.\r\n")
        wire.say("250 taken")
        assert wire.hear(b"\r\n") == b"QUIT\r\n"

    with Raw(conversation, certificate.context() if encrypted else None) as raw:
        settings = {"host": "localhost", "security": "tls", "ca_file": certificate.file} if encrypted else {}
        assert Carried(smtp(raw.port, **settings), [one, two, three]).summary == [250] * 3


@pytest.mark.parametrize("answer", ["554 5.5.1 no recipients", "250 2.0.0 taken"])
def test_where_data_is_taken_after_a_refused_reader_an_empty_mail_ends_it(answer: str) -> None:
    def conversation(wire: Wire) -> None:
        wire.hear(GROUP)
        wire.say("250 ok", "550 5.1.1 no such user", "354 go")
        assert wire.hear(GROUP).startswith(b".\r\nRSET\r\nMAIL FROM:")
        wire.say(answer, "250 clean", "250 ok", "250 ok", "354 go")
        wire.hear(b"\r\n.\r\n")
        wire.say("250 taken")
        wire.hear(b"QUIT\r\n")

    with Raw(conversation) as raw:
        carried = Carried(smtp(raw.port), mails(2))
    assert carried.summary == [550, 250]
    assert carried.ended == {reader(2): 1}


def test_a_refused_reset_closes_the_line() -> None:
    def conversation(wire: Wire) -> None:
        wire.hear(GROUP)
        wire.say("250 ok", "550 5.1.1 no such user", "503 no")
        wire.hear(GROUP)
        wire.say("500 what", "250 ok", "250 ok", "354 go")

    with Raw(conversation) as raw:
        assert Carried(smtp(raw.port), mails(2)).summary == [550, "lost"]


def test_answers_that_come_octet_by_octet_are_answers() -> None:
    def conversation(wire: Wire) -> None:
        def slowly(*replies: str) -> None:
            for octet in "".join(f"{said}\n" for said in replies).encode():
                wire.line.send(bytes([octet]))

        wire.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.hear(GROUP)
        slowly("250-2.1.0 o", "250 2.1.0 k", "250", "354 go")
        wire.hear(b"\r\n.\r\n")
        slowly("250-2.0.0 taken", "250 2.0.0 as 7")
        wire.hear(b"QUIT\r\n")

    with Raw(conversation) as raw:
        carried = Carried(smtp(raw.port), mails(1))
    assert carried.outcomes == {reader(1): Reply(code=250, enhanced="2.0.0", text="taken as 7")}


LONG = b"Subject: long\r\n\r\n" + b"x" * 60 + b"\r\n" * 20_000_000


@pytest.mark.parametrize(
    ("said", "summary"),
    [("552 5.3.4 too big", [552]), ("421 4.3.2 bye", [421]), ("250 taken already", ["lost"])],
)
def test_an_answer_before_the_end_of_a_long_mail_ends_the_line(said: str, summary: list[int | str]) -> None:
    def conversation(wire: Wire) -> None:
        wire.hear(GROUP)
        wire.say("250 ok", "250 ok", "354 go")
        wire.hear(b"Subject: long\r\n")
        wire.say(said)
        time.sleep(0.1)

    with Raw(conversation) as raw:
        carried = Carried(smtp(raw.port), mails(1, LONG))
    assert carried.summary == summary
    assert carried.ended == {}


def test_a_server_that_stops_reading_a_long_mail_has_not_taken_it() -> None:
    gone = threading.Event()

    def conversation(wire: Wire) -> None:
        wire.hear(GROUP)
        wire.say("250 ok", "250 ok", "354 go")
        gone.wait(5)

    with Raw(conversation) as raw:
        carried = Carried(smtp(raw.port, timeout_seconds=SOON), mails(1, LONG))
        gone.set()
    assert carried.summary == ["lost"]
    assert carried.ended == {}


def test_a_word_out_of_turn_closes_the_line_and_the_mails_go_over_another(server: Smtpd) -> None:
    def stream() -> Iterator[Mail | Pause]:
        first, second = mails(2)
        yield first
        while not server.mails:
            yield Pause(0.01)
        for conversation in tuple(server.conversations):
            conversation.loop.call_soon_threadsafe(conversation.transport.write, b"250 what else?\r\n")
        yield Pause(0.1)
        yield second

    assert Carried(smtp(server.port), stream()).summary == [250, 250]
    assert server.connections == 2


# --- real servers


@pytest.fixture
def sink(need: Need) -> Iterator[int]:
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen([need("smtp-sink"), *user, f"127.0.0.1:{port}", "64"])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.02)
    yield port
    running.terminate()
    running.wait(timeout=10)


def test_smtp_sink_takes_200_mails_over_4_lines(sink: int) -> None:
    stream = mails(200, (b"x" * 74 + b"=\r\n") * 690)
    carried = Carried(smtp(sink, connections=4, timeout_seconds=60), stream)
    assert carried.summary == [250] * 200
    assert carried.ended == Counter(mail.recipient for mail in stream)


def test_postfix_takes_200_mails_over_4_lines_and_passes_each_on_once(need: Need) -> None:
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    stream = mails(200)
    with Smtpd(pipelining=True) as behind, Postfix(program, next_hop=behind.port) as postfix:
        carried = Carried(smtp(postfix.port, connections=4, timeout_seconds=60), stream)
        deadline = time.monotonic() + 60
        while len(behind.mails) < 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        taken = Counter(mail.recipients[0] for mail in behind.mails)
    assert carried.summary == [250] * 200
    assert taken == Counter(mail.recipient for mail in stream)
