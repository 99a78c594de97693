"""What the other articles of a story add to what the first one says."""

from collections.abc import Sequence
from itertools import pairwise

from digest.model import Article, Sentence
from digest.summarise.fit import sort_out
from digest.summarise.novelty import Known
from digest.summarise.openings import is_torn, leans_back
from digest.summarise.passage import MOST, Passage
from digest.summarise.single import beginning

_THE_SAME = 0.35  # cosine of two sentences, the one of which need not be told after the other
_OF_THE_SAME = 0.35  # cosine of two, the one of which confirms the other
_COVERED = 0.45  # of a sentence's words in those of the summary: it tells too little more

Picked = Sequence[tuple[Sentence, ...]]
"""The summary of each article by itself, the lead's first."""


def join(articles: Sequence[Article], picked: Picked, most: int) -> list[tuple[Sentence, ...]]:
    """Make one summary of up to `most` sentences of them: the lead's, and what the others add that matters.

    Where the lead's has `most` sentences already, that of another takes the place of a less central one, but
    of the lead's first never; at least half stays the lead's.
    """
    tellings = _Tellings(articles, picked)
    lead, added = list(picked[0]), list[int]()
    for row in tellings.offers:
        if not tellings.adds(row, lead, added):
            continue
        if len(lead) + len(added) < most:
            if tellings.matters(row):
                added.append(row)
        elif len(added) < most // 2:
            weak = tellings.weakest(lead)
            if weak and tellings.matters(row) and tellings.central[row] > tellings.centrality(weak):
                lead.remove(weak)
                added.append(row)
    kept = {(tellings.owner[row], tellings.sentences[row]) for row in added}
    others = (
        tuple(sentence for sentence in chosen if (at, sentence) in kept) for at, chosen in enumerate(picked)
    )
    return [tuple(lead), *list(others)[1:]]


class _Tellings:
    """The beginnings of all articles as one passage; rows number its sentences."""

    def __init__(self, articles: Sequence[Article], picked: Picked) -> None:
        each = MOST // len(articles)
        self.sentences: list[Sentence] = []
        self.owner: list[int] = []
        for at, article in enumerate(articles):
            fit, _ = sort_out(beginning(article.text, article.language))
            self.sentences += list(fit.values())[:each]
            self.owner += [at] * (len(self.sentences) - len(self.owner))
        lead = articles[0]
        passage = Passage(dict(enumerate(self.sentences)), title=lead.title, language=lead.language)
        self._likeness, self._has = passage.likeness, passage.has
        self.central: list[float] = (passage.directions @ passage.centre).tolist()
        self._lead = self.owner.count(0)
        self._known = Known((sentence.text for sentence in self.sentences[: self._lead]), lead.language)
        self._row = {
            (at, sentence.start): row
            for row, (at, sentence) in enumerate(zip(self.owner, self.sentences, strict=True))
        }
        self._language = [article.language for article in articles]
        own = [self.centrality(sentence) for sentence in picked[0]]
        self._needed = sum(own) / len(own) if own else 0.0
        rows = (
            self._row[at, sentence.start]
            for at, chosen in enumerate(picked)
            for sentence in chosen
            if at and (at, sentence.start) in self._row and self._goes_on(at, sentence, alone=not own)
        )
        self.offers = sorted(rows, key=lambda row: (not self._is_confirmed(row), -self.central[row]))

    def _goes_on(self, at: int, sentence: Sentence, *, alone: bool) -> bool:
        """Tell whether a sentence stands on its own, and does not only say once more what happened.

        That is what the opening of an article says, after the lead's; where the lead says nothing, it is `alone`.
        """
        opens = not alone and self._row[at, sentence.start] == self.owner.index(at)
        return not (opens or leans_back(sentence.text, self._language[at]) or is_torn(sentence.text))

    def _is_confirmed(self, row: int) -> bool:
        """Tell whether an article other than its own, and than the lead, says much the same."""
        alike = zip(self.owner, self._likeness[row].tolist(), strict=True)
        return any(at not in {0, self.owner[row]} and cosine >= _OF_THE_SAME for at, cosine in alike)

    def adds(self, row: int, lead: Sequence[Sentence], added: Sequence[int]) -> bool:
        """Tell whether neither the lead, chosen or not, nor what was added says it."""
        said = [*range(self._lead), *added]
        if said and self._likeness[row, said].max() >= _THE_SAME:
            return False
        told = [self._row[0, one.start] for one in lead if (0, one.start) in self._row] + list(added)
        stems = self._has[row]
        covered = (stems & self._has[told].any(0)).sum() if told else 0
        return bool(covered < _COVERED * stems.sum()) and not self._known.has(self.sentences[row].text)

    def matters(self, row: int) -> bool:
        """Tell whether another article confirms it, or it is as central as the lead's summary."""
        return self._is_confirmed(row) or self.central[row] >= self._needed

    def centrality(self, sentence: Sentence) -> float:
        """How near a sentence of the lead is to the centre of all; 0 where it stands too far back."""
        row = self._row.get((0, sentence.start))
        return 0.0 if row is None else self.central[row]

    def weakest(self, lead: Sequence[Sentence]) -> Sentence | None:
        """Give the least central sentence of the lead's on which none of them leans, but never its first."""
        leaning = {one for one, following in pairwise(lead) if leans_back(following.text, self._language[0])}
        return min((one for one in lead[1:] if one not in leaning), key=self.centrality, default=None)
