"""The summary of one text, by whatever method."""

from collections.abc import Collection, Iterable

from digest.model import Method, Sentence
from digest.sentences import sentences as split
from digest.summarise.fit import sort_out

LONGEST = 100_000  # characters of a text that `digest` reads: some 15,000 words


def pick(
    text: str, *, sentences: int, method: Method, title: str, language: str | None, told: Collection[str] = ()
) -> tuple[Sentence, ...]:
    """Choose up to `sentences` sentences; where something was `told` before, only what says more than that."""
    if sentences < 1:
        return ()
    if method is Method.DIGEST:
        return _weighed(text, sentences, title=title, language=language, told=told)
    fit, rest = sort_out(split(text, language))
    chosen = list(fit.values())
    if told:
        known = _known(chosen, told, language)
        chosen, rest = [sentence for sentence in chosen if sentence not in known], []
    if len(chosen) > sentences and method is not Method.LEAD:
        from digest.summarise.ratings import best  # noqa: PLC0415 - sumy, nltk and numpy take a second

        chosen = best(chosen, sentences, text=text, method=method, title=title, language=language)
    return tuple(sorted((chosen + rest)[:sentences], key=lambda sentence: sentence.start))


def beginning(text: str, language: str | None) -> tuple[Sentence, ...]:
    """Give the sentences of what `digest` reads of a text, or the only one where that is even longer."""
    if len(text) <= LONGEST:
        return split(text, language)
    return split(text[:LONGEST], language)[:-1] or split(text, language)


def _weighed(
    text: str, count: int, *, title: str, language: str | None, told: Collection[str]
) -> tuple[Sentence, ...]:
    fit, rest = sort_out(beginning(text, language))
    known = _known(fit.values(), told, language)
    if len(known) == len(fit):
        return () if told else tuple(rest[:count])
    from digest.summarise.passage import Passage  # noqa: PLC0415 - sumy and numpy take a second
    from digest.summarise.ranker import ranker  # noqa: PLC0415

    passage = Passage(fit, title=title, language=language)
    barred = {at for at, sentence in enumerate(passage.sentences) if sentence in known}
    chosen = ranker().choose(passage, count, barred)
    if not (chosen or told):
        chosen = [0]  # all lean on another: at least it begins as the text does
    return tuple(passage.sentences[at] for at in chosen)


def _known(found: Iterable[Sentence], told: Collection[str], language: str | None) -> set[Sentence]:
    """Give those of the sentences that say nothing more than was told."""
    if not told:
        return set()
    from digest.summarise.novelty import Known  # noqa: PLC0415 - sumy takes a second

    known = Known(told, language)
    return {sentence for sentence in found if known.has(sentence.text)}
