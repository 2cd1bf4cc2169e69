"""Old rules, new rules and prompts in; the decisions that would differ, by the rule behind each, out. Writes and logs nothing.

The prompts are the examples of both folders and, where they may be kept, those of recent decisions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.casebook import Case, faults_of, head_of, heading_rules, rule_cases, rules_met
from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt, Ruling
from evenhand.rules.load import LoadedRules
from evenhand.rules.ruleset import Place, Ruleset

MOST_SHOWN = 50
NO_RULE = "(policy or wording)"
Slot = tuple[int, int, str]
Shown = Callable[[Place | None], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A prompt to compare; `place` tells where an example stands, None for a prompt seen in traffic."""

    text: str
    seed: int = 0
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisChange:
    """`before` and `after` are "open", "nobody" or the reasons that close the axis, with their rules where only these differ."""

    head: str
    axis: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    question: Question
    axes: tuple[AxisChange, ...]
    rules: tuple[str, ...]
    before: Decision
    after: Decision


def questions_of(folders: Iterable[LoadedRules], recent: Iterable[str]) -> list[Question]:
    """Each text once; an example is named by the place it has in the last folder that holds it."""
    found: dict[str, Question] = {}
    for case in (case for loaded in folders for case in rule_cases(loaded)):
        found[case.example.say] = Question(text=case.example.say, seed=case.example.seed or 0, place=case.place)
    for text in recent:
        found.setdefault(text, Question(text=text))
    return list(found.values())


def compare(questions: Iterable[Question], old: Engine, new: Engine) -> Iterator[Change]:
    for question in questions:
        prompt = Prompt(text=question.text, seed=question.seed)
        before, after = old.decide(prompt), new.decide(prompt)
        axes = tuple(_differing(before, after))
        if axes or (before.outcome, before.texts) != (after.outcome, after.texts):
            rules = _behind(before, after, (old.rules, new.rules))
            yield Change(question=question, axes=axes, rules=rules, before=before, after=after)


def _differing(before: Decision, after: Decision) -> Iterator[AxisChange]:
    old, new = _by_place(before), _by_place(after)
    for place in sorted(old.keys() | new.keys()):
        was, now = old.get(place), new.get(place)
        if _grounds(was) != _grounds(now):
            head = head_of(before, was.subject) if was else head_of(after, now.subject) if now else ""
            plain = _state(was), _state(now)
            before_after = plain if plain[0] != plain[1] else (_state(was, with_rules=True), _state(now, with_rules=True))
            yield AxisChange(head=head, axis=place[2], before=before_after[0], after=before_after[1])


def _by_place(decision: Decision) -> dict[Slot, Ruling]:
    return {(ruling.subject.head.start, ruling.subject.head.end, ruling.axis): ruling for ruling in decision.plan.rulings}


def _grounds(ruling: Ruling | None) -> frozenset[tuple[str, str]] | None:
    return None if ruling is None else frozenset((finding.reason, finding.rule) for finding in ruling.closed_by)


def _state(ruling: Ruling | None, *, with_rules: bool = False) -> str:
    if ruling is None:
        return "nobody"
    said = {f"{finding.reason} by {finding.rule}" if with_rules else finding.reason for finding in ruling.closed_by}
    return ", ".join(sorted(said)) or "open"


def _behind(before: Decision, after: Decision, rules: Sequence[Ruleset]) -> tuple[str, ...]:
    """The rules that decide on one side only; where none does, those that hold the words of a person found or lost."""
    met = rules_met(before) ^ rules_met(after)
    if not met:
        heads = _heads(before) ^ _heads(after)
        met = frozenset(rule for head in heads for ruleset in rules for rule in heading_rules(head, ruleset))
    return tuple(sorted(met)) or (NO_RULE,)


def _heads(decision: Decision) -> set[str]:
    return {head_of(decision, subject) for subject in decision.plan.analysis.subjects}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An example that would not hold; `is_new` where it holds under the rules in service."""

    case: Case
    faults: tuple[str, ...]
    is_new: bool


def failures(loaded: LoadedRules, old: Engine, new: Engine) -> list[Failure]:
    """The new ones first."""
    judged = ((case, _faults(case, new)) for case in rule_cases(loaded))
    found = [Failure(case=case, faults=faults, is_new=not _faults(case, old)) for case, faults in judged if faults]
    return sorted(found, key=lambda failure: not failure.is_new)


def _faults(case: Case, engine: Engine) -> tuple[str, ...]:
    decision = engine.decide(Prompt(text=case.example.say, seed=case.example.seed or 0))
    return tuple(str(fault) for fault in faults_of(case.example, decision, engine.rules.places))


def grouped(changes: Sequence[Change], places: Mapping[str, Place], shown: Shown) -> list[dict[str, Any]]:
    """One group a rule, the largest first; a change with several rules stands in each of their groups."""
    by_rule: dict[str, list[Change]] = {}
    for change in changes:
        for rule in change.rules:
            by_rule.setdefault(rule, []).append(change)
    order = sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        {
            "rule": rule,
            "place": shown(places.get(rule)),
            "count": len(group),
            "changes": [change_data(change, shown) for change in group[:MOST_SHOWN]],
        }
        for rule, group in order
    ]


def change_data(change: Change, shown: Shown) -> dict[str, Any]:
    return {
        "prompt": change.question.text,
        "place": shown(change.question.place),
        "axes": [{"head": it.head, "axis": it.axis, "before": it.before, "after": it.after} for it in change.axes],
        "before": change.before.texts[0] if change.before.texts else None,
        "after": change.after.texts[0] if change.after.texts else None,
    }
