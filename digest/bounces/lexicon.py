"""Load the words that machines use, once."""

import re
import tomllib
from functools import cache
from importlib import resources


@cache
def words(name: str) -> re.Pattern[str]:
    """Give one of the lists of letters.toml as one pattern."""
    return re.compile("|".join(read("letters.toml")[name]), re.IGNORECASE)


@cache
def read(file: str) -> dict[str, list[str]]:
    """Give a file of lists of words, in its order."""
    return tomllib.loads(resources.files("digest.bounces").joinpath(file).read_text("utf-8"))
