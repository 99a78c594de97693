"""Say which language a text is in: as its source declares, else as it reads."""

import re

_LOOK_AT = 2000  # characters; more changes nothing but the time
_FEWEST_LETTERS = 20  # in UTF-8 bytes, as the model reads: a script of its own gives itself away sooner
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")
_SAYS_NOTHING = frozenset({"mis", "mul", "und", "zxx"})  # ISO 639-2's codes for "no one language"


def language_of(text: str, *, declared: str | None = None) -> str | None:
    """Give the declared language where there is a usable one, else the detected one."""
    return normalise(declared) or detect(text)


def normalise(tag: str | None) -> str | None:
    """Write a language tag as BCP 47 does, in lower case: en_US.UTF-8 becomes en-us; None if it is no tag."""
    plain = (tag or "").strip().lower().replace("_", "-").partition(".")[0]
    return plain if _TAG.fullmatch(plain) and plain.split("-")[0] not in _SAYS_NOTHING else None


def detect(text: str) -> str | None:
    """Guess the language of a text as an ISO 639-1 code; None where there are too few letters to tell."""
    start = text[:_LOOK_AT]
    letters = "".join(filter(str.isalpha, start))
    if len(letters.encode(errors="replace")) < _FEWEST_LETTERS:
        return None
    from py3langid import classify  # noqa: PLC0415 - numpy and a model, only where no language is declared

    code: str = classify(start)[0]
    return code
