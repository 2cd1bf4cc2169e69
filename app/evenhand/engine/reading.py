"""What one pass over a prompt found: tokens, live matches by place, grammar marks, style zones, model labels. No judgement
yet."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evenhand.engine.masks import find_masks
from evenhand.engine.match import Match, find_matches
from evenhand.engine.tokens import Tokens, read_tokens
from evenhand.flow import Note, Span
from evenhand.rules.ruleset import Ruleset

ATTRIBUTES = frozenset({"terms", "cultures", "cues", "religions", "sensitive"})
MIN_TAGS = 3
TAG_WORDS = 4
NO_MARKS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """`marks` maps a word class to the tokens it covers; `by_first` a token to the matches that begin there."""

    tokens: Tokens
    matches: Sequence[Match]
    by_first: Mapping[int, Sequence[Match]]
    marks: Mapping[str, frozenset[int]]
    notes: list[Note]
    masked: frozenset[int]
    labels: Sequence[tuple[str, float]] = field(default=())
    unions: dict[tuple[str, ...], frozenset[int]] = field(default_factory=dict)

    def has(self, name: str, index: int) -> bool:
        return index in self.marks.get(name, NO_MARKS)

    def any(self, names: tuple[str, ...], index: int) -> bool:
        union = self.unions.get(names)
        if union is None:
            union = self.unions[names] = frozenset().union(*(self.marks.get(name, NO_MARKS) for name in names))
        return index in union

    def starting(self, index: int, *kinds: str) -> Iterator[Match]:
        return (match for match in self.by_first.get(index, ()) if match.entry.kind in kinds)

    def longest(self, index: int, *kinds: str) -> Match | None:
        return max(self.starting(index, *kinds), key=lambda match: match.length, default=None)

    def label(self, index: int) -> tuple[str, float]:
        label, chance = self.labels[index] if index < len(self.labels) else ("", 0.0)
        return (label, chance) if chance else ("", 0.0)

    @property
    def is_tags(self) -> bool:
        """A comma-tagged prompt: a counting tag ("1girl"), or several segments of which most are short."""
        if "tag" in self.marks:
            return True
        lengths = [0]
        for word in self.tokens.words:
            lengths[-1] += word != ","
            lengths += [0] * (word == ",")
        return len(lengths) >= MIN_TAGS and sorted(lengths)[len(lengths) // 2] <= TAG_WORDS


def read(text: str, rules: Ruleset, *, labels: Sequence[tuple[str, float]] = ()) -> Reading:
    tokens = read_tokens(text, rules.abbreviations)
    return read_matches(tokens, rules, labels=labels)


def read_matches(tokens: Tokens, rules: Ruleset, *, labels: Sequence[tuple[str, float]] = ()) -> Reading:
    masks = find_masks(tokens.text)
    found = find_matches(tokens, rules, masks)
    by_first: defaultdict[int, list[Match]] = defaultdict(list)
    marks: defaultdict[str, set[int]] = defaultdict(set)
    for match in found.live:
        by_first[match.first].append(match)
        for name in _classes(match):
            marks[name].update(range(match.first, match.last))
    masked = {index for mask in masks for index in range(*tokens.at(mask.span))}
    frozen = {name: frozenset(indexes) for name, indexes in marks.items()}
    return Reading(tokens, found.live, by_first, frozen, found.notes, frozenset(masked), labels)


def _classes(match: Match) -> tuple[str, ...]:
    kind = match.entry.kind
    if kind == "words":
        return tuple(match.entry.flags)
    if kind == "styles":
        return tuple(f"style-{flag}" for flag in match.entry.flags)
    if kind in ATTRIBUTES and match.entry.number is None:
        return (kind, "attributes", "tag") if match.entry.has("tag") else (kind, "attributes")
    return (kind,)


def note(tokens: Tokens, first: int, last: int, *, kind: str, rule: str) -> Note:
    span: Span = tokens.span(first, last)
    return Note(span=span, kind=kind, rule=rule)
