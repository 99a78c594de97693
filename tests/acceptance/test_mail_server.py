"""Mail that leaves over SMTP and is read again where it arrives."""

import json
from pathlib import Path

from conftest import Need
from smtp_server import Certificate, Smtpd
from terminal import PUBLISHER, READER, Terminal, part, read_mail


def smtp(server: Smtpd, *more: str) -> tuple[str, ...]:
    """Give the settings that lead to the server."""
    return ("[transport]", 'kind = "smtp"', 'host = "localhost"', f"port = {server.port}", *more)


def test_the_issue_of_the_real_page_arrives_with_its_own_sentences(terminal: Terminal, shared: Path) -> None:
    [page] = (shared / "data/seed").glob("*.txt")
    terminal.write("articles/page.txt", page.read_bytes())
    with Smtpd() as server:
        terminal.small_day(*smtp(server, 'security = "none"'))
        (terminal.folder / "articles/tide.txt").unlink()
        terminal.digest("subscribers", "add", READER).succeeded()
        terminal.digest("run").succeeded()
        [taken] = server.mails
    assert (taken.envelope_from, taken.recipients) == ("digest@digest.example", [READER])
    mail = read_mail(taken.content)
    assert mail["Subject"].startswith("Iraq’s ruling alliance")
    assert mail["List-Id"] == "The Small Digest <daily.digest.example>"
    words = " ".join(part(mail, "plain").split())
    original = page.read_text(encoding="utf-8")
    [issue_file] = (terminal.folder / "var/issues/daily").glob("*.json")
    [section] = json.loads(issue_file.read_text(encoding="utf-8"))["sections"]
    sentences = [sentence["text"] for sentence in section["stories"][0]["summary"]]
    assert len(sentences) in {2, 3}
    assert [sentence for sentence in sentences if sentence not in original or sentence not in words] == []
    assert READER in words
    assert "CAPTCHA" not in words


def test_a_mail_goes_over_an_encrypted_line_with_a_password_from_a_file(
    terminal: Terminal, tmp_path: Path, need: Need
) -> None:
    certificate = Certificate.make(need("openssl"), tmp_path)
    terminal.write("password", "open sesame\n")
    with Smtpd(starttls=certificate, accounts={"ada": "open sesame"}) as server:
        login = ('username = "ada"', 'password_file = "password"', f'ca_file = "{certificate.file}"')
        terminal.small_day(*PUBLISHER, *smtp(server, *login))
        assert "signed in as ada" in terminal.digest("doctor").succeeded().out
        sent = terminal.digest("run", "articles/tide.txt", "--to", READER).succeeded()
        [taken] = server.mails
    assert f"{READER}: 250" in sent.out
    assert (taken.encrypted, taken.user) == (True, "ada")


def test_what_the_server_refuses_is_reported_and_fails_the_one_off(terminal: Terminal) -> None:
    with Smtpd() as server:
        terminal.small_day(*smtp(server, 'security = "none"'))
        server.answer("RCPT", "550 5.1.1 no such user")
        refused = terminal.digest("run", "articles/tide.txt", "--to", "gone@mail.example", "--to", READER)
        assert refused.complaint(status=1) == "the server refused 1 mail"
        assert [taken.recipients for taken in server.mails] == [[READER]]
    assert "gone@mail.example: 550 no such user" in refused.out


def test_a_temporary_refusal_is_put_off_and_a_final_one_is_not_asked_again(terminal: Terminal) -> None:
    with Smtpd() as server:
        terminal.small_day(*smtp(server, 'security = "none"'))
        terminal.digest(
            "subscribers", "add", "ada@mail.example", "bob@mail.example", "cy@mail.example"
        ).succeeded()
        server.answer("RCPT", "451 4.7.1 greylisted", "550 5.1.1 no such user")
        told = terminal.digest("run", "--json")
        first = told.json
        assert told.status == 0
        assert told.complaints == [
            "mail to ada@mail.example is put off: 451 greylisted",
            "mail to bob@mail.example has failed: 550 no such user",
        ]
        assert {state: count for state, count in first["mails"].items() if count} == {
            "queued": 1,
            "failed": 1,
            "sent": 1,
        }
        assert not any(terminal.digest("run", "--json").succeeded().json["mails"].values()), (
            "five minutes are not over"
        )
        assert [taken.recipients for taken in server.mails] == [["cy@mail.example"]]


def test_a_server_that_is_not_there_loses_nothing_and_the_next_run_sends(terminal: Terminal) -> None:
    terminal.small_day("[transport]", 'kind = "smtp"', "port = 1")
    terminal.digest("subscribers", "add", READER).succeeded()
    failed = terminal.digest("run")
    assert "cannot use the mail server localhost:1: Connection refused; check" in failed.complaint(status=1)
    assert "published for 1 reader" in failed.out
    with Smtpd() as server:
        terminal.small_day(*smtp(server, 'security = "none"'))
        assert "1 sent" in terminal.digest("run").succeeded().out
        assert [taken.recipients for taken in server.mails] == [[READER]]
