"""Give who did not get a mail, and why, out of the pieces of a report.

The reason is taken from what the other server said, then from its code, then from what ours wrote to people, and judged
by when it was said: an answer to our name or our sender's address says nothing of the reader, and a server that took
his address first knows him.
"""

import re
from collections.abc import Iterable

from digest.bounces import said
from digest.bounces.addresses import ADDRESS, found_in, is_machines, once, tidied
from digest.bounces.legacy import legacy_recipients
from digest.bounces.notification import Notified
from digest.bounces.pieces import Pieces
from digest.bounces.reasons import Reason, reason_of
from digest.bounces.report import Kind, Recipient
from digest.bounces.said import Told
from digest.bounces.status import Group, groups

_READ = 4000  # characters of a letter that are searched for a reason
_TEXT = 500  # characters of it that are kept
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.])")
_ARRIVED = frozenset({"delivered", "relayed", "expanded", "deliverable"})
_AFTER_DATA = re.compile(
    r"in reply to (?:the )?(?:end of )?data|failed after i sent the message|after (?:the )?(?:end of )?data|"
    r"end[- ]of[- ]data|smtp command[\s-]+data|"
    r"for text command|response to data|>>> (?:data|\.)\s+<<< 550(?!.*(?:<<< 503|need rcpt|no valid|>>> rcpt))",
    re.IGNORECASE | re.DOTALL,
)
_BEFORE_ADDRESS = re.compile(
    r"(?:in reply to|after|response to|reply was to) (?:the |pipelined )?"
    r"(?:mail from|[eh][eh]lo\b|starttls|initial connection)|"
    r"but (?:my name|sender|greeting) was rejected|>>> (?:mail from:|[eh][eh]lo)[^\n]{1,300}?\s+<<< 5",
    re.IGNORECASE,
)
_STEP = re.compile(r"rcpt to|mail from|\bdata\b|[eh][eh]lo\b|initial connection", re.IGNORECASE)
_SAYS_LITTLE = (
    Reason.UNDEFINED,
    Reason.POLICYVIOLATION,
)  # of a code: x.0.0, and x.7.1, which servers give for all


def reported(pieces: Pieces, content: bytes) -> tuple[Kind, list[Recipient]] | None:
    """Read an RFC 3464 report; None where it names nobody."""
    every = groups(pieces.status)
    bad = [group for group in every if group.action not in _ARRIVED]
    if every and not bad:
        arrived = once(address for group in every for address in group.addresses[:1])
        return Kind.DELIVERED, [Recipient(address=one, reason=Reason.DELIVERED) for one in arrived]
    told = said.recipients(pieces.said, ours=pieces.ours)
    named = {group.addresses[0].casefold(): group for group in reversed(bad) if group.addresses}
    if named:
        found = [_recipient(group.addresses[0], pieces, told, group) for group in reversed(named.values())]
    else:
        only = bad[0] if len(bad) == 1 else None
        addresses = _in_letter(pieces, content, told) or (pieces.addressees[:1] if bad else [])
        found = [_recipient(address, pieces, told, only) for address in addresses]
    return (Kind.BOUNCE, found) if found else None


def written(pieces: Pieces, content: bytes) -> list[Recipient]:
    """Read what a server wrote in words alone: the surest way that finds anybody, the weaker ones only one.

    Of several whom a sentence names, or whom the returned mail was for, it need not be the first.
    """
    told = said.recipients(pieces.said, ours=pieces.ours)
    if addresses := _in_letter(pieces, content, told):
        return [_recipient(address, pieces, told) for address in addresses]
    himself = said.recipients(pieces.said, ours=frozenset())  # somebody who wrote to himself
    for weaker in (himself, said.mentioned(pieces.said, ours=pieces.ours)):
        if len(weaker) == 1 or said.is_list(pieces.said, weaker):
            return [_recipient(one.address, pieces, weaker) for one in weaker]
    for_whom = [one for one in pieces.addressees if one.casefold() not in pieces.ours]
    return [_recipient(for_whom[0], pieces)] if len(for_whom) == 1 else []


