"""Read what a mail server wrote for people about a mail that it could not deliver.

No program's letter is known by heart. What is common to them decides: an address that stands at the beginning of a
line, alone or with the reason behind it; one in a transcript of SMTP; one beside a reply code; one in a sentence that
says that something failed. The first of these ways that finds any gives all recipients.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digest.bounces.addresses import ADDRESS, found_in, is_machines, once, tidied
from digest.bounces.lexicon import words

Way = Callable[[list[str]], list[tuple[int, str]]]
"""Finds addresses in lines, each with the number of its line."""

_MOST = 100  # recipients
_MOST_LINES = 600
_LONGEST = 500  # characters of a line
_EARLY = 3000  # characters in which a letter says what it is about
_FULL = 30  # characters from which on a line may have been cut
_NEAR = 6  # lines in which it says that something failed

_LABEL = (
    r"(?:smtp|rfc822|internet|mailto|recipient(?: address)?|user|address|email|mailbox|addressed to|original to|rcpt|"
    r"undeliverable to|unknown user|failed recipient|sent to|invalid recipient|bad address)\s?[:;=]\s*"
)
_NAME = r"(?P<name>[\w.-]{1,40}[\"']|(?:[\w.-]{1,40}\s){1,3}[\w.-]{1,40}[\"']|(?-i:(?:[A-Z][\w.-]{0,40}\s?){1,3}))\s?"
_ALONE = re.compile(
    rf"[\s>|*•\"'<(\[-]{{0,60}}(?:\d{{1,2}}[.)]\s{{1,4}})?(?:{_NAME}(?=<))?(?:{_LABEL}){{0,3}}[<(\"'\[]{{0,3}}(?P<address>{ADDRESS.pattern})"
    r"[>)\"'\].;,]{0,6}\s*(?P<rest>(?:$|[:;,(\[<-]|\.\.|\s).*)$",
    re.IGNORECASE,
)
_NAMED = re.compile(rf"<({ADDRESS.pattern})>(.*)")
_BEHIND = (":", "(", ";", "...", "[", "-", ",", "<")  # an address, where the reason follows
_ENDS_OPEN = (":", "to", "address", "at", "from")  # a sentence that goes on in the next line
_OF_FAILURE = re.compile(r"recipient|fail|bounce|undeliver|not deliver", re.IGNORECASE)
_RCPT = re.compile(r"rcpt to\s*:\s*<?\s*(?P<address>[^\s<>]+@[^\s<>,;]+)", re.IGNORECASE)
_REPLY = re.compile(
    r"(?<![\d.])[45]\d\d(?![\d.])[\s-]+(?:[45]\.\d{1,3}\.\d{1,3})?|#[45]\.\d\.\d|\b[45]\.\d{1,2}\.\d{1,3}\b"
)
_ASIDE = re.compile(
    r"(expanded from|generated from|originally|forwarded from|alias of|via|reply.to)[\s:]", re.IGNORECASE
)
_TO = re.compile(
    r"[\s>|*]*(?:to|recipients?|an|empf[äa]nger|[àa]|destinataires?|para|destinat[áa]rio|宛先|收\s*件\s*人|받는\s?사람|кому)"
    r"\s*[:：|](.*)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"(?<=[.!?。])\s+")
_FORWARDED = re.compile(r"\W*(?:fwd?|wg|tr|rv|enc)\b.{0,4}:", re.IGNORECASE)
_AMONG_PEOPLE = re.compile(
    rf"\[[^\]]{{1,40}}\]|\W*(?:re|aw|sv|antw|rif)\b.{{0,4}}:|{_FORWARDED.pattern}", re.IGNORECASE
)
_GENERATED = re.compile(r"\(generated from ([^\n]{1,320})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A recipient, and what was said of him."""

    address: str
    text: str


def is_letter(sender: str, subject: str, return_path: str | None, text: str, *, among_people: bool) -> bool:
    """Tell whether a machine wrote a mail to say that another could not be delivered.

    In a thread, or on a list, what stands over it does not suffice: people ask each other about such letters.
    """
    by_machine = bool(words("senders").search(sender)) + (return_path == "")
    signs = by_machine + bool(words("subjects").search(subject))
    early = text[:_EARLY]
    return (
        signs > 0
        and (by_machine > 0 or not (among_people or _FORWARDED.match(subject)))
        and bool(words("failures").search(early))
        and (signs > 1 or bool(words("openings").search(early)))
    )


def might_be_letter(subject: str, text: str) -> bool:
    """Tell whether it is worth while to ask who knows such letters by heart."""
    return bool(
        not _AMONG_PEOPLE.match(subject)
        and words("subjects").search(subject)
        and words("failures").search(text[:_EARLY])
    )


def recipients(text: str, *, ours: frozenset[str]) -> list[Told]:
    """Give who did not get the mail; `ours` are addresses in lower case that are the sender's."""
    return _first(text, (_at_the_beginning, _in_a_transcript, _beside_a_reply), ours)


def mentioned(text: str, *, ours: frozenset[str]) -> list[Told]:
    """Give who stands in a sentence that tells of a failure: the weakest sign."""
    return _first(text, (_addressed, _in_a_sentence), ours)


