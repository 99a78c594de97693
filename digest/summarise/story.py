"""The summary of a story that several articles tell.

The article that leads it is summarised first. A sentence of another one is added, or takes the place of the
lead's least central one, where it says what no sentence of the lead says, stands on its own, and matters: a
further article says it too, or it is as near to the centre of all tellings together as the lead's own. The
opening of another article is not added: it says what happened, as that of the lead did.
"""

import dataclasses
from collections.abc import Collection, Sequence

from digest.model import Article, Method, Sentence
from digest.summarise.single import pick

_TELLINGS = 8  # articles that are read; what more of them would add is said already


def summarise_story(
    articles: Sequence[Article], *, sentences: int, method: Method, told: Collection[str] = ()
) -> tuple[Sentence, ...]:
    """Choose up to `sentences` sentences of a story's articles, the first of which leads it.

    They come by article, then in its order; those of the lead have no `article`, the others its id. `told`
    holds sentences of earlier issues: what they say is not said again, and where nothing is new, nothing is
    chosen. Of one article, with nothing told, this is `summarise`. Methods other than `digest` summarise the
    leading article alone, and `digest` passes over those in another language.
    """
    told_by = [article for article in articles[:_TELLINGS] if _is_comparable(article, articles[0])]
    picked = [
        pick(
            article.text,
            sentences=sentences,
            method=method,
            title=article.title,
            language=article.language,
            told=told,
        )
        for article in (told_by if method is Method.DIGEST else told_by[:1])
    ]
    if len(picked) > 1 and sentences > 0:
        from digest.summarise.tellings import join  # noqa: PLC0415 - sumy and numpy take a second

        picked = join(told_by[: len(picked)], picked, sentences)
    return tuple(
        sentence if not at else dataclasses.replace(sentence, article=told_by[at].id)
        for at, chosen in enumerate(picked)
        for sentence in chosen
    )


def _is_comparable(article: Article, lead: Article) -> bool:
    """Tell whether two articles share a language; across languages nothing shows what is said twice."""
    one, other = ((each.language or "").partition("-")[0].lower() for each in (article, lead))
    return one == other or not (one and other)
