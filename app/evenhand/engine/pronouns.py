"""What "she", "his" and their kin say about the gender of somebody mentioned before (or, opening a prompt, right after)."""

from collections.abc import Iterator
from itertools import islice

from evenhand.engine.cast import Cast, Person, finding
from evenhand.engine.classes import classes
from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading
from evenhand.flow import Axis
from evenhand.rules.ruleset import Entry

PRONOUNS = (("woman-pronouns", "woman"), ("man-pronouns", "man"))
GENDER: frozenset[Axis] = frozenset({"gender"})
REACH = 32  # mentions between a pronoun and whom it means


def bind_pronouns(reading: Reading, cast: Cast) -> None:
    for name, gender in PRONOUNS:
        for index in reading.every(classes(name)):
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


def _meant(reading: Reading, cast: Cast, index: int, gender: str) -> list[Person]:
    """Everybody it can mean: one axis too many kept is better than one person changed."""
    near = list(_near(reading, cast, index, gender))
    if not near:
        following = islice(cast.leading_after(index), REACH)
        return list(islice((person for person in following if _can_be(cast, person, index, gender)), 1))
    near.sort(key=lambda pair: cast.place(pair[0]))
    touching = [person for person, mention in near if mention.last == index - 1 and reading.has("conjunctions", index - 1)]
    if touching:
        return touching
    stated = [person for person, _ in near if person.gender == gender and not person.is_named]
    return stated[-1:] if stated else [person for person, _ in near]


def _near(reading: Reading, cast: Cast, index: int, gender: str) -> Iterator[tuple[Person, Mention]]:
    """Who was mentioned before in the same sentence or, where nobody was, in the latest one in which somebody was."""
    sentence = reading.tokens.sentence
    found: int | None = None
    for person, mention in islice(cast.before(index), REACH):
        if found not in (None, sentence[mention.last - 1]):
            return
        if _can_be(cast, person, index, gender):
            found = sentence[mention.last - 1]
            yield person, mention


def _can_be(cast: Cast, person: Person, index: int, gender: str) -> bool:
    """One person of that gender or of none yet, and not the one in whose phrase the pronoun stands."""
    return not person.lead.many and person.gender in (None, gender) and person not in cast.at(index)
