"""Which mentions are one person: "Serena Williams as a nurse", "the mayor, a retired teacher", "a crowd of students", "the
man ... he".

Mentions in; out comes for each mention the index of the one that stands for it. `parts` maps a group that only announces
those who
follow ("two people, a girl and a monk") to them.
"""

from collections.abc import Sequence

from evenhand.engine.mentions import Mention, is_descriptive
from evenhand.engine.reading import Reading

POSSESSED = ("woman-pronouns", "man-pronouns", "possessives", "deictics")
PART_GAP = 8


class Groups:
    """Union-find over mentions; the earliest one stands for all, save that a name goes first."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self.mentions = mentions
        self.parent = list(range(len(mentions)))
        self.dropped: dict[int, tuple[str, str]] = {}
        self.parts: dict[int, list[int]] = {}

    def find(self, index: int) -> int:
        while self.parent[index] != index:
            index = self.parent[index]
        return index

    def join(self, first: int, second: int) -> None:
        one, two = sorted((self.find(first), self.find(second)))
        if one != two:
            self.parent[two] = one

    def drop(self, index: int, why_not: str, rule: str) -> None:
        self.dropped[index] = (why_not, rule)

    def members(self, root: int) -> list[int]:
        return [index for index in range(len(self.mentions)) if self.find(index) == root]


def corefer(reading: Reading, mentions: Sequence[Mention]) -> Groups:
    groups = Groups(mentions)
    live = [index for index, mention in enumerate(mentions) if not mention.why_not]
    for place, index in enumerate(live):
        earlier = live[:place]
        if not earlier:
            continue
        for rule in (_disguise, _likeness, _collective, _adjacent_name, _apposition, _pointing_back, _tag_restated):
            if rule(reading, groups, earlier, index):
                break
    _enumerations(reading, groups, live)
    _compounds(groups)
    return groups


def _disguise(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "X as a nurse", "a cat dressed as a doctor": one body; a body that is not human drops the role."""
    mention = groups.mentions[index]
    before = mention.first - 1
    if before < 0 or not (reading.has("disguises", before) or _goes_on(reading, groups, earlier, mention)):
        return False
    plain_as = reading.tokens.words[before] == "as" and not reading.has("disguises", before - 1)
    if mention.many and plain_as and not _ends_clause(reading, mention.last):
        return False  # "as waiters serve drinks"
    tokens = reading.tokens
    near = [other for other in earlier if tokens.sentence[groups.mentions[other].head] == tokens.sentence[mention.head]]
    if not near:
        return False
    other = groups.find(near[-1])
    if groups.mentions[near[-1]].kind == "body" and mention.kind == "person":
        groups.drop(index, "body", groups.mentions[near[-1]].entries[0].rule)
    else:
        groups.join(other, index)
    return True


def _ends_clause(reading: Reading, index: int) -> bool:
    return index >= len(reading.tokens) or reading.tokens.is_mark(index) or reading.any(("prepositions", "conjunctions"), index)


def _goes_on(reading: Reading, groups: Groups, earlier: Sequence[int], mention: Mention) -> bool:
    """ "as a doctor and patient": the second role of a pair in disguise."""
    other = groups.mentions[earlier[-1]]
    joined = mention.first == other.last + 1 and reading.has("conjunctions", other.last) and mention.first == mention.head
    return joined and other.first > 0 and reading.has("disguises", other.first - 1)


