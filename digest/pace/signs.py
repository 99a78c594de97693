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
_POLICY, _OF_THE_SERVER = "7", ("3", "4")
_GREYLISTED = re.compile(r"gr[ae]y.?list", re.IGNORECASE)


def domain_of(address: str) -> str:
    """Give the receiving domain of an address, as lanes are called after it."""
    return address.rpartition("@")[2].lower()


def too_fast(reply: Reply) -> bool:
    """Tell whether a reply is a complaint about our speed.

    Greylisting is none: it asks every stranger to come again. Nor is one reader's full mailbox, or a server that shuts
    down.
    """
    if not reply.temporary or _GREYLISTED.search(reply.text):
        return False
    closes = reply.code == 421 and _subject(reply) not in _OF_THE_SERVER  # noqa: PLR2004
    by_code = closes or (reply.code in (450, 451) and _subject(reply) == _POLICY)
    return by_code or bool(_SPEED.search(reply.text))


def _subject(reply: Reply) -> str:
    """Give what the enhanced code is about (RFC 3463 section 3).

    1 the address, 2 the mailbox, 3 the server, 4 its net, 7 security or policy.
    """
    return "".join((reply.enhanced or "").split(".")[1:2])
