"""Read what a mail server wrote for people about a mail that it could not deliver.

No program's letter is known by heart. What is common to them decides: an address that stands at the beginning of a
line, alone or with the reason behind it; one in a transcript of SMTP; one beside a reply code; one in a sentence that
says that something failed. The first of these ways that finds any gives all recipients.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from digest.bounces.addresses import ADDRESS, found_in, is_machines, once, tidied

_MOST = 100  # recipients
_MOST_LINES = 600

_SENDERS = re.compile(
    r"(daemon|postmaster|mail (delivery|system|administrator|router|service)|mailadm|system administrator|mta\b|majordomo|mail ?gate|"
    r"e500_smtp|ndr administrator|postoffice|mailsystem|non.?delivery|-admin@|delivery (sub)?system|mail-?robot|content.?filter|internet.?mail|amavis|^<>|@ses\.)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(undeliver|non-?deliver|not (be )?deliver|delivery (status|fail|notif|report|problem|error|has|of)|deliver.{0,20}(fail|delay|error)|mail (delivery|error|system|fail|status|could)|"
    r"failure notice|failed (mail|message|deliver)|return(ed|ing) (mail|message|to|e-?mail)|user unknown|"
    r"warning: (could not|message|mail)|bounce|message (status|not|error|delay|could)|"
    r"(message|mail) (was )?(not|could not|you sent)|ndn:|error (sending|in)|can.?not (send|deliver)|rejected|mta-blocked|unzustellbar|nicht zustell|non remis|onbestelbaar|no se puede|non recapit|недостав|エラー|配信不能|退信|"
    r"postmaster notify|invalid (recipient|address)|quota|e-?mail .{0,20}(not|rejected|error)|problem (deliver|with))",
    re.IGNORECASE,
)
FAILURE = re.compile(
    r"(could ?n.t|could not|can ?not|can.?t|unable|not able|failed|failure|failing|un-?deliver|not (been |be |yet been |yet )?(deliver|receive|collect|relay|sent)|was not|were not|permanent(ly)?|fatal|error|reject|return(ed|ing)|bounced?|problem|"
    r"no such|unknown|not exist|refused|denied|does ?n.t have|disabled|inactive|discontinued|full|exceed|quota|delayed|did not|non-?delivery|invalid|expired|blocked|not found|timed out|nicht|niet|impossible|edebil|できません|ませんでした|не удалось|無法|无法|失败|no longer|unrouteable|not a (member|valid))",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"^[\s>|*•\"'<(\[-]*(?:(?:smtp|rfc822|internet|to|mailto|recipient(?: address)?|user|address|email|mailbox|addressed to|original to|rcpt|undeliverable to|unknown user|failed recipient|sent to|invalid recipient|bad address)\s?[:;=]\s*)*[<(\"'\[]*(?P<address>{ADDRESS.pattern})[>)\"'\].;,]*\s*(?P<rest>(?:$|[:;,(\[<-]|\.\.|\s).*)$", re.IGNORECASE)
_RCPT = re.compile(r"rcpt to\s*:\s*<?\s*(?P<address>[^\s<>]+@[^\s<>,;]+)", re.IGNORECASE)
_REPLY = re.compile(r"(?<![\d.])[45]\d\d(?![\d.])[\s-]+(?:[45]\.\d{1,3}\.\d{1,3})?|#[45]\.\d\.\d|\b[45]\.\d{1,2}\.\d{1,3}\b")
_ASIDE = re.compile(r"(expanded from|generated from|originally|forwarded from|alias of|via|reply.to)[\s:]", re.IGNORECASE)
_NOT_HIM = re.compile(
    r"(mail from|^[\s>]*from\b|from:|sender|contact|assist|help|please (send|forward|e-?mail|write|visit|report|reply)|question|support|talking to|message[- ]id|envelope.from|reply.to|subject|"
    r"message from|your (email|mail|message) from|report (this|it)|on behalf|originator|hello |dear |^hi |https?:|cc:|sent by|return.path|to the address|received from)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A recipient, and what was said of him."""

    address: str
    text: str


def is_letter(sender: str, subject: str, return_path: str | None, text: str) -> bool:
    """Tell whether a machine wrote a mail to say that another could not be delivered."""
    signs = bool(_SENDERS.search(sender)) + bool(_SUBJECT.search(subject)) + (return_path == "")
    early = text[:3000]
    return signs > 0 and bool(FAILURE.search(early)) and (signs > 1 or bool(_OPENING.search(early)))


