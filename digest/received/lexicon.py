"""What mail programs write by themselves, from `words.toml`, each list read once."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def listed(table: str, name: str = "") -> tuple[str, ...]:
    """Give the entries of a list in their order."""
    lines: str = _words()[table][name] if name else _words()[table]
    return tuple(lines.strip().split("\n"))


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "words.toml").read_text("utf-8"))
