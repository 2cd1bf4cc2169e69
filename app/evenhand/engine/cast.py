"""The cast: who is in the picture after sifting and joining, and the findings about each. Filled by bind, scene and pronouns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from evenhand.engine.corefer import Groups
from evenhand.engine.mentions import Mention
from evenhand.engine.reading import Reading
from evenhand.flow import AXES, Axis, Finding, Reason
from evenhand.rules.ruleset import Entry

ALL_AXES: frozenset[Axis] = frozenset(AXES)


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

    def before(self, index: int) -> Mention | None:
        """Its last mention that ends at or before token `index`."""
        return max(
            (mention for mention in self.mentions if mention.last <= index), key=lambda mention: mention.last, default=None
        )

    def holding(self, first: int, last: int) -> Mention | None:
        return next((mention for mention in self.mentions if mention.first <= first and last <= mention.last), None)

    def has_mark(self, reading: Reading, name: str) -> bool:
        return any(reading.has(name, index) for mention in self.mentions for index in range(mention.first, mention.last))


def make_cast(groups: Groups) -> list[Person]:
    people: dict[int, Person] = {}
    roots = {groups.find(index) for index, mention in enumerate(groups.mentions) if mention.kind != "body"}
    for root in sorted(roots):
        members = [index for index in groups.members(root) if groups.mentions[index].kind != "body"]
        lead = _lead(groups, members)
        if lead is not None:
            people[root] = Person(lead, [groups.mentions[index] for index in members if _belongs(groups.mentions[index])])
    for group, parts in groups.parts.items():
        if groups.find(group) in people:
            people[groups.find(group)].parts = [people[groups.find(part)] for part in parts if groups.find(part) in people]
    return sorted(people.values(), key=lambda person: person.lead.head)


def hand_down(cast: Sequence[Person]) -> list[Person]:
    """What is said of an announced group holds for each of its parts; the group itself is not drawn beside them."""
    for person in cast:
        for part in person.parts:
            part.findings += [each for each in person.findings if each.reason != "pair"]
    return [person for person in cast if not person.parts]


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


def nearest(cast: Sequence[Person], reading: Reading, first: int) -> list[Person]:
    """Whom free-standing words at token `first` describe: the last one spoken of, in this sentence if any, else the next."""
    if len(cast) < 2:
        return list(cast)
    sentence = reading.tokens.sentence
    before = [(mention.last, person) for person in cast if (mention := person.before(first))]
    same = [pair for pair in before if sentence[pair[0] - 1] == sentence[first]]
    if same or before:
        return [max(same or before, key=lambda pair: pair[0])[1]]
    return [min(cast, key=lambda person: person.lead.first)]


def pairs(cast: Sequence[Person]) -> Iterator[tuple[Person, Mention]]:
    return ((person, mention) for person in cast for mention in person.mentions)
