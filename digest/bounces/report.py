"""What a mail that came back says, as values."""

from dataclasses import dataclass
from enum import StrEnum

from digest.bounces.reasons import Reason


class Kind(StrEnum):
    """What a mail that came back to us is."""

    BOUNCE = "bounce"  # it did not arrive, or not yet
    COMPLAINT = "complaint"  # its reader calls it spam
    AUTOREPLY = "autoreply"  # its reader is away
    DELIVERED = "delivered"  # it did arrive
    ORDINARY = "ordinary"  # none of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One whom a report is about."""

    address: str  # as the report has it, which need not be an address that we know
    reason: Reason
    code: int | None = None  # of the server's reply
    enhanced: str | None = None
    text: str = ""  # the beginning of what was said of him

    @property
    def permanent(self) -> bool:
        """Whether no later mail will reach him either."""
        return self.reason.hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a mail says of others, and which mail of ours it was about, as far as that stands in it."""

    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    message_id: str = ""  # of the mail that came back
    unsubscribe: str = ""  # its List-Unsubscribe
