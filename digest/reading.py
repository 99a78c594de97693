"""How long a text takes to read, by its language: the one estimate that letters are cut to and print.

The speeds are those of Trauzettel-Klosinski and Dietz 2012 (IReST): the same ten texts in 17 languages, read by 436
native speakers. They were read aloud; in silence it goes a little faster (Brysbaert 2019: 238 words a minute for
English non-fiction, for which IReST has 228), so that a letter is rather shorter than what it promises.

Times are whole milliseconds: those of a letter's parts add up to that of the letter, in any order.
"""

import regex

from digest.model import Story

MINUTE = 60_000
"""Milliseconds."""

WORDS_A_MINUTE = {
    "ar": 138,
    "de": 179,
    "en": 228,
    "es": 218,
    "fi": 161,
    "fr": 195,
    "he": 187,
    "it": 188,
    "nl": 202,
    "pl": 166,
    "pt": 181,
    "ru": 184,
    "sl": 180,
    "sv": 199,
    "tr": 166,
}
OTHERS = 184
"""Words a minute in any other language: the mean of all of IReST's."""

_CHINESE, _JAPANESE = 255, 357  # characters a minute
_SPACELESS_LETTERS = 880  # not measured: 68 ms a letter, the mean of 14 languages with alphabets

_HAN = regex.compile(r"\p{Han}")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_SPACELESS = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_WORD = regex.compile(r"\w\S*")


def reading_time(text: str, language: str | None) -> int:
    """Estimate how long `text` takes to read, in milliseconds.

    Words are counted where spaces part them, characters in the scripts that have none. `language` is BCP 47.
    """
    primary = (language or "").lower().partition("-")[0]
    minutes = 0.0
    if not text.isascii():
        scripts = ((_HAN, _JAPANESE if primary == "ja" else _CHINESE), (_KANA, _JAPANESE))
        for script, speed in (*scripts, (_SPACELESS, _SPACELESS_LETTERS)):
            text, count = script.subn(" ", text)
            minutes += count / speed
    minutes += len(_WORD.findall(text)) / WORDS_A_MINUTE.get(primary, OTHERS)
    return int(minutes * MINUTE)


def story_time(story: Story) -> int:
    """Estimate how long the headline and the summary of a story take to read, in milliseconds."""
    texts = (story.lead.title, *(sentence.text for sentence in story.summary))
    return sum(reading_time(text, story.lead.language) for text in texts)


def in_minutes(milliseconds: int) -> int:
    """Give a time as it is printed: in minutes, one that has begun counted, never none."""
    return max(1, -(-milliseconds // MINUTE))
