"""Read a mail address strictly, as one mailbox that a mail server would take.

Python's `parseaddr` finds an address in nearly anything: `alice@example.org)bob@evil.test` was alice for
years (CVE-2019-16056, CVE-2023-27043). Here the whole text is the address, or there is none. Of RFC 5321
the quoted local part and the address literal are left out on purpose: readers do not have them, attackers do.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from digest.errors import AddressError

_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1
_ADDRESS_OCTETS = 254  # section 4.5.3.1.3, without the angle brackets
_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
_DOT_ATOM = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_A_LABEL_PREFIX = "xn--"
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One mailbox; as a string it is what stands on the wire."""

    local: str  # as given; Unicode in NFC
    domain: str  # lower case, international labels as A-labels

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def display(self) -> str:
        """The address as its reader would write it, with an international domain in its own script."""
        if _A_LABEL_PREFIX not in self.domain:
            return str(self)
        import idna  # noqa: PLC0415 - its tables are large and few addresses need them

        return f"{self.local}@{idna.decode(self.domain)}"

    @property
    def key(self) -> str:
        """The form under which two spellings of one address are equal; only for finding duplicates."""
        return unicodedata.normalize("NFC", str(self).casefold())

    @property
    def mailbox(self) -> str:
        """The form under which one mailbox is counted: without a subaddress, at Gmail without dots."""
        local, _, domain = self.key.rpartition("@")
        local = local.partition("+")[0] or local
        return f"{local.replace('.', '') if domain in _DOTLESS else local}@{domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()


@lru_cache(maxsize=32)  # a mail names its reader several times, and the sender is always the same
def parse_address(text: str) -> Address:
    """Read `text` as one address, nothing before and nothing after it.

    Raises:
        ValueError: it is none; the message quotes it and says why.

    """
    try:
        return _whole(text)
    except ValueError as error:
        raise ValueError(f"{text!r:.80} is not a mail address: {error}") from None


def read_address(text: str) -> Address:
    """Read what a person typed as one address.

    Raises:
        AddressError: it is none.

    """
    try:
        return parse_address(text.strip())
    except ValueError as error:
        raise AddressError(str(error)) from None


def _whole(text: str) -> Address:
    local, at, domain = text.partition("@")
    if not at:
        raise ValueError("it has no @")
    if "@" in domain:
        raise ValueError("it has more than one @")
    address = Address(local=_local(local), domain=_domain(domain))
    if len(str(address).encode()) > _ADDRESS_OCTETS:
        raise ValueError(f"it is longer than {_ADDRESS_OCTETS} octets")
    return address


def _local(text: str) -> str:
    """Check a dot-atom of RFC 5321 section 4.1.2, with the UTF-8 of RFC 6531 section 3.3."""
    if len(text) <= _LOCAL_OCTETS and _DOT_ATOM.fullmatch(text):  # as nearly all are
        return text
    if text.startswith('"'):
        raise ValueError("a quoted local part is not taken")
    local = unicodedata.normalize("NFC", text)
    for character in local:
        # C: controls, surrogates, unassigned, invisible formats; Z: spaces and line separators
        fits = character in _ATEXT if character.isascii() else unicodedata.category(character)[0] not in "CZ"
        if not fits and character != ".":
            raise ValueError(f"{character!r} cannot stand before the @")
    if not all(local.split(".")):
        raise ValueError("the part before the @ is empty, or has a dot at an end or beside a dot")
    if len(local.encode()) > _LOCAL_OCTETS:
        raise ValueError(f"the part before the @ is longer than {_LOCAL_OCTETS} octets")
    return local


@lru_cache(maxsize=1024)  # many readers, few domains
def _domain(text: str) -> str:
    """Check a domain name and give its A-label form (RFC 5891)."""
    if text.startswith("["):
        raise ValueError("an address literal is not taken, only a domain name")
    if len(text) > _ADDRESS_OCTETS:
        raise ValueError("the domain is too long")
    domain = unicodedata.normalize("NFC", text.lower())
    if not domain.isascii() or _A_LABEL_PREFIX in domain:
        import idna  # noqa: PLC0415 - its tables are large and few addresses need them

        domain = idna.encode(domain, strict=True).decode("ascii")
    labels = domain.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r:.70} is not a part of a domain name")
    if labels[-1].isdigit():
        raise ValueError("the domain ends in a number")
    if len(labels) == 1 and domain != "localhost":  # local mail is real; gmail without .com is a slip
        raise ValueError("the domain has no dot")
    return domain
