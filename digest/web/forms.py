"""A form that comes back is one that we gave to this browser, not too long ago, and filled in by a person.

Each form holds a stamp: its name, when it was made and a number, under a MAC that also covers a number kept in a
cookie. That cookie is for nothing else: it lives as long as the browser runs, says nothing about its owner and is
sent to no other site (SameSite=Strict, HttpOnly; behind https also Secure and bound to the host by `__Host-`). A page
elsewhere can make a browser send a form, but cannot read our stamp nor set that cookie.

A sign-up must moreover have taken a person's time, leave the trap empty and answer a question, and its number
works once.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from digest.tokens import Purpose, Tokens

TRAP = "website"
"""The field that people do not see and leave empty."""

VALID = timedelta(hours=24)
"""How long a page may stay open before its form is sent."""

_NUMBER_BYTES = 16
_NONCE = re.compile(r"[0-9a-f]{32}")
_STAMP = re.compile(r"([0-9a-f]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{32})")


class Flaw(StrEnum):
    """Why a form that came back is not taken as it is; the words for it stand in web/_fields.html.j2."""

    FOREIGN = "foreign"  # not one that we gave to this browser, or its cookie is gone
    OLD = "old"  # it lay open for a day
    EARLY = "early"  # nobody fills it in so fast
    USED = "used"  # it has come in before


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What says where a form comes from."""

    number: str
    began: datetime

    def flaw(self, *, now: datetime, seconds_to_fill: int = 0) -> Flaw | None:
        """Tell what is wrong with its age."""
        age = now - self.began
        if age < timedelta(seconds=seconds_to_fill):
            return Flaw.EARLY
        return Flaw.OLD if age > VALID else None

    def write(self, tokens: Tokens, form: str, *, nonce: str) -> str:
        """Give it as the value of a hidden field."""
        began = f"{int(self.began.timestamp()):x}"
        return f"{began}.{self.number}.{_mac(tokens, form, nonce, began, self.number)}"


def new_stamp(*, now: datetime) -> Stamp:
    """Make the stamp of a form that is shown for the first time."""
    return Stamp(number=secrets.token_hex(_NUMBER_BYTES), began=now)


def read_stamp(tokens: Tokens, form: str, text: str, *, nonce: str) -> Stamp | None:
    """Read a stamp that we wrote for this form and this browser's cookie; None for any other."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return None
    began, number, mac = match.groups()
    if not hmac.compare_digest(mac, _mac(tokens, form, nonce, began, number)):
        return None
    return Stamp(number=number, began=datetime.fromtimestamp(int(began, 16), UTC))


def new_nonce() -> str:
    """Make a number for the cookie."""
    return secrets.token_hex(_NUMBER_BYTES)


def is_nonce(text: str) -> bool:
    """Tell whether a cookie holds such a number."""
    return bool(_NONCE.fullmatch(text))


def _mac(tokens: Tokens, form: str, nonce: str, began: str, number: str) -> str:
    return tokens.fingerprint(Purpose.FORM, f"stamp\0{form}\0{nonce}\0{began}\0{number}")
