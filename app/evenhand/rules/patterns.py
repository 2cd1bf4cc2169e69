"""The compiled phrases and patterns of a Ruleset, which can be stored. Linear in the text: nothing here backtracks.

Phrases are looked up in a dictionary, patterns are found by RE2.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import re2

from evenhand.flow import Span
from evenhand.rules.ruleset import Entry

Meaning = tuple[int, tuple[Entry, ...]]


class Phrases:
    """Canonical phrase -> its length and entries.

    A dictionary and not an automaton over letters, which took some 700,000 nodes for the shipped rules: ten times the memory,
    in pieces so small that a reload's old ones left holes all over the heap.
    """

    def __init__(self, items: Sequence[tuple[str, Meaning]]) -> None:
        shared: dict[tuple[int, ...], Meaning] = {}
        self._meanings = {
            phrase[1:-1]: shared.setdefault((meaning[0], *map(id, meaning[1])), meaning) for phrase, meaning in items
        }
        self._reaches = _reaches(self._meanings)

    def iter(self, line: str) -> Iterator[tuple[int, Meaning]]:
        """(index of the last character, meaning) of every phrase in a canonical line, by where it ends, the longest first."""
        meaning_of, reaches_of = self._meanings.get, self._reaches.get
        starts: list[int] = []
        before = start = 1
        for word in line[1:-1].split(" "):
            starts.append(start)
            end = start + len(word)
            for words in reaches_of(line[before:end], ()):
                if words <= len(starts) and (meaning := meaning_of(line[starts[-words] : end])):
                    yield end, meaning
            if meaning := meaning_of(word):
                yield end, meaning
            before, start = start, end + 1

    def __len__(self) -> int:
        return len(self._meanings)


def _reaches(phrases: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The last two words of phrases -> how many words the phrases that end so have, most first; for two words and more."""
    counts: defaultdict[str, set[int]] = defaultdict(set)
    for phrase in phrases:
        words = phrase.split(" ")
        if len(words) > 1:
            counts[phrase if len(words) == 2 else " ".join(words[-2:])].add(len(words))
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}
    found = {end: tuple(sorted(each, reverse=True)) for end, each in counts.items()}
    return {end: shared.setdefault(each, each) for end, each in found.items()}


class Patterns:
    """RE2 sources with their entries. Only those whose indispensable letters stand in the text are run over it.

    One automaton of all of them together would be rebuilt with every new text, at ten times the time and memory.
    """

    def __init__(self, sources: Sequence[tuple[str, Entry]]) -> None:
        self._sources = list(sources)
        options = re2.Options()
        options.log_errors = False
        self._filter = re2.Filter()
        for source, _ in self._sources:
            self._filter.Add(source, options)
        self._filter.Compile()

    def find(self, text: str) -> Iterator[tuple[Span, Entry]]:
        for index in sorted(self._filter.Match(text) or ()) if self._sources else ():
            for found in self._filter.re(index).finditer(text):
                yield Span(*found.span()), self._sources[index][1]

    def __reduce__(self) -> tuple[Any, ...]:
        return Patterns, (self._sources,)
