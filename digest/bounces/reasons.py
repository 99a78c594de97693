"""Say why mail is refused, in one word, from what a server said: its words first, then its codes.

Codes alone mislead: servers say 550 5.1.1 of full mailboxes and 5.7.1 of nearly everything. Only those that stand for
authentication are never given for anything else, and come before the words. Where the words say nothing known, the
enhanced status code decides (RFC 3463 and its registry); a bare reply code says no more than that the mail was not
taken, and nobody is removed for that.
"""

import re
from enum import StrEnum
from functools import cache

from digest.bounces.lexicon import read
from digest.model import Reply

_READ = 2000  # characters of what a server said
_NAMES = re.compile(
    r"(?P<address>[^\s<>()\[\]:;,\"']{1,64}@[^\s<>()\[\]:;,\"']{1,255})|\bhost \S{1,255}(?= ?\[)"
)
"""Addresses and servers, whose names say nothing of why: spamgate.example, unknown@."""


class Reason(StrEnum):
    """Why a mail was refused, returned or answered."""

    USERUNKNOWN = "userunknown"  # there is no such mailbox
    HOSTUNKNOWN = "hostunknown"  # there is no such domain
    HASMOVED = "hasmoved"  # the mailbox is elsewhere now
    NOTACCEPT = "notaccept"  # the domain takes no mail at all
    MAILBOXFULL = "mailboxfull"
    SUSPEND = "suspend"  # the mailbox sleeps: disabled, locked, unused
    FILTERED = "filtered"  # the reader, or his own filter, does not want it
    EXPIRED = "expired"  # it was tried for too long, or is late
    ONHOLD = "onhold"  # it waits for somebody's decision
    MESGTOOBIG = "mesgtoobig"
    EXCEEDLIMIT = "exceedlimit"  # another limit than those of size and rate
    TOOMANYCONN = "toomanyconn"  # too many connections at once
    SPEEDING = "speeding"  # too much mail in too short a time
    AUTHFAILURE = "authfailure"  # SPF, DKIM or DMARC do not pass
    REQUIREPTR = "requireptr"  # our server's address has no name
    BADREPUTATION = "badreputation"  # our server's or our domain's
    BLOCKED = "blocked"  # our server is on a list, or not let in
    SPAMDETECTED = "spamdetected"  # the letter looks like spam
    POLICYVIOLATION = "policyviolation"  # the server's rules forbid it
    NORELAYING = "norelaying"  # the server takes no mail for that domain from us
    REJECTED = "rejected"  # our sender address is not taken there
    SENDERREFUSED = "senderrefused"  # our own server does not take it, or no mail of ours, for any reader
    VIRUSDETECTED = "virusdetected"
    CONTENTERROR = "contenterror"  # the letter's form is not understood
    NOTCOMPLIANTRFC = "notcompliantrfc"  # the letter breaks a standard
    SECURITYERROR = "securityerror"  # TLS or a login is missing
    SYNTAXERROR = "syntaxerror"  # the two servers do not speak alike
    SYSTEMERROR = "systemerror"  # the server has a trouble of its own
    NETWORKERROR = "networkerror"  # there was no way to the server
    MAILERERROR = "mailererror"  # the program behind the server failed
    DELIVERED = "delivered"  # no trouble at all
    FEEDBACK = "feedback"  # the reader calls it spam
    VACATION = "vacation"  # nobody reads it now
    UNDEFINED = "undefined"  # not said, or not understood

    @property
    def hard(self) -> bool:
        """Whether no later mail will reach the address either."""
        return self in _HARD

    @property
    def ours(self) -> bool:
        """Whether the fault is the sender's: all mail will go the same way, and no reader can help it."""
        return self in _OURS

    @property
    def vague(self) -> bool:
        """Whether the words that it is known by also stand beside a plainer reason."""
        return self in _VAGUE

    @property
    def busy(self) -> bool:
        """Whether slower sending is the cure."""
        return self in (Reason.TOOMANYCONN, Reason.SPEEDING)


_HARD = frozenset({Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.HASMOVED, Reason.NOTACCEPT})
_OURS = frozenset(
    {
        Reason.AUTHFAILURE,
        Reason.REQUIREPTR,
        Reason.BADREPUTATION,
        Reason.BLOCKED,
        Reason.SPAMDETECTED,
        Reason.POLICYVIOLATION,
        Reason.NORELAYING,
        Reason.SECURITYERROR,
        Reason.SENDERREFUSED,
    }
)

