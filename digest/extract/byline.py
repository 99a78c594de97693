"""Read what is printed around a story: its dates, its authors, its dateline, and its readers' votes.

Everything here works on one line as it was printed, in the languages of `LOCALES`; a line that says
nothing gives None. Only lines short enough to be such a line are looked at, so the time is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache

from digest.extract.lexicon import AGENCIES, CUE_WORDS, NAME_ENDS, PARTICLES, ROLES, UPDATED, VOTE, VOTER
from digest.model import When

LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl", "tr", "ar", "ar_LB", "ru", "pl")
LONGEST = 400  # characters of a line that may be a byline
_LONGEST_VOTES = 80
_MOST_NAMES = 16  # words
_MOST_PLACES = 3  # words of a place in mixed case: New York City
_MOST_DIGITS = 9  # nobody has a milliard readers
_YEARS = range(1900, 2101)
_MONTHS = 12

_WORD = r"(?<![^\W\d_])[^\W\d_]{3,12}(?: [^\W\d_]{3,6})?"
_DATE = re.compile(
    r"(?<!\d)(?P<iso>\d{4}[-/.]\d{1,2}[-/.]\d{1,2})(?!\d)"
    r"(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})\b)?"
    r"|(?<!\d)(?P<cjk>\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2})\s?[日일]"
    r"|(?<![\d.])(?P<numeric>\d{1,2}(?P<mark>[./-])\s?\d{1,2}(?P=mark)\s?\d{4})(?!\d)"
    r"|(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|[.ºª°])?[\s-]{1,2}(?:of |de )?"
    rf"(?P<month>{_WORD})\.?(?:,|-| de| del)?\s{{0,2}}(?P<year>\d{{4}})(?!\d)"
    rf"|(?P<month_first>{_WORD})\.?\s{{0,2}}(?P<day_second>\d{{1,2}})(?:st|nd|rd|th)?,?\s{{0,2}}"
    r"(?P<year_last>\d{4})(?!\d)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_UPDATED = re.compile("|".join(UPDATED), re.IGNORECASE)

_SEPARATOR = re.compile(r"\s[-–—/]\s|[|•·⋅∙\n]|\s{3,}")
_BY = re.compile(
    r"(?:(?:story|words|text|reporting|article|published|posted|written|reviewed)\s)?"
    r"(?:by|von|par|por|di|door|od|autor(?:in|a|e)?|auteur|authors?|yazar|автор|текст|بقلم|كتب|كتبت)"
    r"(?:\s*:\s*|\s+)(?P<name>\S.*)",
    re.IGNORECASE,
)
_BY_ALONE = re.compile(
    r"(?:written |posted |published )?(?:by|von|par|por|author|autor|بقلم|автор):?", re.IGNORECASE
)
_BY_AFTER = re.compile(r"(?P<name>.{3,80}?)\s+tarafından\b", re.IGNORECASE)
_AGENCY = re.compile("|".join(AGENCIES))
_NAME_END = re.compile(rf"(?:^|,?\s+)(?:{'|'.join(NAME_ENDS)})\b(?=\s|:|$)")
_ROLE = re.compile(rf",\s*(?:the )?(?:[\w’'-]+ ){{0,3}}(?:{'|'.join(ROLES)})\b.*$", re.IGNORECASE)

_TITLED = r"[^\W\d_][\w.'’-]*"
_AGENCY_NOTE = r"\s?(?P<agency>\([^()\d]{2,40}\)|/[^/\d]{2,40}/)"
_DATELINE = re.compile(
    rf"(?P<place>{_TITLED}(?:[ /]{_TITLED}){{0,4}}(?:,\s{_TITLED}(?:\s{_TITLED}){{0,2}})?)"
    rf"(?P<date>,\s(?:[^\W\d_]{{3,12}}\.?\s\d{{1,2}}|\d{{1,2}}\.?\s[^\W\d_]{{3,12}}\.?)(?:,?\s\d{{4}})?)?"
    rf"(?:{_AGENCY_NOTE})?(?P<dash>\s?—\s?|\s[–-]{{1,2}}\s|\s?:\s)(?P<next>\S)"
)

_ARABIC_MARKS = re.compile("[\u064b-\u0652\u0640]")
_TOKEN = re.compile(r"\d[\d.,\u00a0\u202f' ]*\d|\d|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Dated:
    when: When
    start: int
    end: int


@cache
def _months() -> dict[str, int]:
    """Give the number of each month's name, wide and abbreviated, in all languages of `LOCALES`."""
    from babel.dates import get_month_names  # noqa: PLC0415 - loads a dozen locales, only a dated page needs them

    names: dict[str, int] = {}
    for locale in LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, locale).items():
                    names.setdefault(name.casefold().strip("."), number)
    names.setdefault("sept", 9)
    return names


def find_dates(text: str, *, language: str | None = None) -> Iterator[_Dated]:
    """Give the full dates of a line in order; a day without a year is none.

    Where only custom tells day from month (03/04/2026), a language other than American English puts
    the day first.
    """
    for match in _DATE.finditer(text[:LONGEST]):
        when = _when(match, day_first=language not in (None, "en", "en-us"))
        if when is not None:
            yield _Dated(when, match.start(), match.end())


