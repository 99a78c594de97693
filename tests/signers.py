"""Keys and mails for tests of DKIM, and dkimpy to say whether a signature is right.

KEYS                 one of each algorithm, for digest.example
letter(**changes)    a mail of a list, still unsigned
verdicts(mail)       what dkimpy says of each signature, from the top
"""

import re
from datetime import UTC, datetime
from typing import Any

import dkim

from digest.dkim import Key
from digest.dkim.keys import make_pem, read_pem, record, record_name
from digest.message import Headers, message
from digest.model import Letter

WHEN = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
DOMAIN = "digest.example"
KEYS = (
    read_pem(make_pem("rsa"), domain=DOMAIN, selector="2026a-rsa"),
    read_pem(make_pem("ed25519"), domain=DOMAIN, selector="2026a-ed25519"),
)
RSA, ED25519 = KEYS


def letter(**changes: Any) -> bytes:
    """Make a mail with all fields that a letter of a list has, and pictures of what is hard to carry."""
    usual = Headers(
        from_name="The Alder Digest, täglich",
        from_address=f"daily@{DOMAIN}",
        to_address="reader@mail.example",
        reply_to=f"daily+help@{DOMAIN}",
        date=WHEN,
        message_id=f"<7.20260301.9f8a@{DOMAIN}>",
        list_id=f"daily.{DOMAIN}",
        list_name="The Alder Digest",
        unsubscribe_urls=(f"https://{DOMAIN}/u/{'t' * 300}", f"mailto:daily+leave@{DOMAIN}"),
        one_click=True,
    )
    subject = "Täglich: 河口のフェリーが再開 – البحر ⛴️ " * 4
    html = f"<p>.\n..\nFrom here\n<p>{'a very long line ' * 100}"
    return message(Letter(subject=subject, html=html, text=".\nFrom here on  \n\n"), usual, **changes)


def verdicts(mail: bytes, keys: tuple[Key, ...] = KEYS) -> list[bool]:
    """Let dkimpy look at each signature, the uppermost first."""
    published = {f"{record_name(key)}.".encode(): record(key).encode() for key in keys}
    count = len(
        re.findall(rb"^DKIM-Signature:", mail.partition(b"\r\n\r\n")[0], re.MULTILINE | re.IGNORECASE)
    )
    return [_verdict(mail, number, published) for number in range(count)]


def _verdict(mail: bytes, number: int, published: dict[bytes, bytes]) -> bool:
    try:
        return bool(dkim.DKIM(mail).verify(number, dnsfunc=lambda name, timeout=5: published[name]))
    except dkim.ValidationError:
        return False
