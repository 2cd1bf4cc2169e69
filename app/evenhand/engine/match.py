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


@dataclass(frozen=True, slots=True)
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


def find_matches(tokens: Tokens, rules: Ruleset, masks: list[Mask]) -> Matches:
    found = [*_phrases(tokens, rules), *_patterns(tokens, rules)]
    covers = _covers(_without_torn(found), len(tokens))
    masked = _masked(tokens, masks)
    live: list[Match] = []
    notes: dict[tuple[int, int], Note] = {}
    for match in found:
        mask = masked.get(match.first) or masked.get(match.last - 1)
        cover = covers[match.first]
        if mask is not None:
            note = Note(span=mask.span, kind=mask.kind, rule=f"syntax/{mask.kind}")
        elif _is_hidden(match, cover):
            assert cover is not None
            note = Note(
                span=tokens.span(cover.first, cover.last), kind=NOTE_KINDS.get(cover.entry.kind, ""), rule=cover.entry.rule
            )
        else:
            live.append(match)
            continue
        if match.entry.kind in NOTED and note.kind:
            notes[note.span.start, note.span.end] = note
    return Matches(live, list(notes.values()))


def _phrases(tokens: Tokens, rules: Ruleset) -> Iterator[Match]:
    starts, ends = tokens.starts, tokens.ends
    for position, (length, entries) in rules.phrases.iter(tokens.line):
        first, last = starts[position - length + 2], ends[position]
        for entry in entries:
            if not entry.exact or _is_exact(tokens, first, last, entry.exact):
                yield Match(first, last, entry)


def _is_exact(tokens: Tokens, first: int, last: int, exact: tuple[str, ...]) -> bool:
    """Capitals where the rule has them; a prompt all in capitals tells nothing, so it counts as written."""
    raw = [tokens.raw(index) for index in range(first, last)]
    return all(not wanted[:1].isupper() or given[:1].isupper() for wanted, given in zip(exact, raw, strict=False))


def _patterns(tokens: Tokens, rules: Ruleset) -> Iterator[Match]:
    for span, entry in rules.patterns.find(writable(tokens.text)):
        first, last = tokens.at(span)
        if first < last:
            yield Match(first, last, entry)


def _without_torn(matches: list[Match]) -> Iterator[Match]:
    """A collocation that a longer-reaching person noun tears apart means nothing: "black cab" in "a black cab driver"."""
    nouns = [match for match in matches if match.entry.kind == "roles" and match.length > 1]
    for match in matches:
        torn = match.entry.kind == "collocations" and any(match.first < noun.first < match.last < noun.last for noun in nouns)
        if not torn:
            yield match


def _covers(matches: Iterable[Match], length: int) -> list[Match | None]:
    """For each token the longest match over it that hides; collocations before names before the rest where lengths are equal."""
    covers: list[Match | None] = [None] * length
    for match in matches:
        if match.entry.kind == "periods" or (match.entry.kind == "words" and match.length == 1):
            continue
        for index in range(match.first, match.last):
            best = covers[index]
            if best is None or _weight(match) > _weight(best):
                covers[index] = match
    return covers


def _weight(match: Match) -> tuple[int, int]:
    return match.length, {"collocations": 2, "people": 1}.get(match.entry.kind, 0)


def _is_hidden(match: Match, cover: Match | None) -> bool:
    if cover is None or match is cover or not (cover.first <= match.first and match.last <= cover.last):
        return False
    if cover.entry.kind == "roles" and match.entry.flags & TELLING_WORDS:
        return False
    if cover.length > match.length:
        if cover.entry.kind == "roles" and match.entry.kind == "terms" and not match.entry.has("colour"):
            return False  # "female boxer": one noun that states an axis
        return cover.entry.kind != "words" or match.entry.kind in HIDDEN_BY_WORDS
    rank = {"collocations": 2, "people": 1}
    mine, theirs = rank.get(match.entry.kind, 0), rank.get(cover.entry.kind, 0)
    return theirs > mine and match.entry.kind != "words"


def _masked(tokens: Tokens, masks: list[Mask]) -> dict[int, Mask]:
    return {index: mask for mask in masks for index in range(*tokens.at(mask.span))}
