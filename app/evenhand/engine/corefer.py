"""Which mentions are one person: "Serena Williams as a nurse", "the mayor, a retired teacher", "a crowd of students", "the
man ... he".

Mentions in; out comes for each mention the index of the one that stands for it. `parts` maps a group that only announces
those who follow ("two people, a girl and a monk") to them.
"""

from bisect import bisect_left
from collections.abc import Sequence

from evenhand.engine.classes import LINKS, OPENERS, POINTERS, classes
from evenhand.engine.groups import Earlier, Groups
from evenhand.engine.mentions import Mention, is_descriptive
from evenhand.engine.reading import Reading

BEFORE_TAG = classes("roles", "determiners")
AFTER_TAG = classes("roles", "faces")
OWNED = OPENERS & ~classes("determiners")
PART_GAP = 8
MOST_PARTS = 64


def corefer(reading: Reading, mentions: Sequence[Mention]) -> Groups:
    groups = Groups(mentions)
    live = [index for index, mention in enumerate(mentions) if not mention.why_not]
    earlier = Earlier(reading, groups)
    for index in live:
        if earlier.latest >= 0:
            for rule in RULES:
                if rule(reading, groups, earlier, index):
                    break
        earlier.add(index)
    _enumerations(reading, groups, live)
    _compounds(groups)
    return groups


