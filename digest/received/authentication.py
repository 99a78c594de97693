"""Read what the operator's own mail server found out about a mail's sender (RFC 8601).

Anybody can write an Authentication-Results field; only those are believed that stand above everything another
server has written and name the operator's server. That this server removes forged fields of its own name, as section
5 of the RFC demands, is the operator's business; what can be seen of it is checked here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from digest.address import Address, parse_address
from digest.received.fields import Fields, uncommented

_LONGEST = 8000  # characters of a field
_SPECIALS = frozenset(';="()')


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the operator's server says of the author's domain."""

    vouched: bool  # the mail is from there
    rejected: bool  # it is not: DMARC failed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    method: str
    result: str
    properties: dict[str, str]  # "header.from": "example.org"


def judge(fields: Fields, author: Address | None, authserv_id: str) -> Verdict:
    """Give what the server of that id says; without an id nothing is believed."""
    results = [result for value in _believed(fields, authserv_id) for result in _results(value)]
    rejected = any(result.method == "dmarc" and result.result == "fail" for result in results)
    vouched = author is not None and any(_vouches(result, author.domain) for result in results)
    return Verdict(vouched=vouched and not rejected, rejected=rejected)


def _believed(fields: Fields, authserv_id: str) -> Iterator[list[str]]:
    """Give the topmost fields of the operator's server as tokens.

    They may stand above or below the Received of that server itself, but not below that of one before it, and not
    below one once they have begun.
    """
    ours, begun, at_border = authserv_id.strip().lower(), False, False
    if not ours:
        return
    for name, value in fields.all:
        if name == "received":
            is_border = _receiver(value, ours)
            if begun or (at_border and not is_border):
                return
            at_border = at_border or is_border
        elif name == "authentication-results":
            tokens = list(uncommented(value[:_LONGEST], specials=_SPECIALS))
            if not tokens or tokens[0].strip('"').lower() != ours:
                return
            begun = True
            yield tokens[1:]


def _receiver(value: str, ours: str) -> bool:
    """Tell whether a Received field was written by the server, or by one of its domain."""
    tokens = [token.lower() for token in uncommented(value[:_LONGEST], specials=_SPECIALS)]
    host = next((after for by, after in pairwise(tokens) if by == "by"), "")
    return host == ours or host.endswith(f".{ours}")


def _results(tokens: list[str]) -> Iterator[_Result]:
    """Read `; method=result property=value …`, as often as it comes."""
    one: list[str] = []
    for piece in [*tokens, ";"]:
        if piece != ";":
            one.append(piece)
            continue
        pairs = _pairs(one)
        if pairs:
            (method, result), *rest = pairs
            properties: dict[str, str] = {}
            for name, value in rest:
                properties.setdefault(name, value)
            yield _Result(method=method.partition("/")[0], result=result, properties=properties)
        one = []


def _pairs(tokens: list[str]) -> list[tuple[str, str]]:
    """Give the `name=value` pairs, both in lower case; white space around the = is allowed."""
    return [
        (tokens[number - 1].lower(), tokens[number + 1].strip('"').lower())
        for number in range(1, len(tokens) - 1)
        if tokens[number] == "="
    ]


def _vouches(result: _Result, domain: str) -> bool:
    """Tell whether a result says that a mail is from a domain.

    DMARC's own word counts for exactly the domain that it names. A signature or an envelope sender counts for its
    domain and for what lies below it, never for what lies above: without a list of public suffixes nobody can tell
    example.org from co.uk.
    """
    if result.result != "pass":
        return False
    said = result.properties.get
    match result.method:
        case "dmarc":
            return _domain(said("header.from", "")) == domain
        case "dkim":
            signer = _domain(said("header.d", "") or said("header.i", "").rpartition("@")[2])
        case "spf":
            signer = _domain(said("smtp.mailfrom", "").rpartition("@")[2])
        case _:
            return False
    return bool(signer) and (domain == signer or domain.endswith(f".{signer}"))


def _domain(text: str) -> str:
    """Give a domain in the form of an `Address`; empty where it is none."""
    try:
        return parse_address(f"a@{text}").domain
    except ValueError:
        return ""
