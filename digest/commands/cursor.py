"""A place in a line that is being read, and what has been understood up to there."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from digest.commands import lexicon
from digest.commands.tokens import Token
from digest.wishes import Change, Stance, Topic

_SUFFIX = re.compile(r"(?<=\d)['‘’ʼ`´][^\W\d_]{1,3}")  # Turkish: 07.00'de


@dataclass(slots=True, kw_only=True)
class Cursor:
    """Reads words from left to right; what it holds is replaced, never changed, so that it can go back."""

    tokens: Sequence[Token]
    today: date | None
    position: int = 0
    heard: tuple[frozenset[str], ...] = ()  # the languages of each phrase understood
    wishes: dict[str, Any] = field(default_factory=dict)  # of a Change, without its topics
    topics: dict[str, Stance] = field(default_factory=dict)
    stories: tuple[tuple[str, int], ...] = ()  # what is asked for which story
    _ahead: dict[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)  # by position

    def again(self) -> "Cursor":
        """Give a cursor at the same place that has read nothing."""
        return Cursor(tokens=self.tokens, today=self.today, heard=self.heard, _ahead=self._ahead)

    def tries(self, way: Callable[["Cursor"], bool]) -> bool:
        """Read on in one way, or stay here, and tell whether it went."""
        before = (self.position, self.heard, self.wishes, self.topics, self.stories)
        if way(self):
            return True
        self.position, self.heard, self.wishes, self.topics, self.stories = before
        return False

    @property
    def at_end(self) -> bool:
        """Whether all words are read."""
        return self.position >= len(self.tokens)

    @property
    def next(self) -> Token | None:
        """The next word."""
        return None if self.at_end else self.tokens[self.position]

    @property
    def plain(self) -> str:
        """The next word as it stands, digits as 0 to 9; empty: there is none, or it has a sign or quotation marks."""
        token = self.next
        if token is None or token.sign or token.quoted:
            return ""
        return _SUFFIX.sub("", lexicon.digits(token.raw))

    def ahead(self) -> Iterable[tuple[str, int]]:
        """Give what the next words say together, folded, the longest first, with their count."""
        if self.position not in self._ahead:
            words: list[str] = []
            for token in self.tokens[self.position : self.position + lexicon.LONGEST]:
                if token.sign or token.quoted or (words and token.after_comma):
                    break
                words.append(token.folded)
            self._ahead[self.position] = tuple(
                ("".join(words[:count]), count) for count in range(len(words), 0, -1)
            )
        return self._ahead[self.position]

    def sees(self, kind: str) -> bool:
        """Tell whether a phrase of a kind stands here."""
        known = lexicon.phrases(kind)
        return any(phrase in known for phrase, _ in self.ahead())

    def take(self, kind: str) -> str:
        """Take the longest phrase of a kind, and give it folded; empty: none stands here."""
        known = lexicon.phrases(kind)
        for phrase, count in self.ahead():
            if phrase in known:
                self.position += count
                self.heard += (known[phrase],)
                return phrase
        return ""

    def take_one_of(self, names: Callable[[str], str | None]) -> str | None:
        """Take the longest phrase that a table knows, and give what it stands for."""
        for phrase, count in self.ahead():
            if found := names(phrase):
                self.position += count
                return found
        return None

    def skip(self, *kinds: str) -> None:
        """Take phrases of these kinds as long as there are any."""
        while any(self.take(kind) for kind in kinds):
            pass

    def wish(self, **wishes: Any) -> bool:
        """Note a wish."""
        self.wishes = self.wishes | wishes
        return True

    def rate(self, topic: str, stance: Stance) -> bool:
        """Note what is thought of a topic; the last word counts."""
        self.topics = {name: known for name, known in self.topics.items() if name != topic} | {topic: stance}
        return True

    @property
    def change(self) -> Change | None:
        """All wishes noted."""
        if not self.wishes and not self.topics:
            return None
        topics = tuple(Topic(name=name, stance=stance) for name, stance in self.topics.items())
        return Change(topics=topics, **self.wishes)

    def drop_politeness(self) -> None:
        """Leave out what is polite before and after the rest."""
        self.skip("polite")
        start, end = self.position, len(self.tokens)
        while count := self._polite_before(start, end):
            end -= count
        self.tokens, self.position, self._ahead = self.tokens[start:end], 0, {}

    def _polite_before(self, start: int, end: int) -> int:
        """Give how many words before `end` are polite, the first words never."""
        for count in range(min(lexicon.LONGEST, end - start - 1), 0, -1):
            words = self.tokens[end - count : end]
            languages = lexicon.phrases("polite").get("".join(word.folded for word in words))
            if languages and not any(word.sign or word.quoted for word in words):
                self.heard += (languages,)
                return count
        return 0
