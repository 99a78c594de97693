"""Read what Amazon's mail service writes instead of a report: JSON, in a mail of its notification service."""

import json
from dataclasses import dataclass
from typing import Any

_MARK = '"notificationType"'
_LISTS = {
    "Bounce": ("bounce", "bouncedRecipients"),
    "Complaint": ("complaint", "complainedRecipients"),
    "Delivery": ("delivery", "recipients"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """One whom a notification is about."""

    kind: str  # Bounce, Complaint or Delivery
    address: str
    status: str
    said: str


def notified(text: str) -> list[Notified]:
    """Give those whom a notification is about; none where the text is none."""
    start = text.find("{")
    if start < 0 or _MARK not in text[start : start + 200]:
        return []
    joined = text[start:].replace("!\n ", "").replace("\n", "")  # some servers cut long lines so
    try:
        value, _ = json.JSONDecoder().raw_decode(joined)
    except (ValueError, RecursionError):
        return []
    kind = str(value.get("notificationType"))
    outer, inner = _LISTS.get(kind, ("", ""))
    part = value.get(outer)
    told = part.get(inner) if isinstance(part, dict) else None
    return [one for entry in (told if isinstance(told, list) else []) if (one := _notified(kind, entry))]


def _notified(kind: str, entry: Any) -> Notified | None:
    if isinstance(entry, str):
        entry = {"emailAddress": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("emailAddress"), str):
        return None
    status, said = entry.get("status"), entry.get("diagnosticCode")
    return Notified(
        kind=kind,
        address=entry["emailAddress"].strip("<> "),
        status=status if isinstance(status, str) else "",
        said=said if isinstance(said, str) else "",
    )
