"""Read who wrote a mail and to whom, strictly: a field of addresses is read as RFC 5322 has it, or not at all.

What the interpreter's `parseaddr` makes of a field depends on the interpreter (CVE-2023-27043). Here a display
name or a comment never becomes an address, and where two readers could see two addresses there is none.
"""

import re

from digest.address import Address, parse_address
from digest.received.fields import Fields, uncommented

_LONGEST = 2000  # characters of a field
_MOST = 50  # addresses
_SPECIALS = frozenset('()<>[]:;@\\,"')  # RFC 5322 section 3.2.3, without the dot
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_TRACE = ("delivered-to", "x-original-to", "envelope-to")


def author(fields: Fields) -> Address | None:
    """Give the one address of the one From field; None where there are more, or none."""
    values = fields.named("from")
    if len(values) != 1 or len(values[0]) > _LONGEST or _CONTROLS.search(values[0]):
        return None
    found = mailboxes(values[0])
    return found[0] if found is not None and len(found) == 1 else None


def recipients(fields: Fields, own: Address) -> tuple[str, ...]:
    """Give the addresses that a mail was delivered to, as far as its header tells.

    The trace of the delivery counts before To and Cc, unless it has lost the subaddress that these still show: many
    mailboxes note only their plain address.
    """
    traced = _all(fields, *_TRACE)
    written = _all(fields, "to", "cc")
    for group in (traced, written):
        if any(is_own(address, own) and "+" in address.local for address in group):
            return _texts(group)
    return _texts(traced or written)


def return_path(fields: Fields) -> str | None:
    """Give the envelope sender that the last server noted; empty: null; None: not noted, or not readable."""
    noted = fields.first("return-path")
    if not noted:
        return None
    found = noted.strip()
    if found in ("<>", "<MAILER-DAEMON>", "MAILER-DAEMON"):
        return ""
    read = mailboxes(found) if len(found) <= _LONGEST else None
    return str(read[0]) if read else None


def is_own(address: Address, own: Address) -> bool:
    """Tell whether an address is ours, with whatever subaddress."""
    local, own_local = address.local.casefold(), own.local.casefold()
    return address.domain == own.domain and (local == own_local or local.startswith(f"{own_local}+"))


def mailboxes(value: str) -> list[Address] | None:
    """Read a list of mailboxes; None where any of it is none. Groups are refused."""
    found: list[Address] = []
    one: list[str] = []
    for piece in [*uncommented(value, specials=_SPECIALS), ","]:
        if piece != ",":
            one.append(piece)
        elif one:
            address = _mailbox(one)
            if address is None or len(found) == _MOST:
                return None
            found.append(address)
            one = []
    return found


def _mailbox(tokens: list[str]) -> Address | None:
    """Read `local@domain` or `display name <local@domain>`."""
    if tokens[-1] == ">":
        if tokens.count("<") != 1 or tokens.count(">") != 1:
            return None
        opened = tokens.index("<")
        name, tokens = tokens[:opened], tokens[opened + 1 : -1]
        if not all(_is_word(token) for token in name):
            return None
    if len(tokens) != len(("local", "@", "domain")) or "=?" in tokens[0]:
        return None  # an encoded-word: who decodes it sees another address than who does not
    try:
        return parse_address("".join(tokens))
    except ValueError:
        return None


def _is_word(token: str) -> bool:
    return token not in _SPECIALS


def _all(fields: Fields, *names: str) -> list[Address]:
    found: list[Address] = []
    for name in names:
        for value in fields.named(name)[:_MOST]:
            found += mailboxes(value[:_LONGEST]) or ()
    return found[:_MOST]


def _texts(addresses: list[Address]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, addresses)))
