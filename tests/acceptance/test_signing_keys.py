"""`digest dkim new` and `digest dkim show`: from no keys to mails whose signatures hold."""

import re
from typing import Any

import pytest
from signers import verdicts
from terminal import READER, Terminal

from digest.dkim.keys import read_pem


def publish(terminal: Terminal, *arguments: str) -> tuple[str, str]:
    """Make keys, and give the records and the settings that are printed."""
    printed = terminal.digest("dkim", "new", *arguments).succeeded().out
    records, table, settings = printed.partition("[dkim]")
    return records, table + settings


def keys(terminal: Terminal) -> tuple[Any, ...]:
    """Read the keys that were made, in the order of their files' names."""
    files = sorted((terminal.folder / "var/dkim").iterdir(), reverse=True)
    return tuple(read_pem(file.read_bytes(), domain="digest.example", selector=file.stem) for file in files)


def test_what_dkim_new_prints_is_all_that_is_needed_to_sign(terminal: Terminal) -> None:
    terminal.small_day()
    records, settings = publish(terminal, "2026a")
    assert re.findall(r"^(\S+) IN TXT", records, re.MULTILINE) == [
        "2026a-rsa._domainkey.digest.example.",
        "2026a-ed25519._domainkey.digest.example.",
    ]
    terminal.small_day(*settings.splitlines())

    assert terminal.digest("dkim", "show").succeeded().out == records
    assert "2026a-rsa (rsa-sha256), 2026a-ed25519 (ed25519-sha256), and a sample verifies" in (
        terminal.digest("doctor").succeeded().out
    )
    terminal.digest("run", "articles/tide.txt", "--to", READER).succeeded()
    [mail] = (terminal.folder / "var/mail" / READER / "new").iterdir()
    assert verdicts(re.sub(rb"\r?\n", b"\r\n", mail.read_bytes()), keys(terminal)) == [True, True]


def test_a_letter_that_asks_a_reader_is_signed(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.small_day(*publish(terminal)[1].splitlines())
    terminal.digest("subscribers", "add", "--pending", READER).succeeded()
    [mail] = (terminal.folder / "var/mail" / READER / "new").iterdir()
    assert verdicts(re.sub(rb"\r?\n", b"\r\n", mail.read_bytes()), keys(terminal)) == [True, True]


@pytest.mark.parametrize(("algorithm", "made"), [("rsa", "a-rsa.pem"), ("ed25519", "a-ed25519.pem")])
def test_one_algorithm_may_be_asked_for(terminal: Terminal, algorithm: str, made: str) -> None:
    terminal.small_day()
    publish(terminal, "a", "--algorithm", algorithm)
    assert [file.name for file in (terminal.folder / "var/dkim").iterdir()] == [made]


def test_a_key_that_is_there_is_never_overwritten(terminal: Terminal) -> None:
    terminal.small_day()
    publish(terminal, "a")
    refused = terminal.digest("dkim", "new", "a").complaint(status=1)
    assert refused == "var/dkim/a-rsa.pem is there already and is never overwritten; name another selector"


def test_a_name_that_no_key_can_have_is_wrong_usage(terminal: Terminal) -> None:
    terminal.small_day()
    assert "'../a-rsa' is not a selector" in terminal.digest("dkim", "new", "../a").complaint(status=2)


def test_without_keys_nothing_is_shown(terminal: Terminal) -> None:
    terminal.small_day()
    shown = terminal.digest("dkim", "show").succeeded()
    assert shown.out == ""
    assert "`digest dkim new` makes some" in shown.err


def test_a_key_file_that_others_can_read_stops_the_mail_and_is_named(terminal: Terminal) -> None:
    terminal.small_day()
    terminal.small_day(*publish(terminal, "a", "--algorithm", "ed25519")[1].splitlines())
    (terminal.folder / "var/dkim/a-ed25519.pem").chmod(0o644)
    sent = terminal.digest("run", "articles/tide.txt", "--to", READER)
    assert "a-ed25519.pem is open to others: chmod 600 " in sent.complaint(status=2)
    assert not (terminal.folder / "var/mail").exists()
    assert "not ready: dkim" in terminal.digest("doctor").complaint(status=1)
