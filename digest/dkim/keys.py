"""Keys as texts: what stands in a key file (PKCS #8 in PEM), and what is published of it in the DNS; pure."""

import base64
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from digest.dkim import Key

Kind = Literal["rsa", "ed25519"]

_BITS = 2048  # RFC 8301 section 3.2: a signer's shortest; one that fits into every DNS answer
_MOST_BITS = 4096  # the longest that every receiver must verify
_STRING = 255  # octets of one string of a TXT record (RFC 1035 section 3.3)


def make_pem(kind: Kind) -> bytes:
    """Make a key, and give what its file holds."""
    private = generate_private_key(65537, _BITS) if kind == "rsa" else Ed25519PrivateKey.generate()
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_pem(pem: bytes, *, domain: str, selector: str) -> Key:
    """Read the key of a file.

    Raises:
        ValueError: it holds none that mail can be signed with; the message says why.

    """
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("its key is encrypted; it must stand there without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it holds no private key in PEM") from None
    if isinstance(private, RSAPrivateKey) and not _BITS <= private.key_size <= _MOST_BITS:
        raise ValueError(f"its key has {private.key_size} bits; {_BITS} to {_MOST_BITS} are taken")
    if isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        return Key(domain=domain, selector=selector, private=private)
    raise ValueError("its key is neither RSA nor Ed25519")


def record_name(key: Key) -> str:
    """Give the name under which receivers look for the key."""
    return f"{key.selector}._domainkey.{key.domain}"


def record(key: Key) -> str:
    """Give the text of its TXT record (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
    if isinstance(key.private, RSAPrivateKey):
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        kind, public = "rsa", key.private.public_key().public_bytes(*form)
    else:
        kind, public = "ed25519", key.private.public_key().public_bytes_raw()
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"


def zone_line(key: Key) -> str:
    """Give the record as a line of a zone file, its text in strings that are not too long."""
    text = record(key)
    strings = " ".join(f'"{text[at : at + _STRING]}"' for at in range(0, len(text), _STRING))
    return f"{record_name(key)}. IN TXT ({strings})"
