"""Mentions joined to persons, and what is remembered of the mentions before the one that is being joined.

Every question is answered from what was noted on the way, never by a walk over all that came before.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading


class Groups:
    """Union-find over mentions; the earliest one stands for all, save that a name goes first."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self.mentions = mentions
        self.parent = list(range(len(mentions)))
        self.dropped: dict[int, tuple[str, str]] = {}
        self.parts: dict[int, list[int]] = {}

    def find(self, index: int) -> int:
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(self, first: int, second: int) -> None:
        one, two = sorted((self.find(first), self.find(second)))
        if one != two:
            self.parent[two] = one

    def drop(self, index: int, why_not: str, rule: str) -> None:
        self.dropped[index] = (why_not, rule)

    def members(self) -> dict[int, list[int]]:
        """Root -> all that it stands for, itself among them."""
        found: dict[int, list[int]] = {}
        for index in range(len(self.mentions)):
            found.setdefault(self.find(index), []).append(index)
        return found


class Alone:
    """Whether all that were added are one person by now."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._apart: list[int] = []  # the first one and all that were apart from it when last looked at

    def add(self, index: int) -> None:
        self._apart.append(index)

    def root(self) -> int | None:
        """The person; None where there is nobody, or somebody else."""
        apart, find = self._apart, self._groups.find
        while len(apart) > 1 and find(apart[-1]) == find(apart[0]):
            apart.pop()
        return find(apart[0]) if len(apart) == 1 else None


class Earlier:
    """The live mentions before one; `latest` is the last of them, `tagged` whether one is a counting tag."""

    def __init__(self, reading: Reading, groups: Groups) -> None:
        self._reading = reading
        self._groups = groups
        self._nouns: dict[tuple[bool, str], int] = {}
        self._people: list[int] = []
        self._persons = Alone(groups)
        self._anybody = Alone(groups)
        self.latest = -1  # none yet
        self.latest_human: int | None = None
        self.names: list[int] = []
        self.tagged = False
        self.borders: dict[int, tuple[int, int]] = {}  # see corefer

    def add(self, index: int) -> None:
        mention = self._groups.mentions[index]
        self.latest = index
        self.tagged = self.tagged or mention.has("tag")
        if mention.kind != "body":
            self.latest_human = index
        if mention.kind == "name":
            self.names.append(index)
        if mention.kind == "person":
            self._persons.add(index)
        if mention.kind in ("person", "name"):
            self._anybody.add(index)
            self._people.append(index)
            self._nouns[mention.many, self._reading.tokens.words[mention.last - 1]] = index

    @cached_property
    def is_tags(self) -> bool:
        return self._reading.is_tags

    def with_noun(self, noun: str, *, many: bool) -> int | None:
        """The latest person or name that ends in this word."""
        return self._nouns.get((many, noun))

    def people(self) -> Iterator[int]:
        """Persons and names, the latest first."""
        return reversed(self._people)

    def only_one(self, *, unnamed: bool) -> int | None:
        """Who stands for the one person there is, or for the one person beside names; None where there are more or none."""
        return (self._persons if unnamed else self._anybody).root()
