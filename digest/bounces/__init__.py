"""Say what a returned mail is: a bounce, a complaint, an automatic answer, a receipt or an ordinary mail; and of whom.

    report of a server    RFC 3464   failed or late: bounce; delivered, relayed or expanded: delivered
    report of a reader    RFC 5965   abuse and the like: complaint; a failed authentication and "not spam" are none
    a server's letter     in words   bounce, where a machine says that a mail did not arrive
    an automatic answer   RFC 3834   autoreply
    what is left          flufl.bounce's older forms, each address checked; else ordinary

Nothing here proves anything: whoever can write a mail can write a report. Which reader is meant, the caller's tokens
say. Nothing raises, and the work is bounded whatever the mail is.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from digest.bounces import said
from digest.bounces.addresses import found_in, is_machines, once
from digest.bounces.legacy import legacy_recipients
from digest.bounces.pieces import Pieces, take_apart
from digest.bounces.reasons import Reason, reason_of
from digest.bounces.status import Group, groups
from digest.received.fields import Fields, plain
from digest.received.mailboxes import return_path

__all__ = ["Kind", "Reason", "Recipient", "Report", "classify", "reason_of"]

_MOST = 100  # recipients of one report
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.])")
_FAILED = frozenset({"failed", "failure", "failtodeliver", "delayed", "expired", "deferred", "undelivered", ""})
_ARRIVED = frozenset({"delivered", "relayed", "expanded", "deliverable"})
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "complaint", "miscategorized", "unsubscribe"})
_ANSWERS = re.compile(
    r"\s*(\W*\s)?(auto(mati[ck]\w*|matisch\w*|matique)?[-: ]?(re(ply|sponse|spond\w*)|answer|antwort|svar|risposta|respuesta)|out of( the)? (office|town)|(i am |on )?(vacation|holiday|leave)\b|"
    r"away (from|until|on)|abwesen|r[eé]ponse automatique|respuesta autom|risposta autom|absence|otomatik yan[ıi]t|otomatik cevap|自動(返信|応答)|自动(回复|答复)|رد تلقائي)",
    re.IGNORECASE,
)
_AFTER_DATA = re.compile(
    r"in reply to (the )?end of data|after (the )?(end of )?data|end[- ]of[- ]data|smtp command[\s-]+data|for text command|"
    r"response to data|>>> (data|\.)\s+<<< 550(?!.*(<<< 503|need rcpt|no valid|>>> rcpt))",
    re.IGNORECASE | re.DOTALL,
)
_AFTER_SENDER = re.compile(r"(in reply to|after|response to|reply was to) (the )?mail from|>>> mail from:[^\n]{1,300}?\s+<<< 5", re.IGNORECASE)
_QUOTED_STATUS = re.compile(r"(?im)^[>|\s]*(?:final|original)-recipient ?:[^\n]*@")
_COMPLAINERS = ("original-rcpt-to", "removal-recipient", "redacted-address")


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
    text: str = ""  # what was said of him

    @property
    def permanent(self) -> bool:
        """Whether no later mail will reach him either."""
        return self.reason.hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a mail says of others; which of ours it was about, as far as that stands in it."""

    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    message_id: str = ""  # of the mail that came back
    unsubscribe: str = ""  # its List-Unsubscribe


def classify(content: bytes) -> Report:
    """Read a mail."""
    pieces = take_apart(content)
    kind, found = _judge(pieces, content)
    original = pieces.original
    return Report(
        kind=kind,
        recipients=tuple(found[:_MOST]),
        message_id=original.first("message-id") if original else "",
        unsubscribe=original.first("list-unsubscribe") if original else "",
    )


def _judge(pieces: Pieces, content: bytes) -> tuple[Kind, list[Recipient]]:
    if pieces.feedback or _is_complaint_without_form(pieces):
        return _complaint(pieces)
    if pieces.status and (reported := _reported(pieces)):
        return reported
    fields = pieces.fields
    subject = plain(fields.first("subject"))
    letter = said.is_letter(fields.first("from"), subject, return_path(fields), pieces.said)
    if letter and not pieces.status and _QUOTED_STATUS.search(pieces.said):
        pieces.status = pieces.said
        if reported := _reported(pieces):
            return reported
    if (letter or "x-failed-recipients" in _names(fields)) and not _ANSWERS.match(subject):
        if found := _written(pieces):
            return Kind.BOUNCE, found
    if _is_automatic_answer(fields, subject):
        return Kind.AUTOREPLY, []
    if letter and (found := _of_legacy(pieces, content)):
        return Kind.BOUNCE, found
    return (Kind.BOUNCE, []) if pieces.status else (Kind.ORDINARY, [])


def _reported(pieces: Pieces) -> tuple[Kind, list[Recipient]] | None:
    """Read an RFC 3464 report; None where it names nobody."""
    told = groups(pieces.status)
    bad = [group for group in told if group.action in _FAILED or group.action not in _ARRIVED]
    if told and not bad:
        arrived = once(address for group in told for address in group.addresses[:1])
        return Kind.DELIVERED, [Recipient(address=one, reason=Reason.DELIVERED) for one in arrived]
    letters = {one.address.casefold(): one.text for one in said.recipients(pieces.said, ours=_ours(pieces))}
    named = {group.addresses[0].casefold(): group for group in reversed(bad) if group.addresses}
    if named:
        found = [_recipient(group.addresses[0], letters, group, pieces) for group in reversed(named.values())]
    else:
        addresses = once([*_failed(pieces), *letters, *_addressees(pieces)][:_MOST])
        only = bad[0] if len(bad) == 1 else None
        if not letters and not _failed(pieces):
            addresses = addresses[:1] if bad else []
        found = [_recipient(address, letters, only, pieces) for address in addresses]
    return (Kind.BOUNCE, found) if found else None


