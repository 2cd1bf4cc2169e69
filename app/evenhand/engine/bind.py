"""Whom each attribute word describes: adjectives in the noun phrase, "of"/"from"/"with" after it, copulas, tags. Fills the
cast's findings."""

from collections.abc import Sequence
from dataclasses import replace

from evenhand.engine.cast import ALL_AXES, Person, finding, nearest, pairs
from evenhand.engine.match import Match
from evenhand.engine.mentions import Mention
from evenhand.engine.reading import ATTRIBUTES, Reading
from evenhand.flow import Finding
from evenhand.rules.ruleset import Entry

EVERYBODY = frozenset({"both", "all", "everyone", "everybody", "mixed"})
DISTRIBUTIVES = frozenset({"one", "both", "all", "two", "three", "other"})
SELF_STANDING = frozenset({"tag", "emoji", "phrase"})


def bind(reading: Reading, cast: Sequence[Person], zones: frozenset[int], refused: frozenset[int]) -> None:
    """`refused` are tokens of noun phrases that are nobody: what describes them describes nobody else."""
    _nouns(reading, cast)
    for match in reading.matches:
        entry = match.entry
        if entry.kind not in ATTRIBUTES or entry.number is not None or not entry.axes or match.first in zones:
            continue
        for person in _owners(reading, cast, match, refused):
            person.findings.append(finding(reading, match.first, match.last, entry))
    _coordinates(reading, cast)
    _national_teams(cast)
    _deictics(reading, cast)


def _coordinates(reading: Reading, cast: Sequence[Person]) -> None:
    """ "Japanese women and men", "my mom and dad": a bare noun after "and" shares what stands before the first."""
    for person, mention in list(pairs(cast)):
        index = mention.first - 1
        if not _is_bare(reading, mention) or index < 1 or not reading.has("conjunctions", index):
            continue
        first = next(
            (
                (other, one)
                for other, one in pairs(cast)
                if one.last == index and other is not person and not _stands_apart(reading, one)
            ),
            None,
        )
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


def _national_teams(cast: Sequence[Person]) -> None:
    """A team or an army with a nationality is a real one: its gender is as much a fact as its people."""
    for person in cast:
        if person.lead.has("national"):
            nations = [each for each in person.findings if each.reason == "nationality"]
            person.findings += [replace(each, axes=ALL_AXES) for each in nations]


def _nouns(reading: Reading, cast: Sequence[Person]) -> None:
    for person, mention in pairs(cast):
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


def _owners(reading: Reading, cast: Sequence[Person], match: Match, refused: frozenset[int]) -> list[Person]:
    link = match.first - 1
    if link > 0 and reading.tokens.words[link] == "'s":  # "a customer's beard"
        return [person for person, mention in pairs(cast) if mention.last == link]
    if link > 0 and reading.tokens.words[link] == "of":  # "people of both genders"
        owners = [person for person, mention in pairs(cast) if mention.last == link]
        if owners:
            return owners
    inside = next((person for person in cast if person.holding(match.first, match.last)), None)
    entry = match.entry
    if inside is not None:
        return [inside] if _reaches_head(reading, inside, match) else []
    if match.first in refused and entry.kind != "cultures":
        return []
    if entry.scope == "scene":
        return [person for person in cast if person is origin_of(reading, cast, match)]
    if entry.has("colour"):
        return _coloured(reading, cast, match)
    if _of_a_thing(reading, match) or (_is_of_people(entry) and _of_an_unknown(reading, match)):
        return []
    return _all_or_nearest(reading, cast, match)


def origin_of(reading: Reading, cast: Sequence[Person], match: Match) -> Person | None:
    """ "a chef from Vietnam": the place is where that one comes from, not where the picture is set."""
    link = match.first - 1
    link -= link > 0 and reading.has("determiners", link)
    if link < 1 or reading.tokens.words[link] != "from":
        return None
    return next((person for person in cast if (mention := person.before(link)) and mention.last == link), None)


def _reaches_head(reading: Reading, person: Person, match: Match) -> bool:
    """Inside a noun phrase an adjective may still belong to a noun before the head: "a white coat doctor", "black haired
    girl"."""
    mention = person.holding(match.first, match.last)
    assert mention is not None
    between = range(reading.tokens.after(match.last), mention.head)
    if match.entry.has("colour"):
        return not any(reading.any(("things", "hair-and-skin", "bodies"), index) for index in between) and not _follows_part(
            reading, match
        )
    return not any(reading.any(("food",), index) for index in between)


