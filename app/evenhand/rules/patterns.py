"""The compiled phrases and patterns of a Ruleset. Each knows what it was built from, so that a Ruleset can be stored.

Phrases are found by one Aho-Corasick pass, patterns by RE2 in linear time; nothing here backtracks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import ahocorasick  # type: ignore[import-not-found, unused-ignore]  # ships no stubs
import re2

from evenhand.flow import Span
from evenhand.rules.ruleset import Entry

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
