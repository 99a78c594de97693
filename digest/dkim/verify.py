"""Whether a finished mail bears a key's signature, read from its bytes as a receiver would (RFC 6376 section 6); pure.

It is for looking at our own mails without the DNS, and knows only what our own signatures may be.
"""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from digest.dkim import Key, body_hash, read_fields, relaxed

_WHAT_IS_SIGNED = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


def verifies(message: bytes, key: Key) -> bool:
    """Say whether a signature of this key is there and right."""
    fields = list(read_fields(message))
    for at, (name, value) in enumerate(fields):
        tags = _tags(value) if name.lower() == "dkim-signature" else {}
        if (tags.get("d"), tags.get("s")) == (key.domain, key.selector):
            return (
                (tags["a"], tags["c"]) == (key.algorithm, "relaxed/simple")
                and base64.b64decode(tags["bh"]) == body_hash(message.partition(b"\r\n\r\n")[2])
                and _signed(key, _hashed(fields, at, tags["h"]), base64.b64decode(tags["b"]))
            )
    return False


def _tags(value: bytes) -> dict[str, str]:
    """Read the tags (RFC 6376 section 3.2); none of ours has white space that counts."""
    pairs = (tag.partition("=") for tag in re.sub(rb"[ \t\r\n]", b"", value).decode("utf-8").split(";"))
    return {name: text for name, _, text in pairs}


def _hashed(fields: list[tuple[str, bytes]], at: int, h: str) -> bytes:
    """Give what was signed: of each name the lowest field that is not used yet, then the signature without its b=."""
    left = [(name.lower(), value) for number, (name, value) in enumerate(fields) if number != at]
    hashed = b""
    for wanted in h.lower().split(":"):
        lowest = next((number for number in reversed(range(len(left))) if left[number][0] == wanted), None)
        if lowest is not None:
            hashed += relaxed(*left.pop(lowest))
    bare = _WHAT_IS_SIGNED.sub(rb"\1", fields[at][1])
    return hashed + relaxed("DKIM-Signature", bare).removesuffix(b"\r\n")


def _signed(key: Key, hashed: bytes, signature: bytes) -> bool:
    try:
        if isinstance(key.private, RSAPrivateKey):
            key.private.public_key().verify(signature, hashed, PKCS1v15(), SHA256())
        else:
            key.private.public_key().verify(signature, hashlib.sha256(hashed).digest())
    except InvalidSignature:
        return False
    return True
