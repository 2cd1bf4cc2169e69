"""The cast: who is in the picture after sifting and joining, and the findings about each. Filled by bind, scene and pronouns."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from evenhand.engine.groups import Groups
from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading
from evenhand.flow import AXES, Axis, Finding, Reason
from evenhand.rules.ruleset import Entry

ALL_AXES: frozenset[Axis] = frozenset(AXES)
MOST_TOLD = 32  # findings of one reason about the same axes that are told of anybody; no more are needed to close them


@dataclass(slots=True, eq=False)
class Person:
    """One person or group; `lead` is the mention that stands for it, `parts` those whom a group only announces."""

    lead: Mention
    mentions: Sequence[Mention]
    findings: list[Finding] = field(default_factory=list)
    parts: list["Person"] = field(default_factory=list)
    kin_of: "Person | None" = None

    @property
    def is_named(self) -> bool:
        return self.lead.kind in ("name", "self")

    @property
    def gender(self) -> str | None:
        values = (finding.states.get("gender") for finding in self.findings)
        return next((value for value in values if value), None)

    def has_mark(self, reading: Reading, name: str) -> bool:
        return any(reading.has(name, index) for mention in self.mentions for index in range(mention.first, mention.last))


class Cast(Sequence[Person]):
    """The persons in the order of their leads; knows who ends, and who stands, at a token."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._people = people
        self.pairs = [(person, mention) for person in people for mention in person.mentions]
        self._ending: dict[int, list[tuple[Person, Mention]]] = {}
        self._over: dict[int, list[tuple[Person, Mention]]] = {}
        for person, mention in self.pairs:
            self._ending.setdefault(mention.last, []).append((person, mention))
            for index in range(mention.first, mention.last):
                self._over.setdefault(index, []).append((person, mention))
        self._lasts = sorted(self._ending)
        self._places = {id(person): place for place, person in enumerate(people)}

    def __len__(self) -> int:
        return len(self._people)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people)

    @overload
    def __getitem__(self, place: int) -> Person: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Person]: ...

    def __getitem__(self, place: int | slice) -> Person | Sequence[Person]:
        return self._people[place]

    def ending(self, index: int) -> Sequence[tuple[Person, Mention]]:
        """Whose mentions end before token `index`, right there."""
        return self._ending.get(index, ())

    def holding(self, first: int, last: int) -> tuple[Person, Mention] | None:
        """The first person with a mention over these tokens."""
        return next((pair for pair in self._over.get(first, ()) if last <= pair[1].last), None)

    def leading_after(self, index: int) -> Iterator[Person]:
        """Those whose lead's noun comes after token `index`, in order."""
        return iter(self._people[bisect_right(self._people, index, key=lambda person: person.lead.head) :])

    def place(self, person: Person) -> int:
        return self._places[id(person)]

    def at(self, index: int) -> list[Person]:
        """Those with a mention over token `index`."""
        return [person for person, _ in self._over.get(index, ())]

    def before(self, index: int) -> Iterator[tuple[Person, Mention]]:
        """Mentions that end by token `index`, the latest first, each person by the latest only."""
        seen: set[int] = set()
        for place in reversed(range(bisect_right(self._lasts, index))):
            for person, mention in self._ending[self._lasts[place]]:
                if id(person) not in seen:
                    seen.add(id(person))
                    yield person, mention

    def nearest(self, index: int) -> list[Person]:
        """Whom free-standing words at token `index` describe: the last one spoken of, else the first."""
        if len(self) < 2:
            return list(self)
        place = bisect_right(self._lasts, index) - 1
        if place >= 0:
            return [self._ending[self._lasts[place]][0][0]]
        return [min(self, key=lambda person: person.lead.first)]


def make_cast(groups: Groups) -> Cast:
    people: dict[int, Person] = {}
    for root, joined in sorted(groups.members().items()):
        members = [index for index in joined if groups.mentions[index].kind != "body"]
        lead = _lead(groups, members)
        if lead is not None:
            people[root] = Person(lead, [groups.mentions[index] for index in members if _belongs(groups.mentions[index])])
    for group, parts in groups.parts.items():
        if groups.find(group) in people:
            people[groups.find(group)].parts = [people[groups.find(part)] for part in parts if groups.find(part) in people]
    return Cast(sorted(people.values(), key=lambda person: person.lead.head))


def hand_down(cast: Cast) -> list[Person]:
    """What is said of an announced group holds for each of its parts; the group itself is not drawn beside them."""
    for person in cast:
        handed = told(each for each in person.findings if each.reason != "pair") if person.parts else []
        for part in person.parts:
            part.findings = told([*part.findings, *handed])
    return [person for person in cast if not person.parts]


def told(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, and no more of a kind than are needed."""
    counted: Counter[tuple[Reason, frozenset[Axis]]] = Counter()
    kept: dict[tuple[object, ...], Finding] = {}
    for each in findings:
        key = (each.span, each.rule, each.axes)
        if key not in kept:
            counted[each.reason, each.axes] += 1
        if key in kept or counted[each.reason, each.axes] <= MOST_TOLD:
            kept[key] = each
    return list(kept.values())


def _belongs(mention: Mention) -> bool:
    return not mention.why_not or mention.why_not == "compound"


def _lead(groups: Groups, members: Iterable[int]) -> Mention | None:
    live = [groups.mentions[index] for index in members if index not in groups.dropped and not groups.mentions[index].why_not]
    named = [mention for mention in live if mention.kind in ("name", "self")]
    return next(iter(named or live), None)


def finding(
    reading: Reading,
    first: int,
    last: int,
    entry: Entry,
    *,
    axes: frozenset[Axis] | None = None,
    reason: Reason | None = None,
    rule: str = "",
) -> Finding:
    return Finding(
        span=reading.tokens.span(first, last),
        reason=reason or entry.reason or "explicit",
        rule=rule or entry.rule,
        axes=entry.axes if axes is None else axes,
        scope=entry.scope,
        states=entry.states,
    )
