"""What a reader can read in his minutes: which stories, and how many sentences of each.

Pure. Minutes are given out as d'Hondt gives seats: sentence by sentence, the next one always to the story with the
highest score ÷ (the sentences it would then have). So a story that counts twice as much is told in about twice as many
sentences, and the head of a letter is told in full while its end is told in short. What holds of the result:

1. It can be read in the minutes, or is nothing but the first story's headline.
2. The first story stays. Each other one is left out, or shown with the first sentences of its summary, at least one.
3. Nothing that was cut could still be put in: neither a sentence of a story that is shown nor a story left out.
4. No story makes way for a lower one of its section. What it lacks would not fit in even if all stories below it gave
   up what they have beyond it.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from digest.model import Story
from digest.reading import MINUTE, reading_time


def fit(stories: Sequence[Story], minutes: int) -> list[Story]:
    """Give as much of `stories` as can be read in so many minutes, in the same order.

    The first one is the best of all, and in each section they come best first.
    """
    if not stories:
        return []
    best, *others = stories
    if _parts(best)[0] > minutes * MINUTE:
        best = dataclasses.replace(best, summary=())
    told = [best, *others]
    parts = [_parts(story) for story in told]
    shown = [1] + [0] * len(others)  # parts of each
    left = minutes * MINUTE - parts[0][0]
    for index, number in _by_merit(told):
        if shown[index] == number and parts[index][number] <= left:
            shown[index] += 1
            left -= parts[index][number]
    return [
        dataclasses.replace(story, summary=story.summary[:count])
        for story, count in zip(told, shown, strict=True)
        if count
    ]


def _parts(story: Story) -> list[int]:
    """Give the reading times of what is shown of a story one after the other: the headline stands with a sentence."""
    language = story.lead.language
    headline = reading_time(story.lead.title, language)
    first, *rest = [reading_time(sentence.text, language) for sentence in story.summary] or [0]
    return [headline + first, *rest]


def _by_merit(stories: Sequence[Story]) -> Iterator[tuple[int, int]]:
    """Give each part of each story, as the story's index and the part's, in the order in which they deserve room."""
    weights = _weights(stories)
    merits = (
        (-weights[index] / (1 + number), number, index)
        for index, story in enumerate(stories)
        for number in range(max(1, len(story.summary)))
    )
    return ((index, number) for _, number, index in sorted(merits))


def _weights(stories: Sequence[Story]) -> list[float]:
    """Give what each story counts: its score, but as much as any below it in its section, and never less than 0."""
    highest: dict[str, float] = {}
    weights: list[float] = []
    for story in reversed(stories):
        highest[story.section] = max(story.score, highest.get(story.section, 0.0))
        weights.append(highest[story.section])
    return weights[::-1]
