"""What "she", "his" and their kin say about the gender of somebody mentioned before (or, opening a prompt, right after)."""

from collections.abc import Sequence

from evenhand.engine.cast import Person, finding
from evenhand.engine.reading import Reading
from evenhand.flow import Axis
from evenhand.rules.ruleset import Entry

PRONOUNS = (("woman-pronouns", "woman"), ("man-pronouns", "man"))
GENDER: frozenset[Axis] = frozenset({"gender"})


def bind_pronouns(reading: Reading, cast: Sequence[Person]) -> None:
    for name, gender in PRONOUNS:
        for index in sorted(reading.marks.get(name, ())):
            if not _is_either(reading, index):
                for person in _meant(reading, cast, index, gender):
                    entry = Entry(rule=f"words/{name}", kind="words", axes=GENDER, states={"gender": gender})
                    person.findings.append(finding(reading, index, index + 1, entry, reason="explicit"))


def _is_either(reading: Reading, index: int) -> bool:
    """ "he or she", "his/her" state nothing."""
    around = range(max(index - 2, 0), min(index + 3, len(reading.tokens)))
    both = {name for name, _ in PRONOUNS for at in around if reading.has(name, at)}
    joined = any(reading.tokens.words[at] in ("or", "/") for at in around)
    return len(both) == 2 and joined


def _meant(reading: Reading, cast: Sequence[Person], index: int, gender: str) -> list[Person]:
    """Everybody it can mean: one axis too many kept is better than one person changed."""
    sentence = reading.tokens.sentence
    single = [person for person in cast if not person.lead.many and person.gender in (None, gender)]
    before = [(mention, person) for person in single if (mention := person.before(index)) and not _holds(person, index)]
    if not before:
        following = [person for person in single if person.lead.head > index and not _holds(person, index)]
        return following[:1]
    near = [(mention, person) for mention, person in before if sentence[mention.last - 1] == sentence[index]]
    if not near:
        latest = max(sentence[mention.last - 1] for mention, _ in before)
        near = [(mention, person) for mention, person in before if sentence[mention.last - 1] == latest]
    touching = [person for mention, person in near if mention.last == index - 1 and reading.has("conjunctions", index - 1)]
    if touching:
        return touching
    stated = [person for _, person in near if person.gender == gender and not person.is_named]
    return stated[-1:] if stated else [person for _, person in near]


def _holds(person: Person, index: int) -> bool:
    return person.holding(index, index + 1) is not None
