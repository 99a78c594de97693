"""Find mail addresses in what machines write."""

import re
from collections.abc import Iterable, Iterator

_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]{1,64}"
_QUOTED = r'"[^"\n@<>]{1,64}"'
_DOMAIN = (
    r"[A-Za-z0-9\u00a1-\U0010ffff](?:[A-Za-z0-9\u00a1-\U0010ffff.-]{0,252}[A-Za-z0-9\u00a1-\U0010ffff])?"
)
ADDRESS = re.compile(rf"(?:{_QUOTED}|(?<![A-Za-z0-9.+_=-]){_LOCAL})@{_DOMAIN}")
_GLUED = re.compile(
    r"^.*[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef](?=[!-~]+$)"
)  # words of a script that has no spaces
_GLUED_BEHIND = re.compile(r"(?<=[a-z]{2})[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef].*$", re.IGNORECASE)
_MACHINES = re.compile(
    r"post ?master|mailer[-_.]?daemon|abuse|majordomo|listserv|mailmaster|mail-?admin|"
    r"owner-.+|.+-(?:owner|request|admin|bounces?|ctl)",  # of mailing lists
    re.IGNORECASE,
)


def found_in(text: str) -> Iterator[str]:
    """Give the addresses in a text, in order."""
    for match in ADDRESS.finditer(text):
        address = tidied(match[0])
        if address:
            yield address


def tidied(address: str) -> str:
    """Give an address without the punctuation around it; empty where nothing is left."""
    local, _, domain = address.rpartition("@")
    if "..." in local:
        return ""  # shortened, so that nobody reads it
    local, domain = _GLUED.sub("", local), _GLUED_BEHIND.sub("", domain)
    if not local.startswith(('"', "=?")):
        local = local.strip("'`").lstrip("!#$%&*/=?^{|}~.")
    domain = domain.partition("..")[0].strip(".-").lower()
    return f"{local}@{domain}" if local and domain else ""


def is_machines(address: str) -> bool:
    """Tell whether an address is one that reports come from, and never the one that failed."""
    return _MACHINES.fullmatch(address.rpartition("@")[0]) is not None


def once(addresses: Iterable[str]) -> list[str]:
    """Give each address once, however it is spelled, in order."""
    return list({address.casefold(): address for address in reversed(list(addresses))}.values())[::-1]