def _disguise(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "X as a nurse", "a cat dressed as a doctor": one body; a body that is not human drops the role."""
    mention = groups.mentions[index]
    before = mention.first - 1
    if before < 0 or not (reading.has("disguises", before) or _goes_on(reading, groups, earlier, mention)):
        return False
    plain_as = reading.tokens.words[before] == "as" and not reading.has("disguises", before - 1)
    if mention.many and plain_as and not _ends_clause(reading, mention.last):
        return False  # "as waiters serve drinks"
    sentence, other = reading.tokens.sentence, groups.mentions[earlier.latest]
    if sentence[other.head] != sentence[mention.head]:
        return False
    if other.kind == "body" and mention.kind == "person":
        groups.drop(index, "body", other.entries[0].rule)
    else:
        groups.join(earlier.latest, index)
    return True


def _ends_clause(reading: Reading, index: int) -> bool:
    return index >= len(reading.tokens) or reading.tokens.is_mark(index) or reading.any(LINKS, index)


def _goes_on(reading: Reading, groups: Groups, earlier: Earlier, mention: Mention) -> bool:
    """ "as a doctor and patient": the second role of a pair in disguise."""
    other = groups.mentions[earlier.latest]
    joined = mention.first == other.last + 1 and reading.has("conjunctions", other.last) and mention.first == mention.head
    return joined and other.first > 0 and reading.has("disguises", other.first - 1)


def _likeness(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "a woman resembling Emma Stone": she is to look like her."""
    mention = groups.mentions[index]
    alike = any(reading.has("likenings", at) for at in range(max(mention.first - 2, 0), mention.first))
    if mention.kind != "name" or not alike:
        return False
    groups.join(earlier.latest, index)
    return True


def _collective(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "a crowd of students": the students are the head."""
    mention, other = groups.mentions[index], groups.mentions[earlier.latest]
    of = other.last
    if not (other.has("group") and reading.tokens.words[of : of + 1] == ["of"] and mention.first == of + 1):
        return False
    if mention.kind == "body":
        groups.drop(earlier.latest, "body", mention.entries[0].rule)
    else:
        groups.join(earlier.latest, index)
        groups.drop(earlier.latest, "collective", other.entries[0].rule)
    return True


def _adjacent_name(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "chef gordon ramsay", "a scientist named Ada", "gordon ramsay the chef"."""
    mention, other = groups.mentions[index], groups.mentions[earlier.latest]
    if (mention.kind == "name") == (other.kind == "name") or "body" in (mention.kind, other.kind):
        return False
    between = reading.tokens.words[other.last : mention.first]
    if between in ([], ["named"], ["called"], ["-"], ["the"], ["("], ["aka"]) and (
        mention.kind == "name" or mention.first >= other.last
    ):
        groups.join(earlier.latest, index)
        return True
    return False


def _apposition(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "Marie Curie, a scientist", "the mayor, a retired teacher", "the woman is a nurse"."""
    human = earlier.latest_human
    if groups.mentions[index].kind != "person" or human is None:
        return False
    mention, other = groups.mentions[index], groups.mentions[human]
    if mention.many != other.many or mention.number != other.number or (mention.many and mention.number is None):
        return _names_counted(reading, groups, earlier, index)
    tokens = reading.tokens
    between = tokens.words[other.last : mention.first]
    bare = other.kind == "name" and mention.first == mention.head and between == [","]
    if not between or tokens.sentence[other.head] != tokens.sentence[mention.head]:
        return False
    predicate = mention.first == mention.head and reading.has("copulas", mention.first - 1)  # "who is half robot"
    if not (reading.has("indefinites", mention.first) or bare or predicate):
        return False
    copula = reading.has("copulas", mention.first - 1) and not any(
        reading.has("conjunctions", at) for at in range(other.last, mention.first)
    )
    pointed = (
        other.kind == "name" or reading.has("definites", other.first) or tokens.words[mention.last : mention.last + 1] == [","]
    )
    if copula or (between == [","] and pointed and not _list_goes_on(reading, mention)):
        groups.join(human, index)
        return True
    return False


def _names_counted(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "Kofi Mensah and Ingrid Halvorsen, two architects": the count tells who is meant."""
    mention = groups.mentions[index]
    names = earlier.names
    comma = mention.first - 1
    if not names or mention.number != len(names) or groups.mentions[names[-1]].last != comma:
        return False
    if reading.tokens.words[comma] != ",":
        return False
    groups.join(names[-1], index)
    return True


def _list_goes_on(reading: Reading, mention: Mention) -> bool:
    tokens = reading.tokens
    if reading.has("conjunctions", mention.last):
        return True
    return tokens.words[mention.last : mention.last + 1] == [","] and reading.has("conjunctions", mention.last + 1)


def _pointing_back(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """ "A man ... The man": the same noun, or a general one, after a definite article."""
    mention = groups.mentions[index]
    words = reading.tokens.words
    if mention.kind == "person" and words[mention.head - 2 : mention.head] == ["of", "them"]:
        groups.join(earlier.latest, index)  # "five firefighters, two of them women"
        return True
    definite = reading.has("definites", mention.first) and mention.first < mention.head and not reading.has("sides", mention.last)
    if mention.kind != "person" or not (definite or _is_bare(reading, mention)):
        return False
    same = earlier.with_noun(words[mention.last - 1], many=mention.many)
    if same is None and definite and reading.has("generic-people", mention.last - 1):
        same = _whoever(groups, earlier, mention)
    if same is None:
        return False
    groups.join(same, index)
    return True


def _whoever(groups: Groups, earlier: Earlier, mention: Mention) -> int | None:
    """The only one that a general noun can mean."""
    found: int | None = None
    for other in earlier.people():
        if groups.mentions[other].many == mention.many and _compatible(groups.mentions[other], mention):
            root = groups.find(other)
            if found not in (None, root):
                return None
            found = root
    return found


def _is_bare(reading: Reading, mention: Mention) -> bool:
    after = mention.first > 0 and reading.has("conjunctions", mention.first - 1)
    return not mention.many and not after and not any(reading.any(OPENERS, index) for index in range(mention.first, mention.head))


def stated(mention: Mention, axis: str = "gender") -> str | None:
    return next((entry.states[axis] for entry in mention.entries if axis in entry.states), None)  # type: ignore[index]


def _compatible(one: Mention, two: Mention) -> bool:
    first, second = stated(one), stated(two)
    return first is None or second is None or first == second


def _tag_restated(reading: Reading, groups: Groups, earlier: Earlier, index: int) -> bool:
    """In a list of tags a bare singular noun or a name restates the one person there is: "portrait, nurse, asian, female"."""
    mention = groups.mentions[index]
    if not _may_restate(reading, groups, earlier, mention):
        return False
    other = earlier.only_one(unnamed=mention.kind == "name")
    if other is None or groups.mentions[other].many != mention.many or not _compatible(groups.mentions[other], mention):
        return False
    groups.join(other, index)
    return True


def _may_restate(reading: Reading, groups: Groups, earlier: Earlier, mention: Mention) -> bool:
    """A tag of its own without an article or an owner; plural only after a tag that counts ("2girls, librarians")."""
    if mention.kind not in ("person", "name") or mention.has("group") or not _fills_segment(reading, earlier, mention):
        return False
    if mention.first > 0 and reading.tokens.words[mention.first - 1] == "|":
        return False  # "[nurse|teacher]": either of two
    listed = earlier.is_tags or _is_general(reading, groups.mentions[earlier.latest], mention)
    opened = reading.any(POINTERS, mention.first) and mention.kind == "person"
    owned = any(reading.any(OWNED, at) for at in range(mention.first, mention.head))
    return listed and not opened and not owned and (earlier.tagged or not mention.many)


def _is_general(reading: Reading, one: Mention, two: Mention) -> bool:
    """One of the two is only "man", "woman", "person": "a Black man, teacher"."""
    return reading.has("generic-people", one.last - 1) != reading.has("generic-people", two.last - 1) and not _list_goes_on(
        reading, two
    )


def _fills_segment(reading: Reading, earlier: Earlier, mention: Mention) -> bool:
    """The segment holds nothing but this mention and words that describe it."""
    number = reading.tokens.segment[mention.head]
    borders = earlier.borders.get(number)
    if borders is None:
        borders = earlier.borders[number] = _borders(reading, mention.head)
    return borders[0] >= mention.first and borders[1] < mention.last


def _borders(reading: Reading, index: int) -> tuple[int, int]:
    """The first token of the segment that can't stand before its only mention, and the last that can't stand after it."""
    inside = [at for at in reading.tokens.segment_of(index) if not reading.tokens.is_mark(at)]
    before = (at for at in inside if not (is_descriptive(reading, at) or reading.any(BEFORE_TAG, at)))
    after = (at for at in reversed(inside) if not reading.any(AFTER_TAG, at))
    return next(before, len(reading.tokens)), next(after, -1)


def _enumerations(reading: Reading, groups: Groups, live: Sequence[int]) -> None:
    """ "two people, a Ukrainian girl and a Nepalese monk": the group only announces those who follow."""
    people = [index for index in live if groups.mentions[index].kind in ("person", "name")]
    for place, index in enumerate(people):
        mention = groups.mentions[index]
        opens = reading.tokens.words[mention.last : mention.last + 1] in ([","], [":"], ["("])
        if mention.many and opens:
            parts = _parts(reading, groups, mention, people[place + 1 : place + 1 + MOST_PARTS])
            if parts:
                groups.parts[index] = parts


def _parts(reading: Reading, groups: Groups, group: Mention, following: Sequence[int]) -> list[int]:
    """Those who follow at once and add up to the group's number; where it gives none, two or more kinds of gendered nouns
    ("siblings, sisters and brothers", but not "doctors, a nurse and a chef").
    """
    parts: list[int] = []
    end, total = group.last, 0
    for index in following:
        part = groups.mentions[index]
        if part.first - end > PART_GAP or reading.tokens.sentence[part.head] != reading.tokens.sentence[group.head]:
            break
        everybody = reading.tokens.words[part.first] in ("both", "all")
        uncounted = part.many and part.number is None and not everybody
        if uncounted if group.number else stated(part) is None:
            break
        parts.append(index)
        total += (group.number or 0) if everybody else part.number or 1
        end = part.last
        if group.number and total >= group.number:
            break
    if group.number:
        return parts if total == group.number else []
    return parts if len({groups.find(part) for part in parts}) > 1 else []


def _compounds(groups: Groups) -> None:
    """ "woman doctor": what the first noun states belongs to the second."""
    people = [index for index, mention in enumerate(groups.mentions) if mention.kind == "person"]
    for index in people:
        mention = groups.mentions[index]
        if mention.why_not == "compound":
            place = bisect_left(people, mention.last, key=lambda other: groups.mentions[other].head)
            if place < len(people) and not groups.mentions[people[place]].why_not:
                groups.join(people[place], index)


RULES = (_disguise, _likeness, _collective, _adjacent_name, _apposition, _pointing_back, _tag_restated)
