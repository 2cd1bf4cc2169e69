"""Draws in, edits out: how the drawn values of one image are said beside each subject, as a person would have written it.

A subject whose words would be longer than the policy allows gets the shorter words for a range, or none.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evenhand.engine.manner import Manner
from evenhand.flow import Axis, Draw, Edit, Span, Subject
from evenhand.rules.ruleset import Ruleset, Wording
from evenhand.text import article, listed

RANGE = "range"
BOTH = "range-both"
ORDER: tuple[Axis, ...] = ("ethnicity", "gender", "age")
COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
Values = Mapping[Axis, Sequence[str]]
MEASURE_CHARS = 80  # how far back "hundreds of" may begin
_PARTING = re.compile(r"[ _-]")
_WORD_BEFORE = re.compile(r"[^\W_][-\u2010\u2011]?$")
_MEASURE = re.compile(
    r"\b(?:\w+s|lot|bunch|number|full|sea|line|row|mass|handful|majority|one|some|all|most)\s+of\s+$", re.IGNORECASE
)
_GOES_ON = re.compile(
    r" *+(?:\W|$|(?:in|on|at|with|who|whose|is|are|and|or|from|near|by|beside|behind|under|inside|outside|to|as|\w+ing)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One subject in its prompt. `repeats`: its noun stands elsewhere too ("... the person"), so it must keep it."""

    manner: Manner
    subject: Subject
    rules: Ruleset
    repeats: bool

    @property
    def text(self) -> str:
        return self.manner.text


def word(manner: Manner, draws: Sequence[Draw], rules: Ruleset, *, limit: int | None = None) -> tuple[tuple[Edit, ...], bool]:
    """The edits of one image, and whether any word of the original is replaced rather than kept.

    `limit` is the number of characters that may be added for one person; the policy's where none is given.
    """
    limit = rules.policy.limits.added_chars_per_person if limit is None else limit
    edits: list[Edit] = []
    drawn: dict[int, dict[Axis, Sequence[str]]] = {}
    for draw in draws:
        drawn.setdefault(id(draw.ruling.subject), {})[draw.ruling.axis] = draw.values or (RANGE,)
    subjects = {id(draw.ruling.subject): draw.ruling.subject for draw in draws}
    nouns = {key: _noun(manner.text, subject) for key, subject in subjects.items()}
    counts = Counter(nouns.values())
    for key, subject in subjects.items():
        repeats = manner.count(nouns[key]) > counts[nouns[key]]
        edits += _within(Passage(manner, subject, rules, repeats), drawn[key], limit)
    ordered = tuple(sorted(edits, key=lambda edit: edit.span))
    return ordered, any(edit.span.start < edit.span.end for edit in ordered)


def _noun(text: str, subject: Subject) -> str:
    return _PARTING.split(text[subject.head.start : subject.head.end])[-1].lower()


def _within(passage: Passage, values: Values, limit: int) -> list[Edit]:
    people = max(len(drawn) for drawn in values.values())
    edits = _said(passage, values)
    if people > 1 and _added(edits) > limit * people:
        edits = _said(passage, dict.fromkeys(values, (RANGE,)))
        people = 1
    return edits if _added(edits) <= limit * people else []


def _added(edits: Sequence[Edit]) -> int:
    return sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in edits)


def _said(passage: Passage, values: Values) -> list[Edit]:
    if not passage.rules.wording.keys() >= set(_needed(values)):
        return []  # rules without words for a value say nothing of it
    edits = [edit for edit in _edits(passage, values) if not _is_inside_word(passage.text, edit)]
    return _styled(passage.manner, passage.subject, edits)


def _needed(values: Values) -> Iterator[tuple[Axis, str]]:
    """The wordings without which the values can't be said."""
    both = all(RANGE in values.get(axis, ()) for axis in ("gender", "ethnicity"))
    for axis, drawn in values.items():
        yield from (("ethnicity", BOTH) if both and value == RANGE else (axis, value) for value in drawn)


def _is_inside_word(text: str, edit: Edit) -> bool:
    """The second half of "firefighter-paramedic" takes no words of its own."""
    at = edit.span.start
    return edit.text.endswith(" ") and at == edit.span.end and _WORD_BEFORE.search(text, max(at - 3, 0), at) is not None


