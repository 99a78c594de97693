"""Read the fields of a delivery status notification (RFC 3464), however they are grouped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from digest.bounces.addresses import found_in, tidied

_FIELD = re.compile(r"[>|\s]{0,6}([A-Za-z][A-Za-z0-9-]{2,60}) ?:[ \t]*(.*)")
_OF_RECIPIENT = frozenset(
    {
        "original-recipient",
        "final-recipient",
        "x-actual-recipient",
        "action",
        "status",
        "diagnostic-code",
        "remote-mta",
    }
)
_NAMES = ("final-recipient", "original-recipient", "x-actual-recipient", "x-failed-recipient")
_QUOTED = re.compile(r"(?im)^[>|\s]{0,8}(?:final|original)-recipient ?:[^\n]{0,300}@")
_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(slots=True, kw_only=True)
class Group:
    """What a notification says of one recipient."""

    values: dict[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> list[str]:
        """The recipient's address, and what else he is called, the final one first."""
        found = [address for name in _NAMES for address in _of(self.values.get(name, ""))]
        return sorted(found, key=_is_local)

    @property
    def action(self) -> str:
        """What became of the mail: failed, delayed, delivered, relayed, expanded; empty where nothing says it."""
        found = re.match(r"[a-z]+", self.values.get("action", "").lower().strip(' "'))
        return found[0] if found else "delivered" if self.status.startswith("2") else ""

    @property
    def status(self) -> str:
        """The enhanced status code."""
        found = _CODE.search(self.values.get("status", ""))
        return found[1] if found else ""

    @property
    def diagnostic(self) -> str:
        """What the other server said."""
        return self.values.get("diagnostic-code", "")


def groups(text: str) -> list[Group]:
    """Give what is said of each recipient; a group that was torn in two by an empty line is one again."""
    found: list[Group] = []
    loose: dict[str, str] = {}
    for block in _blocks(text):
        group = Group(
            values={name: value for name, value in block.items() if name in _OF_RECIPIENT or name in _NAMES}
        )
        if any(name in group.values for name in _NAMES):
            group.values = loose | group.values
            found.append(group)
            loose = {}
        elif group.values and found and not set(group.values) & set(found[-1].values):
            found[-1].values |= group.values
        elif group.values:
            loose = group.values
    if loose and not found:
        found.append(Group(values=loose))
    return [group for group in found if group.values]


def is_quoted(text: str) -> bool:
    """Tell whether such fields stand in a text."""
    return _QUOTED.search(text) is not None


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Give the fields between empty lines; a second recipient begins anew."""
    block: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        if not line.strip(" \t>|"):
            if block:
                yield block
            block, last = {}, ""
        elif line[0] in " \t" and last and not _is_known(line):
            block[last] = f"{block[last]} {line.strip()}"[:2000]
        elif match := _FIELD.match(line):
            last = match[1].lower()
            if last in block and last in _OF_RECIPIENT | {"final-recipient"}:
                yield block
                block = {}
            block[last] = match[2].strip()
        elif last:  # the rest of a value, by a server that does not fold
            block[last] = f"{block[last]} {line.strip()}"[:2000]
    if block:
        yield block


def _is_known(line: str) -> bool:
    match = _FIELD.match(line)
    return match is not None and match[1].lower() in _OF_RECIPIENT


def _of(value: str) -> list[str]:
    kind, _, rest = value.partition(";")
    found = list(found_in(rest or value))[:1]
    if not found and rest and "@" in rest and kind.strip().lower() in ("rfc822", "utf-8"):
        found = [address for address in [tidied(rest.strip(" <>"))] if " " not in address]
    return [address for address in found if address]


def _is_local(address: str) -> bool:
    """Tell whether only the server itself knows the domain of an address."""
    return "." not in address.rpartition("@")[2]
