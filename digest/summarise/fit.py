"""Which sentences are fit to stand alone in a summary."""

from collections.abc import Iterable

import regex

from digest.model import Sentence
from digest.summarise.words import words

_LENGTHS = range(4, 101)  # words
_CLOSED = regex.compile(
    r"""
    [.!?…‥؟۔।॥։።។၊။‼⁇⁈⁉。！？｡]
    (?: [\p{Pe}\p{Pi}\p{Pf}\p{Z}'"] | \[\d{1,3}\] )*+  # closing quotes and brackets, a footnote's number
    \Z
    """,
    regex.VERBOSE,
)
_TAIL = 20  # characters; where to look for what closes a sentence


def sort_out(found: Iterable[Sentence]) -> tuple[dict[int, Sentence], list[Sentence]]:
    """Part the sentences that are fit, by their place among those `found`, from the rest."""
    fit: dict[int, Sentence] = {}
    rest: list[Sentence] = []
    said = set()
    for place, sentence in enumerate(found):
        if sentence.text not in said and _is_fit(sentence.text):
            said.add(sentence.text)
            fit[place] = sentence
        else:
            rest.append(sentence)
    return fit, rest


def _is_fit(sentence: str) -> bool:
    return _CLOSED.search(sentence[-_TAIL:]) is not None and len(words(sentence)) in _LENGTHS