def _follows_part(reading: Reading, match: Match) -> bool:
    return reading.has("hair-and-skin", reading.tokens.after(match.last))


def _coloured(reading: Reading, cast: Sequence[Person], match: Match) -> list[Person]:
    """A colour word that stands free counts after a copula ("who is Black") or as a tag of its own."""
    tokens = reading.tokens
    after, before = match.last, match.first - 1
    closed_after = after >= len(tokens) or tokens.is_mark(after) or reading.any(("conjunctions", "prepositions"), after)
    if not closed_after or not cast:
        return []
    if {"both", "all"} & set(tokens.words[max(before - 2, 0) : match.first]):
        return list(cast)
    if before >= 0 and (reading.has("copulas", before) or tokens.words[before] in DISTRIBUTIVES):
        same = [
            person
            for person in cast
            if (last := person.before(match.first)) and tokens.sentence[last.head] == tokens.sentence[match.first]
        ]
        return nearest(same, reading, match.first)
    alone = before < 0 or tokens.segment[before] != tokens.segment[match.first]
    ends = after >= len(tokens) or tokens.is_mark(after)
    return nearest(cast, reading, match.first) if alone and ends else []


def _of_a_thing(reading: Reading, match: Match) -> bool:
    """Directly before a thing, an animal or a style the word describes that: "italian sausage", "Persian cat", "Japanese
    anime"."""
    if match.entry.kind == "cues":
        return reading.has("bodies", reading.tokens.after(match.last))
    if SELF_STANDING & match.entry.flags or match.entry.has("dress"):
        return False
    index = reading.tokens.after(match.last)
    while index < len(reading.tokens) and reading.any(("adjectives", "attributes"), index):
        index = reading.tokens.after(index + 1)
    return reading.any(("things", "bodies", "style-medium", "style-after", "hair-and-skin"), index)


def _is_of_people(entry: Entry) -> bool:
    """Words whose sense is quite another before a thing; a nationality there still tells of a culture."""
    return entry.kind == "sensitive" or (entry.kind == "terms" and "gender" in entry.axes)


def _of_an_unknown(reading: Reading, match: Match) -> bool:
    """Before a word that no list holds: "a diverse landscape", "a female connector"."""
    after = reading.tokens.after(match.last)
    if SELF_STANDING & match.entry.flags or after >= len(reading.tokens) or reading.tokens.is_mark(after):
        return False
    if match.entry.kind == "sensitive" and match.length == 1:
        return not reading.any(("prepositions", "conjunctions", "roles", "terms"), after)
    return not reading.by_first.get(after) and reading.tokens.segment[after] == reading.tokens.segment[match.first]


def _all_or_nearest(reading: Reading, cast: Sequence[Person], match: Match) -> list[Person]:
    tokens = reading.tokens
    segment = tokens.segment[match.first]
    words = {
        tokens.words[index]
        for index in range(max(match.first - 4, 0), min(match.last + 2, len(tokens)))
        if tokens.segment[index] == segment
    }
    alone = sum(1 for each in tokens.segment if each == segment) <= match.length + 2
    if words & EVERYBODY or alone or match.entry.has("emoji"):
        return list(cast)
    return nearest(cast, reading, match.first)


def _deictics(reading: Reading, cast: Sequence[Person]) -> None:
    for person, mention in pairs(cast):
        for index in range(mention.first, mention.head):
            if reading.has("deictics", index):
                person.findings.append(_word_finding(reading, index, index + 1, "deictics"))
    for name in ("deictic-phrases", "as-written"):
        for match in reading.matches:
            if match.entry.kind == "words" and match.entry.has(name):
                for person in cast:
                    person.findings.append(_word_finding(reading, match.first, match.last, name))


def _word_finding(reading: Reading, first: int, last: int, name: str) -> Finding:
    entry = Entry(rule=f"words/{name}", kind="words")
    return finding(reading, first, last, entry, axes=ALL_AXES, reason="user" if name == "as-written" else "deictic")
