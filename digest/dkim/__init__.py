"""Sign mails with DKIM, RSA and Ed25519 (RFC 6376, 8301, 8463); pure but for `files`.

Each signature is over all fields of a mail and over its whole body: c=relaxed/simple, and no l=. A field is named once
more than it occurs, From first, so that a second one put above it breaks the signature; and some are named though they
are not there, so that none can be put in later (RFC 6376 section 8.15). The same mail, key and moment give the same
bytes.

    keys      the text of a key file becomes a key; what is published of it
    files     the key files that the settings name, and new ones
    verify    whether a finished mail bears a key's signature
"""

import hashlib
import re
import textwrap
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from digest.errors import MessageError

__all__ = ["Algorithm", "Key", "Prepared", "body_hash", "read_fields", "relaxed", "sign"]

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

NONE_LATER = (
    *("Reply-To", "Sender", "To", "Cc", "Subject", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Subscribe"),
    *("List-Owner", "List-Archive", "List-Post"),
)
"""Fields that say what a mail is, to whom answers go and how one leaves: named though absent."""

_LINE = 76
_SIGNATURE_LINE = 72  # characters of base64 on one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What one selector's signatures are made with."""

    domain: str  # d=, as A-labels
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> Algorithm:
        """The value of a=."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def prepare(self, names: Sequence[str], when: datetime) -> "Prepared":
        """Prepare the signatures of mails that have these fields, in this order, and are signed at this moment.

        Raises:
            MessageError: there is no From, or a field twice.

        """
        present = {name.lower(): name for name in names}
        if len(present) != len(names) or "from" not in present:
            raise MessageError(f"a mail is signed that has From, and each field once, not {', '.join(names)}")
        signed = (present.pop("from"), *present.values())
        absent = (name for name in NONE_LATER if name.lower() not in present)
        hashed = (*(name for name in signed for _ in range(2)), *absent)
        tags = (
            f"v=1; a={self.algorithm}; c=relaxed/simple; t={int(when.timestamp())};",
            f"d={self.domain};",
            f"s={self.selector};",
            *_fold(f"h={': '.join(hashed)};"),
            "bh=",
        )
        value = " " + "\r\n ".join(tags)
        return Prepared(
            names=signed,
            private=self.private,
            start=f"DKIM-Signature:{value}".encode("ascii"),
            relaxed_start=relaxed("DKIM-Signature", value.encode("ascii")).removesuffix(b"\r\n"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A signature that lacks only what differs from one mail to the next."""

    names: tuple[str, ...]  # of the fields to hash, in the order of h=, each once
    private: RSAPrivateKey | Ed25519PrivateKey
    start: bytes  # the field up to its bh=
    relaxed_start: bytes  # the same as it is hashed

    def field(self, canonical: bytes, body_hash: bytes) -> bytes:
        """Give the whole DKIM-Signature, CRLF at its end, which stands above all fields that it signs.

        `canonical` is the `relaxed` form of the fields `names`, one after the other; `body_hash` is the body's.
        """
        bh = b64encode(body_hash)
        hashed = b"%b%b%b; b=" % (canonical, self.relaxed_start, bh)
        if isinstance(self.private, RSAPrivateKey):
            signature = b64encode(self.private.sign(hashed, PKCS1v15(), SHA256()))
        else:  # RFC 8463 section 3: what is signed is the hash
            signature = b64encode(self.private.sign(hashlib.sha256(hashed).digest()))
        lines = (signature[at : at + _SIGNATURE_LINE] for at in range(0, len(signature), _SIGNATURE_LINE))
        return b"%b%b;\r\n b=%b\r\n" % (self.start, bh, b"\r\n ".join(lines))


def sign(message: bytes, keys: Iterable[Key], when: datetime) -> bytes:
    """Put a signature of each key on top of a finished mail, that of the first key uppermost.

    Raises:
        MessageError: the mail has no From, or a field twice.

    """
    fields = list(read_fields(message))
    names = [name for name, _ in fields]
    values = dict(fields)
    hashed = body_hash(message.partition(b"\r\n\r\n")[2])
    signatures = []
    for key in keys:
        prepared = key.prepare(names, when)
        canonical = b"".join(relaxed(name, values[name]) for name in prepared.names)
        signatures.append(prepared.field(canonical, hashed))
    return b"".join((*signatures, message))


def read_fields(message: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the name of each header field and its value, still folded, from top to bottom."""
    head = message.partition(b"\r\n\r\n")[0]
    for field in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = field.partition(b":")
        yield name.decode("ascii").rstrip(" \t"), value


def relaxed(name: str, value: bytes) -> bytes:
    """Give a header field as it is hashed under "relaxed" (RFC 6376 section 3.4.2), CRLF at its end."""
    text = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return b"%b:%b\r\n" % (name.lower().encode("ascii"), text)


def body_hash(body: bytes) -> bytes:
    """Give the SHA-256 of a body under "simple" (RFC 6376 section 3.4.3): empty lines at its end do not count."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return hashlib.sha256(body[:end] + b"\r\n").digest()


def _fold(names: str) -> Iterator[str]:
    """Break names, a colon and a space between them, into lines; there the spaces are left out."""
    for line in textwrap.wrap(names, _LINE - 1, break_long_words=False, break_on_hyphens=False):
        yield line.replace(" ", "")