def _recipient(address: str, letters: dict[str, str], group: Group | None, pieces: Pieces) -> Recipient:
    """Give a recipient with the reason that is said most plainly: by the other server, then by our own."""
    values = group or Group()
    texts = [values.diagnostic, letters.get(address.casefold(), "")]
    if not any(texts) or len(letters) <= 1:
        texts.append(pieces.said[:4000])
    enhanced = next((found[1] for text in texts[:2] if (found := _ENHANCED.search(text))), None)
    code = next((int(found[1]) for text in texts[:2] if (found := _CODE.search(text))), None)
    by_words = (reason_of(code, None, text) for text in texts if text)
    reason = next((one for one in by_words if one is not Reason.UNDEFINED), Reason.UNDEFINED)
    for status in (enhanced, values.status):
        if reason is Reason.UNDEFINED:
            reason = reason_of(code, status, "")
    if values.action == "delayed" and (reason.hard or reason is Reason.UNDEFINED):
        reason = Reason.EXPIRED  # it is still being tried
    reason = _at_its_step(reason, "\n".join([*texts[1:], pieces.said[:4000]]))
    text = next(filter(None, texts), "")
    return Recipient(address=address, reason=reason, code=code, enhanced=enhanced or values.status or None, text=text[:500])


def _at_its_step(reason: Reason, text: str) -> Reason:
    """Judge what a server says of an address by when it says it: of the sender's, or after it had taken the reader's."""
    if not reason.hard:
        return reason
    if _AFTER_SENDER.search(text):
        return Reason.REJECTED
    return Reason.FILTERED if _AFTER_DATA.search(text) and reason is Reason.USERUNKNOWN else reason


def _written(pieces: Pieces) -> list[Recipient]:
    """Read what a server wrote in words alone."""
    told = said.recipients(pieces.said, ours=_ours(pieces))
    told = told or said.recipients(pieces.said, ours=frozenset())
    letters = {one.address.casefold(): one.text for one in told}
    addresses = once([*(_failed(pieces)), *(one.address for one in told)]) if not _failed(pieces) else _failed(pieces)
    if not addresses:
        addresses = _addressees(pieces)[:1]
    return [_recipient(one, letters, None, pieces) for one in addresses]


def _failed(pieces: Pieces) -> list[str]:
    """Give whom Exim and others name in the header itself."""
    named = pieces.fields.named("x-failed-recipients") + pieces.fields.named("x-failed-recipient")
    return once(found_in(" ".join(named)))


def _addressees(pieces: Pieces) -> list[str]:
    """Give whom the returned mail was for."""
    if pieces.original is None:
        return []
    for name in ("x-original-to", "envelope-to", "delivered-to", "x-rcpt-to", "to"):
        if found := once(found_in(" ".join(pieces.original.named(name)))):
            return found
    return []


def _ours(pieces: Pieces) -> frozenset[str]:
    """Give the addresses of the sender, who is never the one that failed."""
    values = [*pieces.fields.named("from"), *pieces.fields.named("to"), *pieces.fields.named("reply-to")]
    if pieces.original is not None:
        values += [one for name in ("from", "return-path", "sender", "reply-to") for one in pieces.original.named(name)]
    return frozenset(address.casefold() for value in values for address in found_in(value))


def _complaint(pieces: Pieces) -> tuple[Kind, list[Recipient]]:
    """Read an RFC 5965 report."""
    values = dict(re.findall(r"(?m)^\s{0,4}([A-Za-z-]+) ?:[ \t]*(.*)$", pieces.feedback))
    fields = {name.lower(): value.strip().lower() for name, value in values.items()}
    if pieces.feedback and fields.get("feedback-type", "abuse").split(";")[0].strip() not in _COMPLAINTS:
        return Kind.ORDINARY, []
    stated = once(address for name in _COMPLAINERS for address in found_in(values_of(pieces.feedback, name)))
    whole = [address for address in stated if not address.startswith("redacted@") or len(stated) == 1]
    found = whole or _hidden(pieces) or [one for one in _addressees(pieces) if not is_machines(one)]
    return Kind.COMPLAINT, [Recipient(address=address, reason=Reason.FEEDBACK) for address in found]


def values_of(text: str, name: str) -> str:
    """Give all values of a field in a text of fields."""
    return " ".join(re.findall(rf"(?im)^\s{{0,4}}{re.escape(name)} ?:[ \t]*(.*)$", text))


def _is_complaint_without_form(pieces: Pieces) -> bool:
    """Tell whether it is a report as Microsoft makes them: the mail itself with a field of its own."""
    return bool(_hidden(pieces))


def _hidden(pieces: Pieces) -> list[str]:
    return once(found_in(pieces.original.first("x-hmxmroriginalrecipient"))) if pieces.original else []


def _of_legacy(pieces: Pieces, content: bytes) -> list[Recipient]:
    """Take from flufl.bounce what stands in the words of the report and is not the sender's."""
    ours, text = _ours(pieces), pieces.said.casefold()
    found = [one for one in legacy_recipients(content) if one in text and one not in ours and not is_machines(one)]
    return [_recipient(address, {}, None, pieces) for address in found]


def _is_automatic_answer(fields: Fields, subject: str) -> bool:
    submitted = fields.first("auto-submitted").lower()
    answers = {"x-autoreply", "x-autorespond", "x-auto-response-suppress", "x-autoresponder", "x-mail-autoreply"}
    precedence = fields.first("precedence").strip().lower()
    return submitted.startswith("auto-replied") or bool(_names(fields) & answers) or precedence == "auto_reply" or bool(_ANSWERS.match(subject))


def _names(fields: Fields) -> set[str]:
    return {name for name, _ in fields.all}
