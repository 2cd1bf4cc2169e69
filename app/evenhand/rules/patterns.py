"""The compiled phrases and patterns of a Ruleset. Each knows what it was built from, so that a Ruleset can be stored.

Phrases are found by one Aho-Corasick pass, patterns by RE2 in linear time; nothing here backtracks.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import ahocorasick  # type: ignore[import-not-found, unused-ignore]  # ships no stubs
import re2

from evenhand.flow import Span
from evenhand.rules.ruleset import Entry

SET_MEMORY_BYTES = 64 << 20
Meaning = tuple[int, tuple[Entry, ...]]


class Phrases:
    """Canonical phrase -> its length and entries."""

    def __init__(self, items: Sequence[tuple[str, Meaning]]) -> None:
        self._automaton = ahocorasick.Automaton()
        for phrase, meaning in items:
            self._automaton.add_word(phrase, meaning)
        self._automaton.make_automaton()

    def iter(self, line: str) -> Iterator[tuple[int, Meaning]]:
        """(index of the last character, meaning) of every phrase in a canonical line."""
        found: Iterator[tuple[int, Meaning]] = self._automaton.iter(line)
        return found

    def __len__(self) -> int:
        return len(self._automaton)

    def __reduce__(self) -> tuple[Any, ...]:
        return Phrases, (list(self._automaton.items()),)


class Patterns:
    """RE2 sources with their entries; the set tells which of them match, and only those are compiled and run."""

    def __init__(self, sources: Sequence[tuple[str, Entry]]) -> None:
        self._sources = list(sources)
        options = re2.Options()
        options.max_mem = SET_MEMORY_BYTES
        options.log_errors = False
        self._union = re2.Set.SearchSet(options)
        for source, _ in self._sources:
            self._union.Add(source)
        self._union.Compile()

    def find(self, text: str) -> Iterator[tuple[Span, Entry]]:
        if not self._sources:
            return
        for index in self._union.Match(text) or ():
            source, entry = self._sources[index]
            for found in _compiled(source).finditer(text):
                yield Span(*found.span()), entry

    def __reduce__(self) -> tuple[Any, ...]:
        return Patterns, (self._sources,)


@lru_cache(maxsize=4096)
def _compiled(source: str) -> Any:
    return re2.compile(source)