def _in_letter(pieces: Pieces, content: bytes, told: list[Told]) -> list[str]:
    """Give whom Exim's field names, or who is known by heart to have failed, or who is seen to have."""
    seen = {one.address.casefold(): one.address for one in told}
    if addresses := pieces.failed:
        other = bool(seen) and seen.keys().isdisjoint(one.casefold() for one in addresses)
        return list(seen.values()) if other else addresses
    # What is known by heart is surer than what we see, but may be less, or whom an alias of Exim's was made for.
    known = set(by_heart(pieces, content))
    if seen:
        known -= {one.casefold() for one in said.aliases(pieces.said)}
    return list(seen.values()) if seen.keys() >= known else sorted(known)


def of_notification(one: Notified) -> Recipient:
    """Give one whom Amazon's notification is about."""
    if one.kind != "Bounce":
        reason = Reason.FEEDBACK if one.kind == "Complaint" else Reason.DELIVERED
        return Recipient(address=one.address, reason=reason)
    code = _first_code([one.said])
    return Recipient(
        address=one.address,
        reason=reason_of(code, one.status, one.said),
        code=code,
        enhanced=one.status or None,
        text=one.said[:_TEXT],
    )


def _recipient(
    address: str, pieces: Pieces, told: Iterable[Told] = (), group: Group | None = None
) -> Recipient:
    """Give a recipient with the reason that is said most plainly."""
    group = group or Group()
    letters = {one.address.casefold(): one.text for one in told}
    texts = [group.diagnostic, letters.get(address.casefold(), "")]
    codes, statuses = _first_code(texts), [found[1] for text in texts if (found := _ENHANCED.search(text))]
    reason = _first(reason_of(codes, None, text) for text in texts if text)
    enhanced = next(iter(statuses), group.status)
    by_code = _first(reason_of(codes, status, "") for status in (enhanced, group.status))
    if reason is Reason.UNDEFINED and (len(letters) <= 1 or not any(texts)):
        texts.append(pieces.said[:_READ])
        if by_code in _SAYS_LITTLE:
            reason = reason_of(codes, None, pieces.said[:_READ])
    if reason is Reason.UNDEFINED or (reason.vague and by_code.hard and enhanced.startswith("5.1.")):
        reason = by_code
    around = "\n".join(texts)
    if not (len(letters) > 1 and _STEP.search(around)):  # else it was another's step
        around = f"{around}\n{pieces.said[:_READ]}"
    reason = _at_its_step(reason, around, enhanced)
    if (
        reason in (Reason.NOTACCEPT, Reason.HOSTUNKNOWN)
        and enhanced.startswith("4")
        and not enhanced.startswith("4.1.")
    ):
        reason = Reason.NETWORKERROR  # not now
    if group.action == "delayed" and (reason.hard or reason is Reason.UNDEFINED):
        reason = Reason.EXPIRED  # it is still being tried
    text = next(filter(None, texts), "").strip()[:_TEXT]
    return Recipient(address=address, reason=reason, code=codes, enhanced=enhanced or None, text=text)


def _at_its_step(reason: Reason, text: str, enhanced: str) -> Reason:
    """Judge a hard reason by the step of SMTP at which it was given."""
    if not reason.hard:
        return reason
    if _BEFORE_ADDRESS.search(text):
        return Reason.REJECTED
    of_address = enhanced.partition(".")[2].startswith("1.")
    refused = reason is Reason.USERUNKNOWN and not of_address and _AFTER_DATA.search(text)
    return Reason.FILTERED if refused else reason


def by_heart(pieces: Pieces, content: bytes) -> list[str]:
    """Take from flufl.bounce what stands in the words of the report and is not the sender's."""
    text = pieces.said.casefold()
    server = next(found_in(pieces.fields.first("from")), "").rpartition("@")[2]

    def stands(address: str) -> bool:
        local, _, domain = address.rpartition("@")
        near = domain.split(".")[-2:] == server.split(".")[-2:]
        return address in text or (near and re.search(rf"(?m)^\s*{re.escape(local)}\b", text) is not None)

    known = [tidy for one in legacy_recipients(content) if ADDRESS.fullmatch(tidy := tidied(one))]
    return [one for one in known if stands(one) and one not in pieces.ours and not is_machines(one)]


def _first(reasons: Iterable[Reason]) -> Reason:
    return next((one for one in reasons if one is not Reason.UNDEFINED), Reason.UNDEFINED)


def _first_code(texts: Iterable[str]) -> int | None:
    return next((int(found[1]) for text in texts if (found := _CODE.search(text))), None)
