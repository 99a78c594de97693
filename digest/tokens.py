"""Tokens: what a link in a letter carries so that it, and nothing else, proves who follows it.

A token names a row by its number and is bound to one purpose by a keyed MAC of 128 bits (HMAC-SHA-256, truncated as
RFC 2104 section 5 allows). It is written in lower-case base 32, since mail commands lose case on the way. Nothing
of it is stored. What may be done only once is made so by its row: a request is confirmed once, and its number is never
given to another.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import date
from enum import StrEnum

_ID_BYTES = 5
_MAC_BYTES = 16
_CHARACTERS = 34  # of 5 bits; the last two bits are 0
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]
_SHIFTS = tuple(range(5 * _CHARACTERS - 10, -1, -10))


class Purpose(StrEnum):
    """What a token may be used for."""

    UNSUBSCRIBE = "unsubscribe"  # a subscriber: leave, and nothing else
    CONFIRM = "confirm"  # a request: yes, it was me
    PREFERENCES = "preferences"  # a subscriber: everything he may do
    LETTER = "letter"  # a delivery: everything, in reply to that letter
    BOUNCE = "bounce"  # a delivery: what came back of it
    PROBE = "probe"  # a subscriber: the same of a letter that warns him
    VOTE = "vote"  # a subscriber: vote, and nothing else
    MESSAGE_ID = "message-id"
    ADDRESS = "address"  # a hash of one, where the address itself must not stand
    NETWORK = "network"  # the same of where somebody writes from
    FORM = "form"  # a page's form was made by us


class Tokens:
    """Makes and checks tokens under one secret."""

    def __init__(self, secret: str) -> None:
        key = hashlib.sha256(secret.encode()).digest()
        # The key and the purpose are hashed once, since five tokens stand in each mail.
        padded = key.ljust(hashlib.sha256().block_size, b"\0")
        inner, self._outer = (hashlib.sha256(bytes(octet ^ pad for octet in padded)) for pad in (0x36, 0x5C))
        self._inner = {purpose: inner.copy() for purpose in Purpose}
        for purpose, begun in self._inner.items():
            begun.update(f"{purpose}\0".encode())

    def make(self, purpose: Purpose, number: int) -> str:
        """Give the token of a row for a purpose: 34 characters of a-z2-7, always the same ones."""
        octets = number.to_bytes(_ID_BYTES, "big")
        return _base32(octets + self._mac(purpose, octets)[:_MAC_BYTES])

    def read(self, purpose: Purpose, token: str) -> int | None:
        """Give the row's number, or None for a token that is not ours, of whatever kind."""
        try:
            raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            return None
        number, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
        if not hmac.compare_digest(mac, self._mac(purpose, number)[:_MAC_BYTES]):
            return None
        return int.from_bytes(number, "big")

    def fingerprint(self, purpose: Purpose, text: str) -> str:
        """Give 32 hexadecimal digits that nobody else can compute for `text`."""
        return self._mac(purpose, text.encode())[:_MAC_BYTES].hex()

    def id_left(self, list_name: str, on: date, subscriber_id: int) -> str:
        """Give what stands before the @ of `message_id` (RFC 5322 section 3.6.4)."""
        return self.fingerprint(Purpose.MESSAGE_ID, f"{list_name}/{on}/{subscriber_id}")

    def message_id(self, list_name: str, on: date, subscriber_id: int, *, domain: str) -> str:
        """Give the Message-ID of a list's issue of a date for one subscriber, the same on every attempt."""
        return f"<{self.id_left(list_name, on, subscriber_id)}@{domain}>"

    def _mac(self, purpose: Purpose, octets: bytes) -> bytes:
        """Give HMAC (RFC 2104 section 4), from its two hashes as they are once they have the key, in half the time."""
        inner, outer = self._inner[purpose].copy(), self._outer.copy()
        inner.update(octets)
        outer.update(inner.digest())
        return outer.digest()


def _base32(octets: bytes) -> str:
    """Write a token's 168 bits as Python's `b32encode` does, in half its time."""
    bits = int.from_bytes(octets, "big") << 2
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])