_OPENING = re.compile(
    r"(this (message|is|report) (was )?(created|generated|an?|the) .{0,40}(automatic|mail|delivery|qmail|program|machine|system|agent)|hi\. this is the|(your|the|following) (e-?mail |mail )?(message|mail|e-?mail)s?\b.{0,80}\b(not|n.t|un|fail|reject|return|bounce|refus|block|delay)|"
    r"(following|these|this|all|each|recipient|one or more).{0,40}(recipient|address|user|destination)|undeliver|non-?deliver|delivery (to|of|status|has|fail|error)|transcript of|failed (recipient|address|to)|unable to deliver|could ?n.t (be )?deliver|failure reason|"
    r"returned (mail|message|to)|said: ?[45]\d\d|[45]\d\d [45]\.\d\.\d|error .{0,40}(deliver|transmi|send)|rejected|not a member|no such (user|recipient)|mailbox|できません|ませんでした|unknown (user|recipient|address))",
    re.IGNORECASE,
)


def recipients(text: str, *, ours: frozenset[str]) -> list[Told]:
    """Give who did not get the mail; `ours` are addresses in lower case that are the sender's."""
    lines = text.split("\n")[:_MOST_LINES]

    def wanted(address: str) -> bool:
        return bool(address) and not is_machines(address) and address.casefold() not in ours

    for way in (_at_the_beginning, _in_a_transcript, _beside_a_reply, _in_a_sentence):
        places = [(number, address) for number, address in way(lines) if wanted(address)]
        if places:
            return _told(lines, places[: 10 * _MOST])
    return []


def _at_the_beginning(lines: list[str]) -> list[tuple[int, str]]:
    """An address at the beginning of a line: nothing but the reason may follow it."""
    found = []
    failed = False
    for number, line in enumerate(lines):
        failed = failed or bool(FAILURE.search(line))
        match = _ALONE.match(line[:500])
        if match is None or _ASIDE.match(line.strip(" (")):
            continue
        rest = match["rest"].strip()
        before = lines[number - 1] if number else ""
        if (rest and not rest.startswith((":", "(", ";", "...", "[", "-", ",", "<"))) and not FAILURE.search(rest) and not _REPLY.search(rest):
            continue
        if not failed and not any(FAILURE.search(after) for after in lines[number : number + 6]):
            continue
        if _NOT_HIM.search(before[-100:]) and before.rstrip().endswith((":", "to", "address", "at", "from")) and not re.search(r"recipient|fail|undeliver|not deliver", before, re.IGNORECASE):
            continue
        found.append((number, tidied(match["address"])))
    return found


def _in_a_transcript(lines: list[str]) -> list[tuple[int, str]]:
    return [
        (number, tidied(match["address"]))
        for number, line in enumerate(lines)
        if (match := _RCPT.search(line[:500]))
    ]


def _beside_a_reply(lines: list[str]) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(lines):
        reply = _REPLY.search(line[:1000])
        if reply and not re.search("mail from", line, re.IGNORECASE):
            found += [(number, address) for address in found_in(line[:1000])][:1]
    return found


def _in_a_sentence(lines: list[str]) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(lines):
        if _NOT_HIM.search(line[:1000]) and not re.search("not deliver|undeliver|fail|bounce", line, re.IGNORECASE):
            continue
        near = " ".join(lines[max(0, number - 2) : number + 3])
        if FAILURE.search(near):
            found += [(number, address) for address in found_in(line[:1000])]
    return found


def _told(lines: list[str], places: list[tuple[int, str]]) -> list[Told]:
    """Give each recipient with the lines from his to the next one's, and those elsewhere that name him."""
    starts: dict[str, list[int]] = {}
    for number, address in places:
        starts.setdefault(address.casefold(), []).append(number)
    numbers = sorted({number for number, _ in places})
    told = []
    for address in once(address for _, address in places)[:_MOST]:
        key = address.casefold()
        near: list[str] = []
        for number in starts[key][:5]:
            end = next((after for after in numbers if after > number), len(lines))
            near += lines[number : min(end, number + 12)]
        near += _exchange(lines, key)
        told.append(Told(address=address, text=" ".join(" ".join(near).split())))
    return told


def _exchange(lines: list[str], key: str) -> list[str]:
    """Give the lines that name an address, and the answers in a transcript behind them."""
    found: list[str] = []
    for number, line in enumerate(lines):
        if key in line.casefold():
            found.append(line)
            found += [after for after in lines[number + 1 : number + 4] if after.lstrip().startswith(("<<<", "550", "554", "553", "552", "551"))]
    return found[:40]
