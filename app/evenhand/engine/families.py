"""Kin that belong together: "a mother and her children" have one ethnicity. Cast in; who shares whose draw out."""

from evenhand.engine.cast import Cast, Person
from evenhand.engine.classes import OWNERS
from evenhand.engine.reading import Reading
from evenhand.flow import Axis, Finding

STATED = frozenset({"explicit", "nationality"})
ETHNICITY: frozenset[Axis] = frozenset({"ethnicity"})


def bind_kin(reading: Reading, cast: Cast) -> None:
    """A stated ethnicity of the one holds for kin by blood; open ones are drawn once for both."""
    for place, person in enumerate(cast):
        elder = _elder(reading, cast, place)
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


def _elder(reading: Reading, cast: Cast, place: int) -> Person | None:
    """The last one before, for whoever is owned and of the same blood."""
    lead = cast[place].lead
    if not reading.has("kin-by-blood", lead.last - 1):
        return None
    if not any(reading.any(OWNERS, index) for index in range(lead.first, lead.head)):
        return None
    before = (cast[other] for other in reversed(range(place)))
    return next((other for other in before if not other.is_named and other.lead.head < lead.first), None)