_VAGUE = frozenset(
    {
        Reason.EXPIRED,
        Reason.ONHOLD,
        Reason.POLICYVIOLATION,
        Reason.CONTENTERROR,
        Reason.SECURITYERROR,
        Reason.SYNTAXERROR,
        Reason.SYSTEMERROR,
        Reason.NETWORKERROR,
        Reason.MAILERERROR,
    }
)

_BY_CODE = {
    "1.0": Reason.USERUNKNOWN,
    "1.1": Reason.USERUNKNOWN,
    "1.2": Reason.HOSTUNKNOWN,
    "1.3": Reason.USERUNKNOWN,
    "1.6": Reason.HASMOVED,
    "1.7": Reason.REJECTED,
    "1.8": Reason.REJECTED,
    "1.9": Reason.SYSTEMERROR,
    "1.10": Reason.NOTACCEPT,
    "2.1": Reason.SUSPEND,
    "2.2": Reason.MAILBOXFULL,
    "2.3": Reason.MESGTOOBIG,
    "2.4": Reason.FILTERED,
    "3.1": Reason.SYSTEMERROR,
    "3.2": Reason.NOTACCEPT,
    "3.3": Reason.SYSTEMERROR,
    "3.4": Reason.MESGTOOBIG,
    "3.5": Reason.SYSTEMERROR,
    "4.0": Reason.NETWORKERROR,
    "4.1": Reason.NETWORKERROR,
    "4.2": Reason.NETWORKERROR,
    "4.3": Reason.SYSTEMERROR,
    "4.4": Reason.HOSTUNKNOWN,
    "4.5": Reason.TOOMANYCONN,
    "4.6": Reason.NETWORKERROR,
    "4.7": Reason.EXPIRED,
    "5.3": Reason.EXCEEDLIMIT,
    "5.4": Reason.SYNTAXERROR,
    "6.0": Reason.CONTENTERROR,
    "6.1": Reason.CONTENTERROR,
    "7.0": Reason.POLICYVIOLATION,
    "7.1": Reason.POLICYVIOLATION,
    "7.2": Reason.REJECTED,
    "7.8": Reason.SECURITYERROR,
    "7.9": Reason.SECURITYERROR,
    "7.10": Reason.SECURITYERROR,
    "7.11": Reason.SECURITYERROR,
    "7.13": Reason.SUSPEND,
    "7.17": Reason.HASMOVED,
    "7.18": Reason.HASMOVED,
    "7.28": Reason.SPEEDING,
}
"""By the subject and the detail of an enhanced status code; its class does not matter."""

_SURE = {
    **dict.fromkeys(
        [f"7.{detail}" for detail in (20, 21, 22, 23, 24, 26, 27, 29, 30, 515)], Reason.AUTHFAILURE
    ),
    "7.25": Reason.REQUIREPTR,
    "7.60": Reason.SENDERREFUSED,
}
"""The same, for those that say what they mean whatever stands beside them (RFC 7372; Microsoft has 5.7.60, 5.7.515)."""

_USUAL = {
    530: Reason.SECURITYERROR,  # RFC 4954 section 6, RFC 3207
    534: Reason.SECURITYERROR,
    535: Reason.SECURITYERROR,
    538: Reason.SECURITYERROR,
    552: Reason.MAILBOXFULL,  # "exceeded storage allocation" (RFC 5321 section 4.2.2)
}
"""What a reply code stands for where nothing else says more."""


def reason_of(code: int | None, enhanced: str | None, text: str) -> Reason:
    """Say why a server refused: `code` and `enhanced` as it gave them, `text` in its own words."""
    detail = (enhanced or "").partition(".")[2]
    if detail in _SURE:
        return _SURE[detail]
    said = _NAMES.sub(
        lambda name: "x@x" if name["address"] else "host x", " ".join(text[:_READ].lower().split())
    )
    reason = next((reason for reason, known in _phrases() if known.search(said)), None)
    return reason or _BY_CODE.get(detail) or _USUAL.get(code or 0, Reason.UNDEFINED)


def reason_for(reply: Reply) -> Reason:
    """Say why a server refused a mail of ours; before it heard for whom it is, that has nothing to do with a reader."""
    reason = reason_of(reply.code, reply.enhanced, reply.text)
    return Reason.SENDERREFUSED if reply.of_sender and not (reason.ours or reason.busy) else reason


@cache
def _phrases() -> list[tuple[Reason, re.Pattern[str]]]:
    return [
        (Reason(name.partition("-")[0]), re.compile("|".join(known)))
        for name, known in read("reasons.toml").items()
    ]
