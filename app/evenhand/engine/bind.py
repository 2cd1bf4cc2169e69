"""Whom each attribute word describes: adjectives in the noun phrase, "of"/"from"/"with" after it, copulas, tags. Fills the
cast's findings."""

from collections import Counter
from dataclasses import replace
from itertools import islice, takewhile

from evenhand.engine.cast import ALL_AXES, MOST_TOLD, Cast, Person, finding
from evenhand.engine.classes import ATTRIBUTES, LINKS, classes
from evenhand.engine.match import Match
from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading
from evenhand.flow import Axis, Finding, Reason
from evenhand.rules.ruleset import Entry

EVERYBODY = frozenset({"both", "all", "everyone", "everybody", "mixed"})
DISTRIBUTIVES = frozenset({"one", "both", "all", "two", "three", "other"})
SELF_STANDING = frozenset({"tag", "emoji", "phrase"})
PARTS = classes("hair-and-skin")
COLOURED = PARTS | classes("things", "bodies")
SET_FORTH = COLOURED | classes("style-medium", "style-after")
DESCRIBING = classes("adjectives", "attributes")
OF_PEOPLE = LINKS | classes("roles", "terms")


def bind(reading: Reading, cast: Cast, zones: frozenset[int], refused: frozenset[int]) -> None:
    """`refused` are tokens of noun phrases that are nobody: what describes them describes nobody else."""
    _nouns(reading, cast)
    shared: Counter[tuple[Reason | None, frozenset[Axis]]] = Counter()
    for match in reading.matches if cast else ():
        entry = match.entry
        if not entry.axes or entry.kind not in ATTRIBUTES or entry.number is not None or match.first in zones:
            continue
        owners = _owners(reading, cast, match, refused)
        shared[entry.reason, entry.axes] += len(owners) > 1
        if len(owners) == 1 or shared[entry.reason, entry.axes] <= MOST_TOLD:
            for person in owners:
                person.findings.append(finding(reading, match.first, match.last, entry))
    _coordinates(reading, cast)
    _national_teams(cast)
    _deictics(reading, cast)


def _coordinates(reading: Reading, cast: Cast) -> None:
    """ "Japanese women and men", "my mom and dad": a bare noun after "and" shares what stands before the first."""
    for person, mention in cast.pairs:
        index = mention.first - 1
        if not _is_bare(reading, mention) or index < 1 or not reading.has("conjunctions", index):
            continue
        before = (pair for pair in cast.ending(index) if pair[0] is not person and not _stands_apart(reading, pair[1]))
        first = next(before, None)
        if first is None:
            continue
        other, one = first
        shared = reading.tokens.span(one.first, one.head) if one.first < one.head else None
        person.findings += [each for each in other.findings if shared and shared.holds(each.span) and "ethnicity" in each.axes]
        if any(reading.has("deictics", at) for at in range(one.first, one.head)):
            person.findings.append(_word_finding(reading, one.first, one.head, "deictics"))


def _stands_apart(reading: Reading, mention: Mention) -> bool:
    """A counted group or "people": words about it may follow it, so nothing after "and" leans on it."""
    general = reading.has("generic-people", mention.last - 1) and not any("gender" in entry.states for entry in mention.entries)
    return mention.many and (mention.number is not None or general)


def _is_bare(reading: Reading, mention: Mention) -> bool:
    """A noun by itself, or with nothing but its gender before it."""
    return all(
        any("gender" in match.entry.states and match.length == 1 for match in reading.starting(index, "terms"))
        for index in range(mention.first, mention.head)
    )


def _national_teams(cast: Cast) -> None:
    """A team or an army with a nationality is a real one: its gender is as much a fact as its people."""
    for person in cast:
        if person.lead.has("national"):
            nations = [each for each in person.findings if each.reason == "nationality"]
            person.findings += [replace(each, axes=ALL_AXES) for each in nations]


def _nouns(reading: Reading, cast: Cast) -> None:
    for person, mention in cast.pairs:
        if mention.kind == "name":
            person.findings.append(
                finding(reading, mention.head, mention.last, mention.entries[0], axes=ALL_AXES, reason="named")
            )
        elif mention.kind == "self":
            person.findings.append(
                finding(reading, mention.head, mention.last, mention.entries[0], axes=ALL_AXES, reason="deictic")
            )
        else:
            entries = [entry for entry in mention.entries if entry.axes and entry.kind != "periods"]
            person.findings += [finding(reading, mention.head, mention.last, entry) for entry in entries]


def _owners(reading: Reading, cast: Cast, match: Match, refused: frozenset[int]) -> list[Person]:
    link = match.first - 1
    if link > 0 and reading.tokens.words[link] == "'s":  # "a customer's beard"
        return [person for person, _ in cast.ending(link)]
    if link > 0 and reading.tokens.words[link] == "of":  # "people of both genders"
        owners = [person for person, _ in cast.ending(link)]
        if owners:
            return owners
    inside = cast.holding(match.first, match.last)
    entry = match.entry
    if inside is not None:
        return [inside[0]] if _reaches_head(reading, inside[1], match) else []
    if match.first in refused and entry.kind != "cultures":
        return []
    if entry.scope == "scene":
        origin = origin_of(reading, cast, match)
        return [origin] if origin else []
    if entry.has("colour"):
        return _coloured(reading, cast, match)
    if _of_a_thing(reading, match) or (_is_of_people(entry) and _of_an_unknown(reading, match)):
        return []
    return _all_or_nearest(reading, cast, match)