def is_list(text: str, told: Sequence[Told]) -> bool:
    """Tell whether several stand together, with nothing but commas between them."""
    between = r"[>\"']?\s?[,;]\s?[<\"']?"
    together = between.join(re.escape(one.address) for one in told)
    return bool(told) and re.search(together, text, re.IGNORECASE) is not None


def aliases(text: str) -> list[str]:
    """Give the addresses that others were made from."""
    return [address for line in _GENERATED.findall(text) for address in found_in(line)]


def _first(text: str, ways: Sequence[Way], ours: frozenset[str]) -> list[Told]:
    lines = text.split("\n")[:_MOST_LINES]
    for way in ways:
        places = [
            (number, address)
            for number, address in way(lines)
            if address and not is_machines(address) and address.casefold() not in ours
        ]
        if places:
            return _told(lines, places[: 10 * _MOST])
    return []


def _at_the_beginning(lines: list[str]) -> list[tuple[int, str]]:
    """Find addresses at the beginning of a line, with nothing but the reason behind them."""
    failures = words("failures")
    fails = [failures.search(line[:_LONGEST]) is not None for line in lines]
    found = []
    for number, line in enumerate(lines):
        address = _leading(line[:_LONGEST])
        told = address and (any(fails[:number]) or any(fails[number : number + _NEAR]))
        if told and not (number and _leads_elsewhere(lines[number - 1])):
            found.append((number, address))
    return found


def _leading(line: str) -> str:
    match = _ALONE.match(line)
    if match is None or _ASIDE.match(line.strip(" (")):
        return ""
    if match["name"] and words("others").search(match["name"]):
        return ""  # whom to write to
    address, rest = match["address"], match["rest"].strip()
    if named := _NAMED.match(rest):
        address, rest = named[1], named[2].strip()  # the first one was a name
    tidy = tidied(address)
    if not address.casefold().strip(".-").endswith(tidy.rpartition("@")[2]):
        return ""  # a greeting, in a script that has no spaces
    reason = not rest or rest.startswith(_BEHIND) or words("failures").search(rest) or _REPLY.search(rest)
    return tidy if reason else ""


def _leads_elsewhere(line: str) -> bool:
    """Tell whether a line speaks of somebody else in the next one: "write to", or a sentence that goes on."""
    open_ended = line.rstrip().endswith(_ENDS_OPEN) or (len(line) > _FULL and line.rstrip()[-1:].isalpha())
    return bool(open_ended and words("others").search(line[-100:]) and not _OF_FAILURE.search(line))


def _in_a_transcript(lines: list[str]) -> list[tuple[int, str]]:
    return [
        (number, tidied(match["address"]))
        for number, line in enumerate(lines)
        if (match := _RCPT.search(line[:_LONGEST]))
    ]


def _beside_a_reply(lines: list[str]) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(lines):
        reply = _REPLY.search(line[:_LONGEST])
        if reply and not re.search("mail from", line, re.IGNORECASE):
            found += [(number, address) for address in found_in(line[:_LONGEST])][:1]
    return found


def _addressed(lines: list[str]) -> list[tuple[int, str]]:
    """Find whom the mail was for, where its fields are told."""
    return [
        (number, address)
        for number, line in enumerate(lines)
        if (match := _TO.match(line[:_LONGEST]))
        for address in found_in(match[1])
    ]


def _in_a_sentence(lines: list[str]) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(lines):
        near = " ".join(lines[max(0, number - 2) : number + 3])
        if not words("failures").search(near):
            continue
        for sentence in _ENDS.split(line[:_LONGEST]):
            if _OF_FAILURE.search(sentence) or not words("others").search(sentence):
                found += [(number, address) for address in found_in(sentence)]
    return found


def _told(lines: list[str], places: list[tuple[int, str]]) -> list[Told]:
    """Give each recipient with the lines from his to the next one's, and those elsewhere that name him.

    Where others stand right below him, what follows the last is said of all.
    """
    starts: dict[str, list[int]] = {}
    for number, address in places:
        starts.setdefault(address.casefold(), []).append(number)
    every = {number for number, _ in places}
    numbers = [number for number in sorted(every) if not _follows_bare(lines, number, every)]
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


def _follows_bare(lines: list[str], number: int, places: set[int]) -> bool:
    """Tell whether the line above, empty ones aside, is a recipient's and says nothing behind his address."""
    above = next((one for one in range(number - 1, -1, -1) if lines[one].strip()), -1)
    return above in places and not re.search(r"\w", ADDRESS.split(lines[above][:_LONGEST])[-1])


def _exchange(lines: list[str], key: str) -> list[str]:
    """Give the lines that name an address, and the answers in a transcript behind them."""
    found: list[str] = []
    for number, line in enumerate(lines):
        if key in line.casefold():
            found.append(line)
            found += [
                after
                for after in lines[number + 1 : number + 4]
                if after.lstrip().startswith(("<<<", "550", "554", "553", "552", "551"))
            ]
    return found[:40]