def _edits(passage: Passage, values: Values) -> list[Edit]:
    ranged = {axis: drawn for axis, drawn in values.items() if RANGE in drawn}
    several = {axis: drawn for axis, drawn in values.items() if len(drawn) > 1}
    single = {axis: drawn for axis, drawn in values.items() if axis not in ranged and axis not in several}
    edits = _single(passage, single) if single else []
    if several:
        edits.append(_enumeration(passage, several))
    return edits + (_range(passage, ranged) if ranged else [])


def _single(passage: Passage, values: Values) -> list[Edit]:
    text, subject, rules = passage.text, passage.subject, passage.rules
    said = {axis: rules.wording[axis, drawn[0]] for axis, drawn in values.items()}
    head = text[subject.head.start : subject.head.end]
    if not head[:1].isalpha():
        return [Edit(Span(subject.head.end, subject.head.end), ", " + _tag(said))]
    if _is_pronoun(head, rules):
        return [] if passage.repeats else _pronoun(passage, said)
    narrows = "gender" in said and subject.number == 1 and not passage.repeats
    narrow = _narrower(text, subject, said["gender"]) if narrows else None
    axes = [axis for axis in ORDER if axis in said and not (axis == "gender" and narrow)]
    edits = [_insertion(subject.slots[axis], said[axis].adjective) for axis in axes]
    return [*edits, narrow] if narrow else edits


def _insertion(at: int, words: str) -> Edit:
    return Edit(Span(at, at), words + " ")


def _tag(said: Mapping[Axis, Wording]) -> str:
    return " ".join(said[axis].tag or said[axis].adjective for axis in ORDER if axis in said)


def _narrower(text: str, subject: Subject, said: Wording) -> Edit | None:
    """The head, or its last word, replaced by the noun that entails it: "delivery person" -> "delivery woman"."""
    head = subject.head
    last = max(text.rfind(mark, head.start, head.end) for mark in " -_") + 1
    for start in (head.start, last):
        new = said.narrow.get(text[start : head.end].lower())
        if start >= head.start and new:
            return Edit(Span(start, head.end), new)
    return None


def _is_pronoun(head: str, rules: Ruleset) -> bool:
    """ "someone" takes no adjective before it: what it narrows to has an article of its own."""
    return any(
        said.narrow.get(head.lower(), "").startswith("a ")
        for (axis, value), said in rules.wording.items()
        if axis == "gender" and value != RANGE
    )


def _pronoun(passage: Passage, said: Mapping[Axis, Wording]) -> list[Edit]:
    """ "someone" -> "a Black woman", also where "her" has stated the gender; "someone tall" is left alone."""
    text, subject, head = passage.text, passage.subject, passage.subject.head
    stated = next((each.states["gender"] for each in subject.findings if "gender" in each.states), "")
    gender = said.get("gender") or passage.rules.wording.get(("gender", stated))
    if gender is None or not _GOES_ON.match(text, head.end):
        return []
    noun = gender.narrow[text[head.start : head.end].lower()].removeprefix("a ")
    phrase = " ".join([*(said[axis].adjective for axis in ORDER if axis in said and axis != "gender"), noun])
    return [Edit(head, f"{article(phrase)} {phrase}")]


def _range(passage: Passage, values: Values) -> list[Edit]:
    text, subject, rules = passage.text, passage.subject, passage.rules
    both = "gender" in values and "ethnicity" in values
    said = rules.wording["ethnicity", BOTH] if both else rules.wording[next(iter(values)), RANGE]
    narrow = _narrower(text, subject, said)
    if narrow and (not narrow.text.startswith("a ") or _is_bare(text, subject, narrow)):
        if subject.number is not None and said.many:
            return [Edit(Span(subject.head.end, subject.head.end), " " + said.many)]
        return [_kept(passage.manner, narrow)]
    words = said.one if subject.is_collective and said.one else said.adjective
    return [_insertion(min(subject.slots[axis] for axis in values), words)]


