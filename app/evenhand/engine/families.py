"""Kin that belong together: "a mother and her children" have one ethnicity. Cast in; who shares whose draw out."""

from collections.abc import Sequence

from evenhand.engine.cast import Person
from evenhand.engine.reading import Reading
from evenhand.flow import Axis, Finding

PRONOUNS = ("woman-pronouns", "man-pronouns", "possessives")
STATED = frozenset({"explicit", "nationality"})
ETHNICITY: frozenset[Axis] = frozenset({"ethnicity"})


def bind_kin(reading: Reading, cast: Sequence[Person]) -> None:
    """A stated ethnicity of the one holds for kin by blood; open ones are drawn once for both."""
    for place, person in enumerate(cast):
        elder = _elder(reading, cast[:place], person)
        if elder is None:
            continue
        older, younger = _about_ethnicity(elder), _about_ethnicity(person)
        if older and not younger:
            person.findings += [each for each in older if each.reason in STATED]
        elif younger and not older:
            elder.findings += [each for each in younger if each.reason in STATED]
        elif not older and not younger:
            person.kin_of = elder


def _about_ethnicity(person: Person) -> list[Finding]:
    return [each for each in person.findings if "ethnicity" in each.axes]


def _elder(reading: Reading, before: Sequence[Person], person: Person) -> Person | None:
    lead = person.lead
    owned = any(reading.any(PRONOUNS, index) for index in range(lead.first, lead.head))
    by_blood = reading.has("kin-by-blood", lead.last - 1)
    singles = [other for other in before if not other.is_named and other.lead.head < lead.first]
    return singles[-1] if owned and by_blood and singles else None
