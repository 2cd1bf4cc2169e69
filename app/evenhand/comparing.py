"""Prompts and two engines come in; which decisions differ, and by which rules, goes out. Holds counts and a few examples only.

Both decide every prompt with the same seed, so that a rewrite differs only where a rule, a share or a wording does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from evenhand.asked import Asked
from evenhand.casebook import heading_rules, with_place
from evenhand.engine import Engine
from evenhand.flow import Axis, Decision, Ruling, Span, Subject
from evenhand.rules.ruleset import Ruleset

Kind = Literal["opened", "closed", "appeared", "vanished", "drawn"]
KINDS: tuple[Kind, ...] = ("opened", "closed", "appeared", "vanished", "drawn")
NO_RULE = "policy and wording"
BY_MODEL = "the language model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one axis of one person, or (without axis) of a person or of a rewrite; `rules` brought it about."""

    kind: Kind
    head: str
    axis: Axis | None
    rules: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A prompt that is decided otherwise; texts are what would be sent, the prompt itself where nothing is varied."""

    asked: Asked
    changes: tuple[Change, ...]
    before: str
    after: str


@dataclass(slots=True, kw_only=True)
class Group:
    """All changes that one rule brought about. `prompts` counts repetitions; `examples` are the first few."""

    rule: str
    prompts: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict)
    examples: list[Changed] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Part:
    """The outcome for some of the prompts. `reasoned` counts those that are decided alike for other reasons."""

    prompts: int = 0
    changed: int = 0
    reasoned: int = 0
    by_rule: dict[str, Group] = field(default_factory=dict)

    @property
    def groups(self) -> list[Group]:
        return sorted(self.by_rule.values(), key=lambda group: (-group.prompts, group.rule))

    def add(self, more: "Part", *, show: int) -> None:
        self.prompts += more.prompts
        self.changed += more.changed
        self.reasoned += more.reasoned
        for rule, other in more.by_rule.items():
            group = self.by_rule.setdefault(rule, Group(rule=rule))
            group.prompts += other.prompts
            group.examples = [*group.examples, *other.examples][:show]
            for kind, times in other.kinds.items():
                group.kinds[kind] = group.kinds.get(kind, 0) + times


@dataclass(slots=True, kw_only=True)
class Comparison(Part):
    old: Ruleset
    new: Ruleset

    def standing(self, rule: str) -> str:
        """Where the rule stands and which of the two has it."""
        if rule in (NO_RULE, BY_MODEL):
            return rule
        is_old, is_new = rule in self.old.places, rule in self.new.places
        only = "" if is_old == is_new else ", only in OLD" if is_old else ", only in NEW"
        return with_place(rule, self.new.places if is_new else self.old.places) + only


def compare(asked: Iterable[Asked], old: Engine, new: Engine, *, show: int = 3) -> Part:
    """`show` is how many prompts each rule keeps as examples."""
    found = Part()
    for each in asked:
        before, after = old.decide(each.prompt), new.decide(each.prompt)
        changes = tuple(changes_of(before, after, old.rules, new.rules))
        found.prompts += each.times
        if changes:
            found.changed += each.times
            sent = _sent(before, after)
            changed = Changed(asked=each, changes=changes, before=sent[0], after=sent[1])
            _note(found.by_rule, changed, show)
        elif _reasons(before) != _reasons(after):
            found.reasoned += each.times
    return found


def _note(groups: dict[str, Group], changed: Changed, show: int) -> None:
    for rule in dict.fromkeys(rule for change in changed.changes for rule in change.rules):
        group = groups.setdefault(rule, Group(rule=rule))
        group.prompts += changed.asked.times
        for kind in dict.fromkeys(change.kind for change in changed.changes if rule in change.rules):
            group.kinds[kind] = group.kinds.get(kind, 0) + changed.asked.times
        if len(group.examples) < show:
            group.examples.append(changed)


def changes_of(before: Decision, after: Decision, old: Ruleset, new: Ruleset) -> Iterator[Change]:
    """Persons are the same where their head words are."""
    olds, news = _people(before), _people(after)
    found = False
    for head in sorted(olds.keys() | news.keys()):
        for change in _person_changes(head, (before, olds.get(head), old), (after, news.get(head), new)):
            found = True
            yield change
    if not found and before.texts != after.texts:
        sent = _sent(before, after)
        yield Change(kind="drawn", head="", axis=None, rules=(NO_RULE,), before=sent[0], after=sent[1])


Side = tuple[Decision, Subject | None, Ruleset]


def _person_changes(head: Span, one: Side, other: Side) -> Iterator[Change]:
    text = one[0].plan.analysis.prompt.text[head.start : head.end]
    if one[1] is None or other[1] is None:
        kind: Kind = "appeared" if one[1] is None else "vanished"
        there, gone = (other, one) if one[1] is None else (one, other)
        rules = _notes_at(head, gone[0]) or heading_rules(text, there[2]) or heading_rules(text, gone[2]) or (BY_MODEL,)
        states = {True: "nobody to be drawn", False: "somebody to be drawn"}
        yield Change(kind=kind, head=text, axis=None, rules=rules, before=states[one[1] is None], after=states[other[1] is None])
        return
    olds, news = _axes(one[0], one[1]), _axes(other[0], other[1])
    for axis in sorted(olds.keys() | news.keys()):
        yield from _axis_changes(text, axis, olds.get(axis), news.get(axis))


def _axis_changes(head: str, axis: Axis, old: Ruling | None, new: Ruling | None) -> Iterator[Change]:
    was_open, is_open = old is not None and old.is_open, new is not None and new.is_open
    if was_open == is_open:
        return
    closing = old if is_open else new
    rules = tuple(dict.fromkeys(finding.rule for finding in closing.closed_by)) if closing else ()
    yield Change(
        kind="opened" if is_open else "closed",
        head=head,
        axis=axis,
        rules=rules or (NO_RULE,),
        before=_state(old),
        after=_state(new),
    )


def _people(decision: Decision) -> Mapping[Span, Subject]:
    return {subject.head: subject for subject in decision.plan.analysis.subjects}


def _axes(decision: Decision, subject: Subject) -> dict[Axis, Ruling]:
    return {ruling.axis: ruling for ruling in decision.plan.rulings if ruling.subject is subject}


def _notes_at(head: Span, decision: Decision) -> tuple[str, ...]:
    notes = [note for note in decision.plan.analysis.notes if note.span.meets(head) and note.rule]
    return tuple(dict.fromkeys(note.rule for note in notes))


def _state(ruling: Ruling | None) -> str:
    if ruling is None:
        return "not varied by the policy"
    if ruling.is_open:
        return "open"
    return "closed by " + ", ".join(dict.fromkeys(finding.rule for finding in ruling.closed_by))


def _sent(before: Decision, after: Decision) -> tuple[str, str]:
    """What each would send for the first image that differs."""
    text = before.plan.analysis.prompt.text
    pairs = list(zip_longest(before.texts or (text,), after.texts or (text,), fillvalue=text))
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])


def _reasons(decision: Decision) -> set[tuple[Span, Axis, str]]:
    return {(ruling.subject.head, ruling.axis, each.rule) for ruling in decision.plan.rulings for each in ruling.closed_by}
