"""A mail over a real SMTP conversation: what the server takes, refuses, and how a line breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Need
from ports import free_port
from smtp_server import Certificate, Smtpd

from digest.errors import SettingsError, TransportError
from digest.model import Reply
from digest.transport.smtp import Smtp

MAIL = b"Subject: one\r\n\r\n.a line that begins with a dot\r\n..\r\n.\r\nlast\r\n"
SECRET = "correct horse"  # noqa: S105 - of a server that lives for one test


@pytest.fixture
def server() -> Iterator[Smtpd]:
    with Smtpd() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(need("openssl"), tmp_path_factory.mktemp("certificate"))


def smtp(server: Smtpd, **settings: object) -> Smtp:
    defaults = {"host": "127.0.0.1", "port": server.port, "security": "none", "hello_name": "digest.test"}
    return Smtp(**{**defaults, "timeout_seconds": 5, **settings})


def send(transport: Smtp, recipient: str = "reader@example.org", sender: str = "digest@example.net") -> Reply:
    with transport.connect() as session:
        return session.send(envelope_from=sender, recipient=recipient, message=MAIL)


def test_the_server_gets_exactly_the_bytes_of_the_mail_and_its_envelope(server: Smtpd) -> None:
    reply = send(smtp(server))

    assert reply == Reply(code=250, text="taken", enhanced="2.0.0")
    [taken] = server.mails
    assert (taken.envelope_from, taken.recipients) == ("digest@example.net", ["reader@example.org"])
    assert taken.content == MAIL
    assert taken.options == [f"SIZE={len(MAIL)}"]


def test_many_mails_leave_over_one_connection(server: Smtpd) -> None:
    with smtp(server).connect() as session:
        for number in range(3):
            reader = f"reader{number}@example.org"
            assert session.send(envelope_from="d@example.net", recipient=reader, message=MAIL).accepted

    assert server.connections == 1
    assert server.verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


def test_a_notice_leaves_with_the_null_reverse_path(server: Smtpd) -> None:
    assert send(smtp(server), sender="").accepted
    assert server.mails[0].envelope_from == ""


def test_an_international_domain_goes_on_the_wire_as_its_a_label(server: Smtpd) -> None:
    assert send(smtp(server), recipient="leser@bücher.example").accepted
    assert server.mails[0].recipients == ["leser@xn--bcher-kva.example"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ("550 5.1.1 no such user", Reply(code=550, enhanced="5.1.1", text="no such user")),
        ("452 4.2.2 mailbox full", Reply(code=452, enhanced="4.2.2", text="mailbox full")),
        ("450 come back later", Reply(code=450, text="come back later")),
    ],
)
def test_a_refusal_is_a_reply_and_the_next_mail_passes(
    server: Smtpd, verb: str, answer: str, reply: Reply
) -> None:
    server.answer(verb, answer)

    with smtp(server).connect() as session:
        first = session.send(envelope_from="d@example.net", recipient="a@example.org", message=MAIL)
        second = session.send(envelope_from="d@example.net", recipient="b@example.org", message=MAIL)

    assert first == reply._replace(of_sender=verb == "MAIL")
    assert second.accepted
    assert [taken.recipients for taken in server.mails] == [["b@example.org"]]


def test_a_refused_mail_is_forgotten_by_the_server_before_the_next(server: Smtpd) -> None:
    server.answer("RCPT", "550 5.1.1 no such user")
    with smtp(server).connect() as session:
        session.send(envelope_from="d@example.net", recipient="a@example.org", message=MAIL)
        session.send(envelope_from="d@example.net", recipient="b@example.org", message=MAIL)

    assert server.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


def test_the_lines_of_a_reply_become_one_safe_line(server: Smtpd) -> None:
    server.answer(
        "RCPT", "550-5.7.1 not\x1b[31m today\r\n550-5.7.1 caf\udcc3\udca9 \udcff\r\n550 5.7.1 " + "x" * 900
    )

    reply = send(smtp(server))

    assert (reply.code, reply.enhanced) == (550, "5.7.1")
    assert reply.text.startswith("not[31m today café \ufffd xxx")
    assert len(reply.text) == 500


@pytest.mark.parametrize(
    "recipient",
    [
        "alice@example.org)bob@evil.test",
        "a@example.org> NOTIFY=NEVER",
        "a@example.org\r\nDATA",
        "\udc80@example.org",
        "",
    ],
)
def test_what_is_no_address_never_reaches_the_server(server: Smtpd, recipient: str) -> None:
    reply = send(smtp(server), recipient=recipient)

    assert (reply.code, reply.enhanced) == (553, "5.1.3")
    assert server.verbs == ["EHLO", "QUIT"]


def test_a_reader_with_letters_outside_ascii_is_written_to_where_the_server_offers_smtputf8() -> None:
    mail = MAIL.replace(b"\r\n\r\n", "\r\nTo: 用户@example.org\r\n\r\n".encode(), 1)
    with Smtpd(smtputf8=True) as server, smtp(server).connect() as session:
        assert session.send(
            envelope_from="digest@example.net", recipient="用户@example.org", message=mail
        ).accepted
        assert session.send(
            envelope_from="digest@example.net", recipient="reader@example.org", message=MAIL
        ).accepted

    foreign, plain = server.mails
    assert foreign.recipients == ["用户@example.org"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(foreign.options)
    assert "用户@example.org".encode() in foreign.content
    assert "SMTPUTF8" not in plain.options


def test_without_smtputf8_such_a_reader_is_refused_and_the_server_not_asked(server: Smtpd) -> None:
    reply = send(smtp(server), recipient="jürgen@example.org")

    assert (reply.code, reply.enhanced) == (553, "5.6.7")
    assert "'jürgen@example.org' is not ASCII before the @" in reply.text
    assert "offers no SMTPUTF8" in reply.text
    assert server.verbs == ["EHLO", "QUIT"]


def test_a_sender_that_is_no_address_stops_the_run_instead_of_blaming_readers(server: Smtpd) -> None:
    with pytest.raises(TransportError, match="envelope sender 'digest' is not a mail address: it has no @"):
        send(smtp(server), sender="digest")


def test_421_before_a_reader_was_named_ends_the_session_and_leaves_no_doubt(server: Smtpd) -> None:
    server.answer("MAIL", "421 4.7.0 too many mails")
    with pytest.raises(
        TransportError, match=r"ended the session: 421 4.7.0 too many mails; connect"
    ) as ended:
        send(smtp(server))
    assert not ended.value.in_doubt


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "END"])
def test_421_to_a_mail_for_a_reader_is_its_answer_and_ends_the_session(server: Smtpd, verb: str) -> None:
    server.answer(verb, "421 4.7.0 too many mails")
    with smtp(server).connect() as session:
        one = {"envelope_from": "digest@example.net", "recipient": "reader@example.org", "message": MAIL}
        assert session.send(**one) == Reply(code=421, enhanced="4.7.0", text="too many mails")
        with pytest.raises(TransportError, match="broke before; connect again"):
            session.send(**one)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("how", ["hang_up", "stall"])
def test_a_line_that_breaks_before_the_mail_was_handed_over_leaves_no_doubt(
    server: Smtpd, how: str, verb: str
) -> None:
    getattr(server, how)(verb)
    with pytest.raises(TransportError, match=f"the line to 127.0.0.1:{server.port} broke") as broken:
        send(smtp(server, timeout_seconds=0.3))
    assert not broken.value.in_doubt


@pytest.mark.parametrize("verb", ["BODY", "END"])
@pytest.mark.parametrize("how", ["hang_up", "stall"])
def test_a_line_that_breaks_before_the_answer_to_the_mail_leaves_it_in_doubt(
    server: Smtpd, how: str, verb: str
) -> None:
    getattr(server, how)(verb)
    with pytest.raises(TransportError, match=f"the line to 127.0.0.1:{server.port} broke") as broken:
        send(smtp(server, timeout_seconds=0.3))
    assert broken.value.in_doubt


def test_a_line_that_breaks_while_a_long_mail_is_on_its_way_leaves_no_doubt(server: Smtpd) -> None:
    server.stall("BODY")
    with smtp(server, timeout_seconds=0.3).connect() as session, pytest.raises(TransportError) as broken:
        session.send(envelope_from="", recipient="a@example.org", message=b"x\r\n" * 10_000_000)
    assert not broken.value.in_doubt


@pytest.mark.parametrize(
    ("verb", "answer", "in_doubt"),
    [
        ("MAIL", "HTTP/1.1 400 Bad Request", False),
        ("RCPT", "354 go on", False),
        ("DATA", "250 taken already", False),
        ("END", "354 go on", True),
        ("END", "thank you", True),
    ],
)
def test_an_answer_out_of_place_ends_the_session(
    server: Smtpd, verb: str, answer: str, in_doubt: bool
) -> None:
    server.answer(verb, answer)
    with pytest.raises(TransportError, match="ended the session: ") as ended:
        send(smtp(server))
    assert ended.value.in_doubt is in_doubt


def test_a_mail_that_ends_within_a_line_is_given_the_end_of_it(server: Smtpd) -> None:
    with smtp(server).connect() as session:
        session.send(envelope_from="", recipient="a@example.org", message=b"Subject: one\r\n\r\nhello")
    assert server.mails[0].content == b"Subject: one\r\n\r\nhello\r\n"


def test_an_endless_answer_breaks_the_line(server: Smtpd) -> None:
    server.answer("MAIL", "250 " + "x" * 9000)
    with pytest.raises(TransportError, match="ended the session: a reply without end"):
        send(smtp(server))


def test_after_the_line_broke_every_further_mail_says_so(server: Smtpd) -> None:
    server.hang_up("RCPT")
    with smtp(server).connect() as session:
        for _ in range(2):
            with pytest.raises(TransportError, match="broke"):
                session.send(envelope_from="d@example.net", recipient="a@example.org", message=MAIL)


def test_a_refusal_stands_even_when_the_server_hangs_up_right_after_it(server: Smtpd) -> None:
    server.answer("RCPT", "550 5.1.1 no such user")
    server.hang_up("RSET")
    assert send(smtp(server)).code == 550


@pytest.mark.parametrize("answer", ["421 bye", "500 never heard of it"])
def test_a_taken_mail_stays_taken_whatever_the_server_says_to_quit(server: Smtpd, answer: str) -> None:
    server.answer("QUIT", answer)
    assert send(smtp(server)).accepted


def test_a_taken_mail_stays_taken_when_the_server_hangs_up_at_quit(server: Smtpd) -> None:
    server.hang_up("QUIT")
    assert send(smtp(server)).accepted


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (lambda server: server.answer("CONNECT", "554 5.3.2 closed for today"), "554 5.3.2 closed for today"),
        (lambda server: server.answer("CONNECT", "421 4.3.2 too busy"), "421 4.3.2 too busy"),
        (lambda server: server.hang_up("CONNECT"), "Connection reset by peer|unexpectedly closed"),
        (lambda server: server.stall("CONNECT"), "timed out"),
        (
            lambda server: server.answer("EHLO", "550 who?") or server.answer("HELO", "550 5.7.1 no"),
            "550 5.7.1 no",
        ),
    ],
)
def test_a_server_that_is_not_ready_is_named_with_its_own_words(server: Smtpd, script, problem: str) -> None:  # noqa: ANN001
    script(server)
    with pytest.raises(
        TransportError, match=f"cannot use the mail server 127.0.0.1:{server.port}: .*({problem})"
    ):
        send(smtp(server, timeout_seconds=0.3))


def test_a_port_where_nothing_listens_is_named() -> None:
    port = free_port()
    with pytest.raises(TransportError, match=f"127.0.0.1:{port}: Connection refused; check that it runs"):
        Smtp(host="127.0.0.1", port=port, security="none").check()


def test_a_host_that_is_no_name_is_named() -> None:
    with pytest.raises(
        TransportError, match=r"cannot use the mail server a..b:25: .*check that it runs, and the host"
    ):
        Smtp(host="a..b", port=25, security="none").check()


def test_checking_says_that_the_server_answers_and_sends_nothing(server: Smtpd) -> None:
    assert smtp(server).check() == f"the mail server 127.0.0.1:{server.port} answers (security: none)"
    assert server.verbs == ["EHLO", "QUIT"]


def test_with_starttls_the_mail_and_the_password_cross_an_encrypted_line(certificate: Certificate) -> None:
    with Smtpd(starttls=certificate, accounts={"digest": SECRET}) as server:
        transport = smtp(
            server,
            security="starttls",
            host="localhost",
            ca_file=certificate.file,
            username="digest",
            password=SECRET,
        )
        assert send(transport).accepted
        assert transport.check().endswith("answers (security: starttls, signed in as digest)")

    assert server.mails[0].encrypted
    assert server.mails[0].user == "digest"
    assert server.verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_with_tls_the_line_is_encrypted_from_the_first_byte(certificate: Certificate) -> None:
    with Smtpd(tls=certificate) as server:
        assert send(smtp(server, security="tls", host="localhost", ca_file=certificate.file)).accepted
    assert server.mails[0].encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_unknown_certificate_is_never_accepted(certificate: Certificate, security: str) -> None:
    with (
        Smtpd(**{security: certificate}) as server,
        pytest.raises(
            TransportError, match=r"self-signed certificate; its certificate is not trusted; .* set ca_file"
        ),
    ):
        send(smtp(server, security=security))
    assert "MAIL" not in server.verbs


def test_a_certificate_for_another_host_is_never_accepted(certificate: Certificate) -> None:
    with (
        Smtpd(tls=certificate) as server,
        pytest.raises(TransportError, match=r"certificate is not valid for '127.0.0.1'"),
    ):
        send(smtp(server, security="tls", host="127.0.0.1", ca_file=certificate.file))


def test_a_server_that_offers_no_starttls_gets_no_mail(server: Smtpd) -> None:
    with pytest.raises(TransportError, match=r"STARTTLS extension not supported by server.; check the port"):
        send(smtp(server, security="starttls"))


def test_a_server_that_refuses_starttls_gets_no_mail(certificate: Certificate) -> None:
    with Smtpd(starttls=certificate) as server:
        server.answer("STARTTLS", "454 4.7.0 TLS not available")
        with pytest.raises(TransportError, match=r"454 4.7.0 TLS not available"):
            send(smtp(server, security="starttls", host="localhost", ca_file=certificate.file))


def test_a_server_that_speaks_no_tls_on_a_tls_port_is_explained(server: Smtpd) -> None:
    with pytest.raises(TransportError, match="does not speak TLS as we do; check the port and the security"):
        send(smtp(server, security="tls"))


def test_a_missing_ca_file_is_named(server: Smtpd) -> None:
    with pytest.raises(TransportError, match=r"cannot read the certificates in /nowhere.pem"):
        send(smtp(server, security="tls", ca_file=Path("/nowhere.pem")))


def test_a_wrong_password_is_reported_without_showing_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="digest")
    with Smtpd(accounts={"digest": SECRET}) as server:
        transport = smtp(server, username="digest", password="wrong-pony")  # noqa: S106
        with pytest.raises(
            TransportError, match="refused the user name or the password; check both"
        ) as refused:
            send(transport)

    assert "wrong-pony" not in str(refused.value) + repr(transport) + caplog.text
    assert "535 5.7.8" in str(refused.value)


def test_a_server_that_takes_no_passwords_is_explained(server: Smtpd) -> None:
    with pytest.raises(TransportError, match=r"No suitable authentication method found.; check the port"):
        send(smtp(server, username="digest", password=SECRET))


@pytest.mark.parametrize("host", ["mx.example.org", "192.0.2.1", "2001:db8::1"])
def test_a_password_never_crosses_an_unencrypted_line_to_another_machine(host: str) -> None:
    with pytest.raises(SettingsError, match="the password would be sent unencrypted; set security"):
        Smtp(host=host, port=25, security="none", username="digest", password=SECRET)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_password_may_be_given_to_this_machine_itself(host: str) -> None:
    assert Smtp(host=host, port=25, security="none", username="digest", password=SECRET).where == f"{host}:25"


@pytest.mark.parametrize(("username", "password"), [("digest", None), (None, SECRET), ("digest", "")])
def test_a_user_name_needs_a_password_and_a_password_a_user_name(username: str, password: str) -> None:
    with pytest.raises(SettingsError, match="must be set together"):
        Smtp(host="localhost", port=25, username=username, password=password)


def test_a_password_outside_ascii_is_refused_before_any_line_is_opened() -> None:
    with pytest.raises(SettingsError, match="must be ASCII"):
        Smtp(host="localhost", port=25, username="digest", password="pässword")  # noqa: S106