def _likeness(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "a woman resembling Emma Stone": she is to look like her."""
    mention = groups.mentions[index]
    alike = any(reading.has("likenings", at) for at in range(max(mention.first - 2, 0), mention.first))
    if mention.kind != "name" or not alike:
        return False
    groups.join(earlier[-1], index)
    return True


def _collective(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "a crowd of students": the students are the head."""
    mention, other = groups.mentions[index], groups.mentions[earlier[-1]]
    of = other.last
    if not (other.has("group") and reading.tokens.words[of : of + 1] == ["of"] and mention.first == of + 1):
        return False
    if mention.kind == "body":
        groups.drop(earlier[-1], "body", mention.entries[0].rule)
    else:
        groups.join(earlier[-1], index)
        groups.drop(earlier[-1], "collective", other.entries[0].rule)
    return True


def _adjacent_name(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "chef gordon ramsay", "a scientist named Ada", "gordon ramsay the chef"."""
    mention, other = groups.mentions[index], groups.mentions[earlier[-1]]
    if (mention.kind == "name") == (other.kind == "name") or "body" in (mention.kind, other.kind):
        return False
    between = reading.tokens.words[other.last : mention.first]
    if between in ([], ["named"], ["called"], ["-"], ["the"], ["("], ["aka"]) and (
        mention.kind == "name" or mention.first >= other.last
    ):
        groups.join(earlier[-1], index)
        return True
    return False


def _apposition(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "Marie Curie, a scientist", "the mayor, a retired teacher", "the woman is a nurse"."""
    people = [at for at in earlier if groups.mentions[at].kind != "body"]
    if groups.mentions[index].kind != "person" or not people:
        return False
    mention, other = groups.mentions[index], groups.mentions[people[-1]]
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
        groups.join(people[-1], index)
        return True
    return False


def _names_counted(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "Kofi Mensah and Ingrid Halvorsen, two architects": the count tells who is meant."""
    mention = groups.mentions[index]
    names = [other for other in earlier if groups.mentions[other].kind == "name"]
    last = groups.mentions[names[-1]].last if names else 0
    if not names or reading.tokens.words[last : mention.first] != [","] or mention.number != len(names):
        return False
    groups.join(names[-1], index)
    return True


def _list_goes_on(reading: Reading, mention: Mention) -> bool:
    tokens = reading.tokens
    if reading.has("conjunctions", mention.last):
        return True
    return tokens.words[mention.last : mention.last + 1] == [","] and reading.has("conjunctions", mention.last + 1)


def _pointing_back(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """ "A man ... The man": the same noun, or a general one, after a definite article."""
    mention = groups.mentions[index]
    words = reading.tokens.words
    if mention.kind == "person" and words[mention.head - 2 : mention.head] == ["of", "them"]:
        groups.join(earlier[-1], index)  # "five firefighters, two of them women"
        return True
    definite = reading.has("definites", mention.first) and mention.first < mention.head and not reading.has("sides", mention.last)
    if mention.kind != "person" or not (definite or _is_bare(reading, mention)):
        return False
    noun = words[mention.last - 1]
    people = [
        other
        for other in earlier
        if groups.mentions[other].kind in ("person", "name") and groups.mentions[other].many == mention.many
    ]
    same = [other for other in people if words[groups.mentions[other].last - 1] == noun]
    general = definite and reading.has("generic-people", mention.last - 1)
    if not same and general:
        same = [other for other in people if _compatible(groups.mentions[other], mention)]
        same = same if len({groups.find(other) for other in same}) == 1 else []
    if not same:
        return False
    groups.join(same[-1], index)
    return True


def _is_bare(reading: Reading, mention: Mention) -> bool:
    openers = ("determiners", "deictics", "possessives", "woman-pronouns", "man-pronouns")
    after = mention.first > 0 and reading.has("conjunctions", mention.first - 1)
    return not mention.many and not after and not any(reading.any(openers, index) for index in range(mention.first, mention.head))


def stated(mention: Mention, axis: str = "gender") -> str | None:
    return next((entry.states[axis] for entry in mention.entries if axis in entry.states), None)  # type: ignore[index]


def _compatible(one: Mention, two: Mention) -> bool:
    first, second = stated(one), stated(two)
    return first is None or second is None or first == second


def _tag_restated(reading: Reading, groups: Groups, earlier: Sequence[int], index: int) -> bool:
    """In a list of tags a bare singular noun or a name restates the one person there is: "portrait, nurse, asian, female"."""
    mention = groups.mentions[index]
    if not _may_restate(reading, groups, earlier, mention):
        return False
    kinds = ("person",) if mention.kind == "name" else ("person", "name")
    people = {groups.find(other) for other in earlier if groups.mentions[other].kind in kinds}
    if len(people) != 1:
        return False
    other = people.pop()
    if groups.mentions[other].many != mention.many or not _compatible(groups.mentions[other], mention):
        return False
    groups.join(other, index)
    return True


def _may_restate(reading: Reading, groups: Groups, earlier: Sequence[int], mention: Mention) -> bool:
    """A tag of its own without an article or an owner; plural only after a tag that counts ("2girls, librarians")."""
    if mention.kind not in ("person", "name") or mention.has("group") or not _fills_segment(reading, mention):
        return False
    if mention.first > 0 and reading.tokens.words[mention.first - 1] == "|":
        return False  # "[nurse|teacher]": either of two
    counted = any(groups.mentions[other].has("tag") for other in earlier)
    listed = reading.is_tags or _is_general(reading, groups.mentions[earlier[-1]], mention)
    opened = reading.any(("determiners", "deictics"), mention.first) and mention.kind == "person"
    owned = any(reading.any(POSSESSED, at) for at in range(mention.first, mention.head))
    return listed and not opened and not owned and (counted or not mention.many)


def _is_general(reading: Reading, one: Mention, two: Mention) -> bool:
    """One of the two is only "man", "woman", "person": "a Black man, teacher"."""
    return reading.has("generic-people", one.last - 1) != reading.has("generic-people", two.last - 1) and not _list_goes_on(
        reading, two
    )


def _fills_segment(reading: Reading, mention: Mention) -> bool:
    """The segment holds nothing but this mention and words that describe it."""
    segment = reading.tokens.segment
    first, last = mention.first, mention.last
    while first > 0 and segment[first - 1] == segment[mention.head]:
        first -= 1
        if not (is_descriptive(reading, first) or reading.any(("roles", "determiners"), first) or reading.tokens.is_mark(first)):
            return False
    rest = [at for at in range(last, len(reading.tokens)) if segment[at] == segment[mention.head]]
    return all(reading.tokens.is_mark(at) or reading.any(("roles", "faces"), at) for at in rest)


def _enumerations(reading: Reading, groups: Groups, live: Sequence[int]) -> None:
    """ "two people, a Ukrainian girl and a Nepalese monk": the group only announces those who follow."""
    people = [index for index in live if groups.mentions[index].kind in ("person", "name")]
    for place, index in enumerate(people):
        mention = groups.mentions[index]
        opens = reading.tokens.words[mention.last : mention.last + 1] in ([","], [":"], ["("])
        if mention.many and opens:
            parts = _parts(reading, groups, mention, people[place + 1 :])
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
    for index, mention in enumerate(groups.mentions):
        if mention.why_not == "compound":
            head = next(
                (i for i, other in enumerate(groups.mentions) if other.kind == "person" and other.head >= mention.last), None
            )
            if head is not None and not groups.mentions[head].why_not:
                groups.join(head, index)
