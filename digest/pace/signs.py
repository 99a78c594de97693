"""What a server's reply says of our speed, by its codes and by words that servers are known to use.

A sign that is missed costs a retry; one that is seen where there is none slows a domain down. So the list is short.
"""

import re

from digest.model import Reply

_SPEED = re.compile(
    r"rate.?limit|too (?:many|fast)|throttl|(?:unusual|sending|message|connection) rate|slow(?:er)? ?down|"
    r"unexpected volume|exceeded .{0,40}\b(?:rate|messages per|connections)",
    re.IGNORECASE,
)
_GREYLISTED = re.compile(r"gr[ae]y.?list", re.IGNORECASE)


def domain_of(address: str) -> str:
    """Give the receiving domain of an address, as lanes are called after it."""
    return address.rpartition("@")[2].lower()


def too_fast(reply: Reply) -> bool:
    """Tell whether a reply is a complaint about our speed.

    Greylisting is none: it asks every stranger to come again. Nor is one reader's full mailbox.
    """
    if not reply.temporary or _GREYLISTED.search(reply.text):
        return False
    by_code = reply.code == 421 or (reply.code in (450, 451) and _about_policy(reply))  # noqa: PLR2004
    return by_code or bool(_SPEED.search(reply.text))


def _about_policy(reply: Reply) -> bool:
    return _subject(reply) == "7"


def _subject(reply: Reply) -> str:
    """Give what the enhanced code is about (RFC 3463 section 3): 1 the address, 2 the mailbox, 7 security or policy."""
    return "".join((reply.enhanced or "").split(".")[1:2])
