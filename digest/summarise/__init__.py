"""Pick the sentences of a text that say the most.

The sentences of a summary stand verbatim in the text and come in its order. Chosen are, first of all, those
fit to stand alone: 4 to 100 words, closed by a full stop or its like, and not said before; so a sub-heading
or a fragment is taken only where there is nothing better. Among the fit, the method decides.

`digest` weighs sets of sentences against each other, may take fewer than it is asked for, and takes none that
leans on one that is not there; it reads the first `single.LONGEST` characters. `lead` takes the first ones. The other
methods are those of sumy; what they cannot rate (a text of two sentences, or of stop words alone) they leave
in the order of the text, which is `lead` again. They see at most the first 120 fit sentences (`kl`: 50), and
fewer long ones, for their time grows with the square of it or worse; see `ratings.LIMITS`.
"""

from digest.model import Method, Sentence
from digest.summarise.single import pick
from digest.summarise.story import summarise_story

__all__ = ["Method", "summarise", "summarise_story"]


def summarise(
    text: str,
    *,
    sentences: int,
    method: Method = Method.DIGEST,
    title: str = "",
    language: str | None = None,
) -> tuple[Sentence, ...]:
    """Choose `sentences` sentences of `text`, or all of them where it has no more, in its order.

    The same input gives the same summary in every process. `title` matters to `digest` and `edmundson` only;
    `language` (BCP 47) to the splitting, the stemming, the stop words and what leans on another sentence.
    """
    return pick(text, sentences=sentences, method=method, title=title, language=language)
