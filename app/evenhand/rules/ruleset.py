"""The compiled rules: what the engine sees. Frozen, with a revision; built by compile.py and by nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from evenhand.flow import Axis, Reason, Scope, Span
from evenhand.rules.schema import PolicyFile, UpstreamRule


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a rule or a phrase stands; line and column count from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one phrase means. `number` is set for person nouns; `flags` holds form and switches of the rule."""

    rule: str
    kind: str
    axes: frozenset[Axis] = frozenset()
    states: Mapping[Axis, str] = field(default_factory=dict)
    reason: Reason | None = None
    scope: Scope = "subject"
    number: str | None = None
    flags: frozenset[str] = frozenset()
    shares: frozenset[Axis] = frozenset()
    during: tuple[int, int] | None = None
    years: tuple[int, int] | None = None
    exact: tuple[str, ...] = ()

    def has(self, flag: str) -> bool:
        return flag in self.flags


class Lookup(Protocol):
    """See patterns.Phrases."""

    def iter(self, line: str, /) -> Iterator[tuple[int, tuple[int, tuple[Entry, ...]]]]: ...


class Searcher(Protocol):
    """See patterns.Patterns."""

    def find(self, text: str, /) -> Iterator[tuple[Span, Entry]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one drawn value is said; see schema.WordingRule."""

    axis: Axis
    value: str
    adjective: str
    one: str | None
    many: str | None
    narrow: Mapping[str, str]
    tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ruleset:
    revision: str
    policy: PolicyFile
    upstreams: tuple[UpstreamRule, ...]
    phrases: Lookup
    patterns: Searcher
    wording: Mapping[tuple[Axis, str], Wording]
    why: Mapping[str, str]
    places: Mapping[str, Place]
    phrase_count: int
    abbreviations: frozenset[str]
