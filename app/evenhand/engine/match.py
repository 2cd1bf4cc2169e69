"""Tokens in, matches out: every phrase and pattern of the rules, in one linear pass; then the longer hides what stands
inside it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evenhand.engine.masks import Mask
from evenhand.engine.tokens import Tokens
from evenhand.flow import Note
from evenhand.rules.ruleset import Entry, Ruleset
from evenhand.text import writable

HIDDEN_BY_WORDS = frozenset({"roles", "terms"})  # "a couple of" hides the couple, "statue of" no statue
TELLING_WORDS = frozenset({"costumes", "visitors"})  # "museum guide", "foreign student"
NOTE_KINDS = {"collocations": "collocation", "bodies": "body", "things": "thing"}
NOTED = frozenset({"roles", "terms", "cultures", "religions", "sensitive", "periods", "cues", "people"})
RANK = {"collocations": 2, "people": 1}  # which of two equally long matches hides the other


@dataclass(slots=True, eq=False)  # not frozen: so many are made that it would cost more than finding them
class Match:
    """Tokens first to last (half-open) mean `entry`."""

    first: int
    last: int
    entry: Entry

    @property
    def length(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Matches:
    """What holds, and notes of what was hidden."""

    live: list[Match]
    notes: list[Note]


def find_matches(tokens: Tokens, rules: Ruleset, masked: dict[int, Mask]) -> Matches:
    found = _phrases(tokens, rules)
    found += _patterns(tokens, rules)
    covers = _covers(_without_torn(found), len(tokens))
    live: list[Match] = []
    notes: dict[tuple[int, int], Note] = {}
    for match in found:
        cover = covers[match.first]
        mask = (masked.get(match.first) or masked.get(match.last - 1)) if masked else None
        hides = mask or (cover if cover is not None and cover is not match and _is_hidden(match, cover) else None)
        if hides is None:
            live.append(match)
        elif match.entry.kind in NOTED:
            note = _note(tokens, hides)
            if note.kind:
                notes[note.span.start, note.span.end] = note
    return Matches(live, list(notes.values()))


def _note(tokens: Tokens, hides: Mask | Match) -> Note:
    if isinstance(hides, Mask):
        return Note(span=hides.span, kind=hides.kind, rule=f"syntax/{hides.kind}")
    return Note(span=tokens.span(hides.first, hides.last), kind=NOTE_KINDS.get(hides.entry.kind, ""), rule=hides.entry.rule)


def _phrases(tokens: Tokens, rules: Ruleset) -> list[Match]:
    starts, ends = tokens.starts, tokens.ends
    return [
        Match(first, last, entry)
        for position, (length, entries) in rules.phrases.iter(tokens.line)
        for first, last in ((starts[position - length + 2], ends[position]),)
        for entry in entries
        if not entry.exact or _is_exact(tokens, first, last, entry.exact)
    ]


def _is_exact(tokens: Tokens, first: int, last: int, exact: tuple[str, ...]) -> bool:
    """Capitals where the rule has them; a prompt all in capitals tells nothing, so it counts as written."""
    given = tokens.raws[first:last]
    return all(not wanted[:1].isupper() or raw[:1].isupper() for wanted, raw in zip(exact, given, strict=False))


def _patterns(tokens: Tokens, rules: Ruleset) -> Iterator[Match]:
    for span, entry in rules.patterns.find(writable(tokens.text)):
        first, last = tokens.at(span)
        if first < last:
            yield Match(first, last, entry)


def _without_torn(matches: list[Match]) -> Iterable[Match]:
    """A collocation that a longer-reaching person noun tears apart means nothing: "black cab" in "a black cab driver"."""
    reaches: dict[int, int] = {}
    for match in matches:
        if match.entry.kind == "roles" and match.length > 1 and reaches.get(match.first, 0) < match.last:
            reaches[match.first] = match.last
    return (match for match in matches if not _is_torn(match, reaches)) if reaches else matches


def _is_torn(match: Match, reaches: dict[int, int]) -> bool:
    """`reaches` holds for the tokens where a person noun of several words begins how far the longest one goes."""
    inside = range(match.first + 1, match.last)
    return match.entry.kind == "collocations" and any(reaches.get(first, 0) > match.last for first in inside)


def _covers(matches: Iterable[Match], length: int) -> list[Match | None]:
    """For each token the longest match over it that hides; collocations before names before the rest where lengths are equal."""
    covers: list[Match | None] = [None] * length
    weights = [-1] * length
    for match in matches:
        first, last, kind = match.first, match.last, match.entry.kind
        if kind == "periods" or (kind == "words" and last - first == 1):
            continue
        weight = 4 * (last - first) + RANK.get(kind, 0)
        for index in range(first, last):
            if weight > weights[index]:
                covers[index] = match
                weights[index] = weight
    return covers


def _is_hidden(match: Match, cover: Match) -> bool:
    if not (cover.first <= match.first and match.last <= cover.last):
        return False
    if cover.entry.kind == "roles" and match.entry.flags & TELLING_WORDS:
        return False
    if cover.length > match.length:
        if cover.entry.kind == "roles" and match.entry.kind == "terms" and not match.entry.has("colour"):
            return False  # "female boxer": one noun that states an axis
        return cover.entry.kind != "words" or match.entry.kind in HIDDEN_BY_WORDS
    mine, theirs = RANK.get(match.entry.kind, 0), RANK.get(cover.entry.kind, 0)
    return theirs > mine and match.entry.kind != "words"
