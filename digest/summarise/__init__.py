"""Pick the sentences of a text that say the most.

The sentences of a summary stand verbatim in the text and come in its order. Chosen are, first of all, those
fit to stand alone: 4 to 100 words, closed by a full stop or its like, and not said before; so a sub-heading
or a fragment is taken only where there is nothing better. Among the fit, the method decides.

`lead` takes the first ones. The other methods are those of sumy; what they cannot rate (a text of two
sentences, or of stop words alone) they leave in the order of the text, which is `lead` again. They see at
most the first 120 fit sentences (`kl`: 50), and fewer long ones, for their time grows with the square of it
or worse; see `ratings.LIMITS`.
"""

import regex

from digest.model import Method, Sentence
from digest.sentences import sentences as split
from digest.summarise.words import words

__all__ = ["Method", "summarise"]


_FIT_LENGTHS = range(4, 101)  # words
_CLOSED = regex.compile(
    r"""
    [.!?…‥؟۔।॥։።។၊။‼⁇⁈⁉。！？｡]
    (?: [\p{Pe}\p{Pi}\p{Pf}\p{Z}'"] | \[\d{1,3}\] )*+  # closing quotes and brackets, a footnote's number
    \Z
    """,
    regex.VERBOSE,
)
_TAIL = 20  # characters; where to look for what closes a sentence


def summarise(
    text: str,
    *,
    sentences: int,
    method: Method = Method.LEXRANK,
    title: str = "",
    language: str | None = None,
) -> tuple[Sentence, ...]:
    """Choose `sentences` sentences of `text`, or all of them where it has no more, in its order.

    The same input gives the same summary in every process. `title` matters to `edmundson` only; `language`
    (BCP 47) to the splitting, the stemming and the stop words.
    """
    fit, rest = _sort_out(split(text, language))
    if len(fit) > sentences > 0 and method is not Method.LEAD:
        from digest.summarise.ratings import best  # noqa: PLC0415 - sumy, nltk and numpy take a second

        fit = best(fit, sentences, text=text, method=method, title=title, language=language)
    chosen = (fit + rest)[: max(sentences, 0)]
    return tuple(sorted(chosen, key=lambda sentence: sentence.start))


def _sort_out(found: tuple[Sentence, ...]) -> tuple[list[Sentence], list[Sentence]]:
    """Part the sentences that are fit to stand alone from the rest."""
    fit: dict[str, Sentence] = {}
    rest: list[Sentence] = []
    for sentence in found:
        if sentence.text not in fit and _is_fit(sentence.text):
            fit[sentence.text] = sentence
        else:
            rest.append(sentence)
    return list(fit.values()), rest


def _is_fit(sentence: str) -> bool:
    return _CLOSED.search(sentence[-_TAIL:]) is not None and len(words(sentence)) in _FIT_LENGTHS


def summarise_story(articles, *, sentences, method, told=frozenset()):  # replaced at the merge
    lead = articles[0]
    found = summarise(lead.text, sentences=sentences, method=method, title=lead.title, language=lead.language)
    return tuple(s for s in found if s.text not in told)