def _kept(manner: Manner, narrow: Edit) -> Edit:
    """What is put before or behind the noun, where its narrower form still holds it: "people, women and men"."""
    start, end = narrow.span.start, narrow.span.end
    noun = manner.text[start:end].lower()
    if narrow.text.startswith(noun):
        return Edit(Span(end, end), narrow.text.removeprefix(noun) + _closing(manner, end))
    return Edit(Span(start, start), narrow.text.removesuffix(noun)) if narrow.text.endswith(noun) else narrow


def _is_bare(text: str, subject: Subject, narrow: Edit) -> bool:
    """No word stands before the noun in its phrase, and no measure: "people", not "the people" or "hundreds of people"."""
    at = {subject.span.start, subject.slots["ethnicity"]}
    return at == {narrow.span.start} and not _MEASURE.search(text, max(subject.head.start - MEASURE_CHARS, 0), subject.head.start)


def _enumeration(passage: Passage, values: Values) -> Edit:
    """ "two nurses" -> "two nurses, a Black woman and a South Asian man,"."""
    text, subject, rules = passage.text, passage.subject, passage.rules
    axes: list[Axis] = [axis for axis in ORDER if axis in values]
    people = list(zip(*(values[axis] for axis in axes), strict=True))
    head = text[subject.head.start : subject.head.end].lower()
    items = [
        _item(dict(zip(axes, person, strict=True)), count, len(people), head, rules) for person, count in Counter(people).items()
    ]
    phrase = ", " + listed(items)
    return Edit(Span(subject.head.end, subject.head.end), phrase + _closing(passage.manner, subject.head.end))


def _item(person: Mapping[Axis, str], count: int, total: int, head: str, rules: Ruleset) -> str:
    said = {axis: rules.wording[axis, value] for axis, value in person.items()}
    before = [said[axis].adjective for axis in ORDER if axis in said and axis != "gender"]
    gender = said.get("gender")
    amount = ("both" if total == 2 else "all") if count == total else COUNTS[count]
    if gender is None:
        return " ".join([amount, *before])
    one = gender.narrow.get(head) or gender.narrow.get(head.split(" ")[-1]) or gender.one or gender.adjective
    phrase = " ".join([*before, one if count == 1 else _many(one, gender)])
    return f"{article(phrase)} {phrase}" if count == 1 else f"{amount} {phrase}"


def _many(one: str, gender: Wording) -> str:
    """The plural of a noun that a value narrows to; those that end in the value's own noun follow it: "businesswomen"."""
    if gender.one and gender.many and one.endswith(gender.one):
        return one.removesuffix(gender.one) + gender.many
    return one + "s"


def _closing(manner: Manner, at: int) -> str:
    """A comma, where the sentence goes on without a mark."""
    return "," if manner.goes_on(at) else ""


def _styled(manner: Manner, subject: Subject, edits: list[Edit]) -> list[Edit]:
    """The prompt's own casing and joints, the article's form, a capital where the sentence began with the noun."""
    if not edits:
        return edits
    edits = sorted(edits, key=lambda edit: edit.span)
    opens = manner.opens_sentence(edits[0].span.start)
    inserted = edits[0].span.start == edits[0].span.end
    kept = inserted and edits[-1].span.start == edits[-1].span.end and edits[0].span.start <= subject.head.start
    edits = _article(manner.text, subject, edits) + edits
    if manner.is_capitals:
        return [Edit(edit.span, edit.text.upper()) for edit in edits]
    if manner.is_title or (opens and kept):
        edits = [Edit(edit.span, manner.joined(edit.span.start, manner.titled(edit.text))) for edit in edits]
        return [_capital(edits[0]), *edits[1:]] if opens else edits
    lower = manner.is_lower
    edits = [Edit(edit.span, manner.joined(edit.span.start, edit.text.lower() if lower else edit.text)) for edit in edits]
    return [_capital(edits[0]), *edits[1:]] if opens else edits


def _capital(edit: Edit) -> Edit:
    return Edit(edit.span, edit.text[:1].upper() + edit.text[1:])


def _article(text: str, subject: Subject, edits: Sequence[Edit]) -> list[Edit]:
    span = subject.article
    following = edits[0]
    if span is None or text[span.end : following.span.start].strip() or following.span.start < span.end:
        return []
    old = text[span.start : span.end]
    new = article(following.text)
    if old.lower() == new:
        return []
    return [Edit(span, new.capitalize() if old[0].isupper() else new)]
