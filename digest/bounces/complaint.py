"""Read what a reader's mail provider sends when he calls a letter spam (RFC 5965), and whose it was."""

import re

from digest.bounces.addresses import found_in, is_machines, once
from digest.bounces.pieces import Pieces
from digest.bounces.reasons import Reason
from digest.bounces.report import Recipient

_WHO = ("original-rcpt-to", "removal-recipient", "redacted-address")
_TYPES = frozenset(
    {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "complaint", "miscategorized"}
)
"""The kinds of feedback that complain; a failed authentication (RFC 6591) and "not spam" do not."""


def complaints(pieces: Pieces) -> list[Recipient] | None:
    """Give who complains, perhaps nobody by name; None where it is no complaint."""
    hidden = _hidden(pieces)
    if pieces.feedback:
        kind = _values(pieces.feedback, "feedback-type").split(";")[0].strip().lower()
        if kind and kind not in _TYPES:
            return None
    elif not hidden:
        return None
    stated = once(address for name in _WHO for address in found_in(_values(pieces.feedback, name)))
    whole = [address for address in stated if not address.startswith("redacted@")]
    found = whole or hidden or [one for one in pieces.addressees if not is_machines(one)] or stated
    return [Recipient(address=address, reason=Reason.FEEDBACK) for address in found]


def _hidden(pieces: Pieces) -> list[str]:
    """Give the reader where Microsoft sends the letter alone, with a field of its own in it."""
    original = pieces.original
    return once(found_in(original.first("x-hmxmroriginalrecipient"))) if original else []


def _values(text: str, name: str) -> str:
    """Give all values of a field in a text of fields."""
    return " ".join(re.findall(rf"(?im)^\s{{0,4}}{re.escape(name)} ?:[ \t]*(.*)$", text))
