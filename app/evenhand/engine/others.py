"""The mentions around the one that is being sifted: where the person nouns stand, and what became of those before it.

Built once a prompt, so that no question walks over all mentions again.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading


class Others:
    """`mentions` are ordered by their heads; each is given back to `passed` when it is sifted."""

    def __init__(self, reading: Reading, mentions: Sequence[Mention]) -> None:
        self.firsts = {mention.first for mention in mentions}
        self._reading = reading
        self._people = [mention for mention in mentions if mention.kind == "person"]
        self._heads = [mention.head for mention in self._people]
        self._live: list[Mention] = []
        self._first_human = len(reading.tokens) + 1  # where the first live mention ends that is no body

    def passed(self, mention: Mention) -> None:
        if mention.why_not or self._reading.tokens.words[mention.head] == "its":
            return
        self._live.append(mention)
        if mention.kind != "body":
            self._first_human = min(self._first_human, mention.last)

    def person_from(self, index: int) -> Mention | None:
        """The first person noun whose head begins at or after token `index`."""
        place = bisect_left(self._heads, index)
        return self._people[place] if place < len(self._people) else None

    def body_before(self, index: int) -> Mention | None:
        """The latest mention that ends by token `index`, where nobody but bodies does."""
        if self._first_human <= index:
            return None
        return next((mention for mention in reversed(self._live) if mention.last <= index), None)

    def is_anybody_by(self, index: int) -> bool:
        """Whether a person noun of the lists ends by token `index`."""
        return self._first_noun <= index

    @cached_property
    def _first_noun(self) -> int:
        nouns = (match for match in self._reading.matches if match.entry.number and match.entry.kind in ("roles", "terms"))
        return min((match.last for match in nouns), default=len(self._reading.tokens) + 1)
