"""What sumy's algorithms think of the sentences of one text; nothing else imports its summarisers.

Four things stand between them and strangers' texts. They keep ratings by a sentence's text, so no text may be
handed in twice. Several take time in the square or the cube of the length, so the first sentences and words,
up to `LIMITS`, stand for the text. They divide by what can be nothing, so arithmetic that fails means that
they cannot rate. And they walk through sets of strings, whose order differs from one process to the next, so
LexRank and LSA, whose sums depend on it in the last digit, get numbers in place of stems.
"""

from collections.abc import Callable
from functools import cache
from itertools import accumulate, groupby
from types import SimpleNamespace
from typing import Any

import numpy as np
from sumy.models.dom import ObjectDocumentModel, Paragraph
from sumy.models.dom import Sentence as Rated
from sumy.summarizers.edmundson import EdmundsonSummarizer
from sumy.summarizers.kl import KLSummarizer
from sumy.summarizers.lex_rank import LexRankSummarizer
from sumy.summarizers.lsa import LsaSummarizer
from sumy.summarizers.luhn import LuhnSummarizer
from sumy.summarizers.reduction import ReductionSummarizer
from sumy.summarizers.sum_basic import SumBasicSummarizer
from sumy.summarizers.text_rank import TextRankSummarizer

from digest.model import PARAGRAPH_BREAK, Sentence
from digest.summarise import Method
from digest.summarise.language import Stem, language_name, stemmer, stop_words
from digest.summarise.words import words

LIMITS = dict.fromkeys(Method, (120, 2500)) | {Method.REDUCTION: (120, 1800), Method.KL: (50, 1500)}
"""How many sentences and words of a text each method sees: about half a second at most."""

_SUMMARIZERS = {
    Method.LEXRANK: LexRankSummarizer,
    Method.TEXTRANK: TextRankSummarizer,
    Method.LSA: LsaSummarizer,
    Method.LUHN: LuhnSummarizer,
    Method.SUMBASIC: SumBasicSummarizer,
    Method.KL: KLSummarizer,
    Method.REDUCTION: ReductionSummarizer,
}


def best(
    fit: list[Sentence], count: int, *, text: str, method: Method, title: str, language: str | None
) -> list[Sentence]:
    """Give the `count` best of more sentences, all different; the first ones where `method` cannot rate."""
    tokenizer = SimpleNamespace(to_words=words)
    rated = {Rated(sentence.text, tokenizer): sentence for sentence in _within_limits(fit, method)}
    by_paragraph = groupby(rated, key=lambda each: text.count(PARAGRAPH_BREAK, 0, rated[each].start))
    paragraphs = [list(group) for _, group in by_paragraph]
    if method is Method.EDMUNDSON:
        paragraphs[0].append(Rated(title, tokenizer, is_heading=True))
    document = ObjectDocumentModel(map(Paragraph, paragraphs))
    try:
        with np.errstate(divide="raise", invalid="raise"):
            summarizer = _summarizer(method, language_name(language))
            chosen = summarizer(document, count) if _can_rate(summarizer, document) else ()
    except (ArithmeticError, LookupError, ValueError):
        chosen = ()
    return [rated[sentence] for sentence in chosen] if len(chosen) == count else fit[:count]


def _within_limits(fit: list[Sentence], method: Method) -> list[Sentence]:
    most_sentences, most_words = LIMITS[method]
    totals = accumulate(len(words(sentence.text)) for sentence in fit[:most_sentences])
    return [sentence for sentence, total in zip(fit, totals, strict=False) if total <= most_words]


def _can_rate(summarizer: Any, document: ObjectDocumentModel) -> bool:
    """Tell LSA's one condition, of which it only warns: as many different words as sentences."""
    if not isinstance(summarizer, LsaSummarizer):
        return True
    words_in_lower_case = map(summarizer.normalize_word, document.words)
    content = (word for word in words_in_lower_case if word not in summarizer.stop_words)
    return len(set(map(summarizer.stem_word, content))) >= len(document.sentences)


def _summarizer(method: Method, name: str | None) -> Any:
    stem: Any = stemmer(name)
    if method in (Method.LEXRANK, Method.LSA):
        stem = _numbered(stem)
    if method is Method.EDMUNDSON:
        # His cue words would have to be gathered for each language; sumy insists on some null words.
        edmundson = EdmundsonSummarizer(stem, cue_weight=0.0)
        edmundson.null_words = stop_words(name) or {""}
        return edmundson
    summarizer = _SUMMARIZERS[method](stem)
    summarizer.stop_words = stop_words(name)
    return summarizer


def _numbered(stem: Stem) -> Callable[[str], int]:
    numbers: dict[str, int] = {}
    return cache(lambda word: numbers.setdefault(stem(word), len(numbers)))
