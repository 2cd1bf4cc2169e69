"""What one pass over a prompt found: tokens, live matches by place, grammar marks, style zones, model labels. No judgement
yet."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evenhand.engine.classes import BITS, classes_of
from evenhand.engine.masks import masked_tokens
from evenhand.engine.match import Match, find_matches
from evenhand.engine.tokens import Tokens, read_tokens
from evenhand.flow import Note, Span
from evenhand.rules.ruleset import Ruleset

PAST_REACH = 32
MIN_TAGS = 3
TAG_WORDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """`marks` maps a token to the bits of its word classes, `seen` holds those of all tokens; `by_first` and `by_last` map a
    token to the matches that begin and end there (half-open)."""

    tokens: Tokens
    matches: Sequence[Match]
    by_first: Mapping[int, Sequence[Match]]
    by_last: Mapping[int, Sequence[Match]]
    marks: Mapping[int, int]
    seen: int
    notes: list[Note]
    masked: frozenset[int]
    labels: Sequence[tuple[str, float]] = field(default=())

    def has(self, name: str, index: int) -> bool:
        return self.marks.get(index, 0) & BITS[name] != 0

    def any(self, bits: int, index: int) -> bool:
        """Of any of the classes in `bits`; see classes.classes."""
        return self.marks.get(index, 0) & bits != 0

    def every(self, bits: int) -> list[int]:
        """The tokens of any of these classes, in order."""
        return sorted(index for index, marks in self.marks.items() if marks & bits) if self.seen & bits else []

    def past(self, bits: int, index: int) -> int:
        """The first token from `index` on that is no hyphen and of none of these classes."""
        index = self.tokens.after(index)
        for _ in range(PAST_REACH):
            if not self.any(bits, index):
                break
            index = self.tokens.after(index + 1)
        return index

    def starting(self, index: int, *kinds: str) -> Iterator[Match]:
        return (match for match in self.by_first.get(index, ()) if match.entry.kind in kinds)

    def ending(self, index: int, *kinds: str) -> Iterator[Match]:
        return (match for match in self.by_last.get(index, ()) if match.entry.kind in kinds)

    def longest(self, index: int, *kinds: str) -> Match | None:
        return max(self.starting(index, *kinds), key=lambda match: match.last, default=None)

    def label(self, index: int) -> tuple[str, float]:
        label, chance = self.labels[index] if index < len(self.labels) else ("", 0.0)
        return (label, chance) if chance else ("", 0.0)

    @property
    def is_tags(self) -> bool:
        """A comma-tagged prompt: a counting tag ("1girl"), or several segments of which most are short."""
        if self.seen & BITS["tag"]:
            return True
        lengths = [0]
        for word in self.tokens.words:
            if word == ",":
                lengths.append(0)
            else:
                lengths[-1] += 1
        return len(lengths) >= MIN_TAGS and sorted(lengths)[len(lengths) // 2] <= TAG_WORDS


def read(text: str, rules: Ruleset, *, labels: Sequence[tuple[str, float]] = ()) -> Reading:
    tokens = read_tokens(text, rules.abbreviations)
    return read_matches(tokens, rules, labels=labels)


def read_matches(tokens: Tokens, rules: Ruleset, *, labels: Sequence[tuple[str, float]] = ()) -> Reading:
    masked = masked_tokens(tokens)
    found = find_matches(tokens, rules, masked)
    by_first: defaultdict[int, list[Match]] = defaultdict(list)
    by_last: defaultdict[int, list[Match]] = defaultdict(list)
    marks: dict[int, int] = {}
    seen = 0
    for match in found.live:
        first, last, entry = match.first, match.last, match.entry
        by_first[first].append(match)
        by_last[last].append(match)
        bits = classes_of(entry.kind, entry.flags, entry.number is not None)
        seen |= bits
        for index in range(first, last):
            marks[index] = marks.get(index, 0) | bits
    return Reading(tokens, found.live, by_first, by_last, marks, seen, found.notes, frozenset(masked), labels)


def note(tokens: Tokens, first: int, last: int, *, kind: str, rule: str) -> Note:
    span: Span = tokens.span(first, last)
    return Note(span=span, kind=kind, rule=rule)
