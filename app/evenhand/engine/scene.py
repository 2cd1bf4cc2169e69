"""What closes an axis for everybody in the picture: a past era or year, a place, a tradition. Costumes, themes and styles
do not."""

from collections.abc import Iterator, Sequence

from evenhand.engine.bind import origin_of
from evenhand.engine.cast import ALL_AXES, Cast, finding, told
from evenhand.engine.classes import classes
from evenhand.engine.match import Match
from evenhand.engine.reading import Reading
from evenhand.engine.titles import titled_events
from evenhand.engine.years import Year, find_years
from evenhand.flow import Axis, Finding
from evenhand.rules.ruleset import Entry

COSTUME_REACH = 4
COSTUME_BEFORE = 8
NO_SETTING = classes("style-medium", "style-after", "bodies")
ADJECTIVES = classes("adjectives")
PERIODS, CULTURES = classes("periods"), classes("cultures")
ETHNICITY: frozenset[Axis] = frozenset({"ethnicity"})


def set_scene(reading: Reading, cast: Cast, zones: frozenset[int], refused: frozenset[int], *, until: int) -> list[Finding]:
    """The scene's findings; each is also put on the persons it holds for. A visitor is free of the place's culture."""
    if not cast:
        return []
    years = [year for year in find_years(reading.tokens.text) if not _is_masked(reading, year)]
    found = told(
        [
            *_periods(reading, years, zones, refused),
            *_years(reading, years, zones, until),
            *_cultures(reading, cast, zones, refused),
            *titled_events(reading),
        ]
    )
    for person in cast:
        is_visitor = person.has_mark(reading, "visitors")
        person.findings += [each for each in found if not (is_visitor and each.reason == "culture")]
    return found


def _is_masked(reading: Reading, year: Year) -> bool:
    first, last = reading.tokens.at(year.span)
    return any(index in reading.masked for index in range(first, last))


def _periods(reading: Reading, years: Sequence[Year], zones: frozenset[int], refused: frozenset[int]) -> Iterator[Finding]:
    if not reading.seen & PERIODS:
        return
    periods = [match for match in reading.matches if match.entry.kind == "periods"]
    known = {(year.first, year.last) for year in years} | {match.entry.years for match in periods if match.entry.years}
    for match in periods:
        entry = match.entry
        if match.first in zones:
            continue
        if entry.during and not any(first <= entry.during[1] and entry.during[0] <= last for first, last in known):
            continue
        if _is_costume(reading, match.first, match.last) or _is_art_style(reading, match):
            continue
        if entry.number is None or (match.last - 1) not in refused:
            yield finding(reading, match.first, match.last, entry, reason="period")
        elif reading.has("things", reading.tokens.after(match.last)):  # "in samurai armor": the dress of a people
            dress = Entry(rule=entry.rule, kind="periods", scope="scene")
            yield finding(reading, match.first, match.last, dress, axes=ETHNICITY, reason="culture")


def _years(reading: Reading, years: Sequence[Year], zones: frozenset[int], until: int) -> Iterator[Finding]:
    for year in years:
        first, last = reading.tokens.at(year.span)
        if year.first >= until or first in zones or _is_costume(reading, first, last):
            continue
        entry = Entry(rule="policy/historical-until", kind="periods", scope="scene")
        yield finding(reading, first, last, entry, axes=ALL_AXES, reason="period")


def _is_costume(reading: Reading, first: int, last: int) -> bool:
    """The era of a costume, a theme or an exhibit: said right after it, or right before ("costume of a knight")."""
    segment = reading.tokens.segment
    after = range(last, min(last + COSTUME_REACH, len(reading.tokens)))
    before = range(max(first - COSTUME_BEFORE, 0), first)
    return any(segment[index] == segment[first] and reading.has("costumes", index) for index in (*before, *after))


def _is_art_style(reading: Reading, match: Match) -> bool:
    """A word that is an era and an art style ("renaissance") is a style as a tag by itself or before a medium."""
    if match.entry.number is not None or not reading.has("style-medium", match.first):
        return False
    alone = len(reading.tokens.segment_of(match.first)) <= match.length + 1
    longer = any(other.length > match.length for other in reading.starting(match.first, "styles"))
    return longer or alone or reading.has("style-medium", match.last)


def _cultures(reading: Reading, cast: Cast, zones: frozenset[int], refused: frozenset[int]) -> Iterator[Finding]:
    for match in reading.matches if reading.seen & CULTURES else ():
        if match.entry.kind != "cultures" or match.first in zones or not match.entry.axes:
            continue
        if match.entry.scope == "scene":
            if not _is_negated_place(reading, match) and origin_of(reading, cast, match) is None:
                yield finding(reading, match.first, match.last, match.entry, reason="culture")
        elif match.entry.has("nationality") and match.entry.number is None and _modifies_thing(reading, match):
            scene = Entry(rule=match.entry.rule, kind="cultures", axes=ETHNICITY, scope="scene", reason="culture")
            yield finding(reading, match.first, match.last, scene)


def _is_negated_place(reading: Reading, match: Match) -> bool:
    return match.first > 0 and reading.has("negations", match.first - 1)


def _modifies_thing(reading: Reading, match: Match) -> bool:
    """A nationality before a thing sets the scene, save before food, animals and styles."""
    index = reading.past(ADJECTIVES, match.last)
    things = [other for other in reading.starting(index, "things") if not other.entry.has("food")]
    return bool(things) and not reading.any(NO_SETTING, index)