def _when(match: re.Match[str], *, day_first: bool) -> When | None:
    part = match.groupdict()
    if part["iso"] or part["cjk"]:
        year, month, day = map(int, _DIGITS.findall(part["iso"] or part["cjk"]))
    elif part["numeric"]:
        first, second, year = map(int, _DIGITS.findall(part["numeric"]))
        swapped = second > _MONTHS or (part["mark"] == "/" and not day_first and first <= _MONTHS)
        day, month = (second, first) if swapped else (first, second)
    else:
        day, year = int(part["day"] or part["day_second"]), int(part["year"] or part["year_last"])
        month = _month(part["month"] or part["month_first"])
    if year not in _YEARS:
        return None
    try:
        if part["time"]:
            return datetime.fromisoformat(f"{year}-{month:02}-{day:02}T{part['time']}").replace(
                tzinfo=_zone(part["zone"])
            )
        return date(year, month, day)
    except ValueError:
        return None


def _month(name: str) -> int:
    """Give the month's number, or 0, which no date takes."""
    months = _months()
    key = name.casefold()
    return months.get(key) or months.get(key.split()[0]) or months.get(key.split()[-1]) or 0


def _zone(offset: str) -> timezone:
    if not offset[-1].isdigit():
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def read_dates(lines: Iterable[str], *, language: str | None = None) -> tuple[When | None, When | None]:
    """Give when the story was published and when it was last modified, as the lines around it say.

    A date is the modified one when a word like "updated" stands between it and the date before it, or
    when it is the second of its line; otherwise the first date counts as the published one.
    """
    published: When | None = None
    modified: When | None = None
    for line in lines:
        end = 0
        for found in find_dates(line, language=language):
            if _UPDATED.search(line, end, found.start):
                modified = modified or found.when
            elif published is None:
                published = found.when
            elif end:
                modified = modified or found.when
            end = found.end
    return published, modified


def read_author(line: str, following: str = "") -> str | None:
    """Give the authors that a byline names, as printed; `following` is the line after it."""
    if len(line) > LONGEST:
        return None
    if _BY_ALONE.fullmatch(line):
        return _name(following[:LONGEST])
    for segment in _SEPARATOR.split(_without_dates(line)):
        said = segment.strip(" ,;")
        if found := _BY.match(said) or _BY_AFTER.match(said):
            return _name(found["name"])
        if found := _AGENCY.fullmatch(said):
            return found[0]
    return None


def _without_dates(line: str) -> str:
    for found in reversed(list(find_dates(line))):
        line = f"{line[: found.start]} | {line[found.end :]}"
    return line


def _name(text: str) -> str | None:
    """Cut a name off what follows it, or give None where it is no name."""
    text = _SEPARATOR.split(_without_dates(text), maxsplit=1)[0]
    text = _NAME_END.split(text, maxsplit=1)[0]
    text = _ROLE.sub("", text).strip(" ,;:-–—(")
    words = text.split()
    if not words or len(words) > _MOST_NAMES or any(c.isdigit() for c in text) or text.endswith(("!", "?")):
        return None
    plain = [word for word in words if word[0].islower() and word.strip(",").casefold() not in PARTICLES]
    furniture = any(CUE_WORDS.get(word) in ("chrome", "share") for word in text.casefold().split())
    return None if plain or furniture or not text[0].isalpha() else text


def read_dateline(paragraph: str) -> str | None:
    """Give the place that a story's first paragraph opens with, as printed: BAGHDAD.

    In capitals any dash will do; otherwise an agency in parentheses or a spaced em dash must follow.
    """
    match = _DATELINE.match(paragraph[:LONGEST])
    if match is None:
        return None
    place, dash = match["place"], match["dash"]
    head = place.split(",", maxsplit=1)[0]
    words = head.split()
    if (
        ":" in dash
        or any(word.casefold() in CUE_WORDS for word in words)
        or len(head) == 1
        or not head[0].isalpha()
    ):
        return None
    if match["agency"] or head.isupper():
        return place if not words[0][0].islower() else None
    named = len(words) <= _MOST_PLACES and not any(word[0].islower() for word in words)
    return place if named and dash == " — " and not match["next"].islower() else None


def read_votes(line: str) -> int | None:
    """Give the number of votes that a line reports and nothing else: 57 users have voted."""
    if len(line) > _LONGEST_VOTES:
        return None
    tokens = _TOKEN.findall(_ARABIC_MARKS.sub("", line).casefold())
    words = {token for token in tokens if not token[0].isdigit()}
    numbers = [i for i, token in enumerate(tokens) if token[0].isdigit()]
    if not numbers or VOTE.isdisjoint(words) or not words <= VOTE | VOTER:
        return None
    counting = [i for i in numbers if i + 1 < len(tokens) and i + 1 not in numbers]  # a word stands after it
    digits = "".join(_DIGITS.findall(tokens[counting[-1] if counting else numbers[-1]]))
    return int(digits) if len(digits) <= _MOST_DIGITS else None
