"""Those who receive mail find our signatures right: rspamd, SpamAssassin and dkimpy, also behind a real Postfix."""

import os
import time
from collections.abc import Iterator
from functools import partial

import pytest
from conftest import Need
from issues import article, issue, section, story
from notices import PRESS, TOKENS, notice, ours
from postfix import Postfix
from receivers import Names, Rspamd, SpamAssassin
from signers import DOMAIN, ED25519, KEYS, RSA, WHEN, letter, verdicts
from smtp_server import Smtpd

from digest.correspondence import NoticeKind
from digest.dkim import Key, sign
from digest.model import Letter
from digest.notify import Correspondent
from digest.transport.smtp import Smtp
from digest.writer import one_off_mail

BOTH = {key.selector for key in KEYS}
SIGNED = sign(letter(), KEYS, WHEN)
SECOND = [
    b"Subject: Another\r\n",
    b"From: evil@digest.example\r\n",
    b"List-Unsubscribe: <https://evil.test/>\r\n",
    b"Reply-To: evil@evil.test\r\n",
    b"Sender: evil@evil.test\r\n",
]


@pytest.fixture(scope="module")
def names(need: Need) -> Iterator[Names]:
    with Names(need("dnsmasq"), KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def rspamd(need: Need, names: Names) -> Iterator[Rspamd]:
    with Rspamd(need("rspamd"), names.port) as running:
        yield running


@pytest.fixture(scope="module")
def spamassassin(need: Need, names: Names, tmp_path_factory: pytest.TempPathFactory) -> SpamAssassin:
    need("dkimproxy-verify")  # of libmail-dkim-perl, without which SpamAssassin looks at no signature
    return SpamAssassin(need("spamassassin"), names.port, tmp_path_factory.mktemp("spamassassin"))


@pytest.fixture(scope="module")
def received(need: Need) -> bytes:
    """Give a signed letter as it comes out of a Postfix."""
    program = need("postfix")
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Postfix must be started by root")
    with Smtpd() as sink, Postfix(program, next_hop=sink.port) as postfix:
        transport = Smtp(host="127.0.0.1", port=postfix.port, security="none", hello_name="digest.test")
        with transport.connect() as session:
            send = partial(session.send, envelope_from=f"bounces@{DOMAIN}", recipient="reader@mail.example")
            assert send(message=SIGNED).accepted
        deadline = time.monotonic() + 60
        while not sink.mails:
            assert time.monotonic() < deadline, f"nothing came out of Postfix: {postfix.log}"
            time.sleep(0.05)
        [taken] = sink.mails
    return taken.content


# --- as it leaves


def test_rspamd_takes_both_signatures(rspamd: Rspamd) -> None:
    assert rspamd.allowed(SIGNED) == BOTH


def test_spamassassin_finds_a_signature_of_the_authors_domain(spamassassin: SpamAssassin) -> None:
    hits = spamassassin.hits(SIGNED)
    assert {"DKIM_SIGNED", "DKIM_VALID", "DKIM_VALID_AU"} <= hits
    assert "DKIM_INVALID" not in hits


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_each_signature_stands_alone(rspamd: Rspamd, key: Key) -> None:
    assert rspamd.allowed(sign(letter(), [key], WHEN)) == {key.selector}


@pytest.mark.parametrize("added", SECOND, ids=lambda field: field.partition(b":")[0].decode())
def test_rspamd_takes_no_signature_under_a_field_that_was_put_on_top(rspamd: Rspamd, added: bytes) -> None:
    mail = added + SIGNED
    assert (rspamd.allowed(mail), rspamd.rejected(mail)) == (set(), BOTH)


def test_rspamd_takes_no_signature_over_another_body(rspamd: Rspamd) -> None:
    mail = SIGNED.replace(b"From here", b"From afar")
    assert (rspamd.allowed(mail), rspamd.rejected(mail)) == (set(), BOTH)


def test_spamassassin_takes_no_signature_over_a_changed_mail(spamassassin: SpamAssassin) -> None:
    hits = spamassassin.hits(SECOND[2] + SIGNED)
    assert "DKIM_INVALID" in hits
    assert "DKIM_VALID" not in hits


# --- as it arrives


def test_a_mail_that_went_through_postfix_still_has_all_signatures(received: bytes) -> None:
    assert received.startswith(b"Received: from digest.test ")
    assert verdicts(received) == [True, True]


def test_rspamd_takes_both_signatures_behind_postfix(rspamd: Rspamd, received: bytes) -> None:
    assert rspamd.allowed(received) == BOTH


def test_spamassassin_takes_the_signature_behind_postfix(spamassassin: SpamAssassin, received: bytes) -> None:
    assert {"DKIM_VALID", "DKIM_VALID_AU"} <= spamassassin.hits(received)


# --- which mails


@pytest.mark.parametrize("kind", [NoticeKind.WELCOME, NoticeKind.CONFIRM, NoticeKind.DATA], ids=str)
def test_a_letter_to_a_single_reader_is_signed(kind: NoticeKind) -> None:
    write = Correspondent(ours(), PRESS, TOKENS, signers=KEYS)
    mail = write(notice(kind)).message
    assert verdicts(mail) == [True, True]
    assert mail == write(notice(kind)).message, "and the same on every attempt"


def test_a_one_off_letter_is_signed() -> None:
    on = issue(section("World", story(article(1))))
    printed = Letter(subject="A one-off", html="<p>News", text="News")
    mail = one_off_mail(ours(), on, printed, "reader@mail.example", signers=[ED25519, RSA]).message
    assert verdicts(mail) == [True, True]