def origin_of(reading: Reading, cast: Cast, match: Match) -> Person | None:
    """ "a chef from Vietnam": the place is where that one comes from, not where the picture is set."""
    link = match.first - 1
    link -= link > 0 and reading.has("determiners", link)
    if link < 1 or reading.tokens.words[link] != "from":
        return None
    return next((person for person, _ in cast.ending(link)), None)


def _reaches_head(reading: Reading, mention: Mention, match: Match) -> bool:
    """Inside a noun phrase an adjective may still belong to a noun before the head: "a white coat doctor", "black haired
    girl"."""
    between = range(reading.tokens.after(match.last), mention.head)
    if match.entry.has("colour"):
        return not any(reading.any(COLOURED, index) for index in between) and not _follows_part(reading, match)
    return not any(reading.has("food", index) for index in between)


def _follows_part(reading: Reading, match: Match) -> bool:
    return reading.has("hair-and-skin", reading.tokens.after(match.last))


def _coloured(reading: Reading, cast: Cast, match: Match) -> list[Person]:
    """A colour word that stands free counts after a copula ("who is Black") or as a tag of its own."""
    tokens = reading.tokens
    after, before = match.last, match.first - 1
    closed_after = after >= len(tokens) or tokens.is_mark(after) or reading.any(LINKS, after)
    if not closed_after or not cast:
        return []
    if {"both", "all"} & set(tokens.words[max(before - 2, 0) : match.first]):
        return list(cast)
    if before >= 0 and (reading.has("copulas", before) or tokens.words[before] in DISTRIBUTIVES):
        here = tokens.sentence[match.first]
        same = takewhile(lambda pair: tokens.sentence[pair[1].last - 1] == here, cast.before(match.first))
        return list(islice((person for person, mention in same if tokens.sentence[mention.head] == here), 1))
    alone = before < 0 or tokens.segment[before] != tokens.segment[match.first]
    ends = after >= len(tokens) or tokens.is_mark(after)
    return cast.nearest(match.first) if alone and ends else []


def _of_a_thing(reading: Reading, match: Match) -> bool:
    """Directly before a thing, an animal or a style the word describes that: "italian sausage", "Persian cat", "Japanese
    anime"."""
    if match.entry.kind == "cues":
        return reading.has("bodies", reading.tokens.after(match.last))
    if SELF_STANDING & match.entry.flags or match.entry.has("dress"):
        return False
    return reading.any(SET_FORTH, reading.past(DESCRIBING, match.last))


def _is_of_people(entry: Entry) -> bool:
    """Words whose sense is quite another before a thing; a nationality there still tells of a culture."""
    return entry.kind == "sensitive" or (entry.kind == "terms" and "gender" in entry.axes)


def _of_an_unknown(reading: Reading, match: Match) -> bool:
    """Before a word that no list holds: "a diverse landscape", "a female connector"."""
    after = reading.tokens.after(match.last)
    if SELF_STANDING & match.entry.flags or after >= len(reading.tokens) or reading.tokens.is_mark(after):
        return False
    if match.entry.kind == "sensitive" and match.length == 1:
        return not reading.any(OF_PEOPLE, after)
    return not reading.by_first.get(after) and reading.tokens.segment[after] == reading.tokens.segment[match.first]


def _all_or_nearest(reading: Reading, cast: Cast, match: Match) -> list[Person]:
    tokens = reading.tokens
    segment = tokens.segment[match.first]
    words = {
        tokens.words[index]
        for index in range(max(match.first - 4, 0), min(match.last + 2, len(tokens)))
        if tokens.segment[index] == segment
    }
    alone = len(tokens.segment_of(match.first)) <= match.length + 2
    if words & EVERYBODY or alone or match.entry.has("emoji"):
        return list(cast)
    return cast.nearest(match.first)


def _deictics(reading: Reading, cast: Cast) -> None:
    for person, mention in cast.pairs:
        for index in range(mention.first, mention.head):
            if reading.has("deictics", index):
                person.findings.append(_word_finding(reading, index, index + 1, "deictics"))
    for name in ("deictic-phrases", "as-written"):
        said = (match for match in reading.matches if match.entry.kind == "words" and match.entry.has(name))
        for match in islice(said, MOST_TOLD) if reading.seen & classes(name) else ():
            for person in cast:
                person.findings.append(_word_finding(reading, match.first, match.last, name))


def _word_finding(reading: Reading, first: int, last: int, name: str) -> Finding:
    entry = Entry(rule=f"words/{name}", kind="words")
    return finding(reading, first, last, entry, axes=ALL_AXES, reason="user" if name == "as-written" else "deictic")
