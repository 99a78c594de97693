"""The words that tell a page's furniture from its prose, as sets and tables; `words.toml` holds them."""

import tomllib
from importlib.resources import files

_WORDS = tomllib.loads((files(__package__) / "words.toml").read_text("utf-8"))


def _listed(section: str, name: str) -> list[str]:
    """Give the entries of one list in their order."""
    entries: str = _WORDS[section][name]
    return [" ".join(entry.split()) for entry in entries.split(",")]


def _all(section: str, name: str) -> frozenset[str]:
    return frozenset(_listed(section, name))


FUNCTION = frozenset(word for language in _WORDS["function"] for word in _listed("function", language))

KINDS = tuple(_WORDS["cues"])
"""The kinds of cues; the model has weights for each, in this order."""

_CUES = {tuple(entry.split()): kind for kind in reversed(KINDS) for entry in _listed("cues", kind)}
CUE_WORDS = {entry[0]: kind for entry, kind in _CUES.items() if len(entry) == 1}
CUE_PAIRS = {entry: kind for entry, kind in _CUES.items() if len(entry) > 1}

HOME = _all("breadcrumb", "home")
AGENCIES = _listed("byline", "agencies")
PARTICLES = _all("byline", "particles")
NAME_ENDS = _listed("byline", "name_ends")
ROLES = _listed("byline", "roles")
UPDATED = _listed("byline", "updated")
VOTE = _all("votes", "vote")
VOTER = _all("votes", "voter")
