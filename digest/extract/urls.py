"""Bring web addresses to one spelling, so that the same article always has the same id."""

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST = 2000  # no browser's or mail program's limit is lower; a longer address is an attack or a data dump
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+")

# What stays as it is: RFC 3986's reserved and unreserved characters, and what is percent-encoded already.
_SAFE = "/:@!$&'()*+,;=~%-._?[]"

# Parameters that tell where a reader came from, never which article it is.
_TRACKING = re.compile(
    r"utm_\w+|gclsrc|[gw]braid|(?:fb|g|d|ms|y|tw)clid|igsh(?:id)?|mc_[ce]id|mkt_tok|_hs(?:enc|mi)"
    r"|at_(?:medium|campaign)|ns_(?:mchannel|source|campaign|linkname)|ref_src|cmpid|ftag",
    re.IGNORECASE,
)


def canonical_url(url: str, base: str | None = None) -> str | None:
    """Give the one spelling of an http or https address, or None where it is anything else.

    Scheme and host are lower case; fragment, credentials, default port and tracking parameters go; what
    RFC 3986 does not allow is percent-encoded. A relative `url` is resolved against `base`. http and https
    stay distinct, so a source that moves from one to the other brings its old articles once more.
    """
    plain = _UNPRINTABLE.sub(" ", url).strip()
    try:
        parts = urlsplit(urljoin(base or "", plain) if plain else "")
        port = parts.port
    except ValueError:  # a malformed IPv6 host or port
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if scheme not in _DEFAULT_PORTS or not host or " " in host:
        return None
    netloc = f"[{host}]" if ":" in host else host
    if port not in (None, _DEFAULT_PORTS[scheme]):
        netloc += f":{port}"
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _tracks(pair))
    try:
        canonical = urlunsplit((scheme, netloc, _encode(parts.path) or "/", _encode(query), ""))
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return canonical if len(canonical) <= _LONGEST else None


def host_name(url: str | None) -> str | None:
    """Give the host of an address without its www, as the name of a source that has no other."""
    canonical = canonical_url(url or "")
    return urlsplit(canonical).netloc.removeprefix("www.") if canonical else None


def _encode(part: str) -> str:
    return quote(part, safe=_SAFE)


def _tracks(pair: str) -> bool:
    return _TRACKING.fullmatch(pair.partition("=")[0]) is not None
