"""Examples of rules and case files come in; for each, what was wanted, what came, and which rules decided it, goes out.

The engine is run for real on every case. This room reads case files and never prints.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evenhand.checking import check
from evenhand.engine import Engine
from evenhand.errors import Problem, RuleError
from evenhand.flow import Axis, Decision, Prompt, Ruling, Subject
from evenhand.rules.compile import canonical_phrase
from evenhand.rules.load import LoadedRules
from evenhand.rules.ruleset import Entry, Place, Ruleset
from evenhand.rules.schema import Example, Strict
from evenhand.source import read
from evenhand.text import normalize


class CaseFile(Strict):
    topic: str = ""
    cases: list[Example]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`topic` is kind/id of the rule whose example it is, or what the case file says."""

    example: Example
    topic: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as wanted, in a sentence, and the rules behind it with their places."""

    wanted: str
    got: str
    because: tuple[str, ...] = ()

    def __str__(self) -> str:
        behind = f"; {'; '.join(self.because)}" if self.because else ""
        return f"wanted {self.wanted}, got {self.got}{behind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    case: Case
    decision: Decision
    faults: tuple[Fault, ...]

    @property
    def passed(self) -> bool:
        return not self.faults


def rule_cases(loaded: LoadedRules) -> list[Case]:
    """The examples of every rule that the policy has not switched off, in file order."""
    cases: list[Case] = []
    for rule in loaded.rules:
        name = f"{rule.kind}/{rule.rule.id}"
        if name not in loaded.policy.disable:
            cases += _cases(name, rule.rule.examples, rule.example_places)
    for wording in loaded.wording:
        cases += _cases(f"wording/{wording.rule.id}", wording.rule.examples, wording.example_places)
    return sorted(cases, key=lambda case: case.place)


def _cases(topic: str, examples: Sequence[Example], places: Sequence[Place]) -> Iterator[Case]:
    for example, place in zip(examples, places, strict=True):
        yield Case(example=example, topic=topic, place=place)


def file_cases(paths: Iterable[Path]) -> list[Case]:
    """Files, or folders of *.yaml. Raises RuleError with every problem."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in paths:
        found = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        for file in found:
            more, wrong = _read_cases(file)
            cases += more
            problems += wrong
    if problems:
        raise RuleError(problems)
    return cases


def _read_cases(file: Path) -> tuple[list[Case], list[Problem]]:
    try:
        documents, problems = read(file.read_bytes(), str(file))
    except OSError as error:
        return [], [Problem(str(file), 1, 1, f"'{file}' can't be read: {error.strerror}; name a case file or a folder of them")]
    cases: list[Case] = []
    for document in documents:
        checked, wrong = check(document, CaseFile, document.root)
        problems += wrong
        if checked:
            places = (document.mark("cases", index) for index in range(len(checked.cases)))
            cases += _cases(checked.topic, checked.cases, [Place(str(file), mark.line, mark.column) for mark in places])
    return cases, problems


def run_cases(cases: Iterable[Case], engine: Engine, rules: Ruleset) -> Iterator[Result]:
    for case in cases:
        example = case.example
        decision = engine.decide(Prompt(text=example.say, seed=example.seed or 0, id=str(case.place)))
        yield Result(case=case, decision=decision, faults=tuple(faults_of(example, decision, rules.places)))


def faults_of(example: Example, decision: Decision, places: Mapping[str, Place]) -> Iterator[Fault]:
    varied = _varied(decision)
    anywhere = {axis for _, axis in varied}
    if example.vary is not None and anywhere != set(example.vary):
        odd = anywhere ^ set(example.vary)
        yield Fault(wanted=f"vary {_shown(example.vary)}", got=_shown(anywhere), because=_grounds(decision, odd, places))
    if example.leave is not None:
        touched = anywhere if example.leave == "all" else anywhere & set(example.leave)
        if touched:
            wanted = "nothing varied" if example.leave == "all" else f"{_shown(example.leave)} left"
            yield Fault(wanted=wanted, got=f"{_shown(touched)} varied", because=_grounds(decision, touched, places))
    for head, axes in (example.subjects or {}).items():
        yield from _subject_faults(head, set(axes), decision, places)
    yield from _rule_faults(example.because, decision, places)
    if example.becomes is not None:
        text = decision.texts[0] if decision.texts else decision.plan.analysis.prompt.text
        if text != example.becomes:
            yield Fault(wanted=f"the rewrite {example.becomes!r}", got=repr(text))


def _subject_faults(head: str, wanted: set[Axis], decision: Decision, places: Mapping[str, Place]) -> Iterator[Fault]:
    subjects = [subject for subject in decision.plan.analysis.subjects if _is_head(head, head_of(decision, subject))]
    got = {axis for subject, axis in _varied(decision) if subject in subjects}
    if got == wanted:
        return
    if not subjects:
        heads = [head_of(decision, subject) for subject in decision.plan.analysis.subjects]
        yield Fault(wanted=f"'{head}': {_shown(wanted)}", got=f"no such subject; found: {', '.join(heads) or 'none'}")
        return
    because = _grounds(decision, got ^ wanted, places, only=subjects)
    yield Fault(wanted=f"'{head}': {_shown(wanted)}", got=_shown(got), because=because)


def _rule_faults(wanted: Sequence[str], decision: Decision, places: Mapping[str, Place]) -> Iterator[Fault]:
    met = rules_met(decision)
    missing = [name for name in wanted if name not in met]
    if missing:
        shown = ", ".join(with_place(name, places) for name in sorted(met)) or "no rule"
        yield Fault(wanted=f"because of {', '.join(missing)}", got=shown)


def rules_met(decision: Decision) -> frozenset[str]:
    """The rules that closed an axis of a subject or left a note."""
    closing = {finding.rule for ruling in decision.plan.rulings for finding in ruling.closed_by}
    return frozenset(closing | {note.rule for note in decision.plan.analysis.notes})


_NOBODY = frozenset({"bodies", "things", "words", "styles", "collocations"})
_ALONE = frozenset({"tag", "emoji"})


def heading_rules(head: str, rules: Ruleset) -> tuple[str, ...]:
    """The rules that hold these very words as a noun, name, tag or emoji of a person."""
    line = canonical_phrase(head)
    entries = [entry for _, (length, found) in rules.phrases.iter(line) if length == len(line) for entry in found]
    return tuple(sorted({entry.rule for entry in entries if _is_person(entry)}))


def _is_person(entry: Entry) -> bool:
    stands = entry.number is not None or entry.kind == "people" or bool(entry.flags & _ALONE)
    return stands and entry.kind not in _NOBODY


SILENT_KINDS = frozenset({"styles", "words"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """`untested` rules, by file and line, closed nothing, left no note and headed no person in any case."""

    rules: int
    untested: Mapping[str, Place]

    @property
    def share(self) -> float:
        return 1 - len(self.untested) / self.rules if self.rules else 1.0


def coverage_of(loaded: LoadedRules, results: Iterable[Result], rules: Ruleset) -> Coverage:
    """Grammar and style words are left out: decisions do not name them, so no case can show their work."""
    met: set[str] = set()
    for decision in (result.decision for result in results):
        met |= rules_met(decision)
        met.update(*(heading_rules(head_of(decision, subject), rules) for subject in decision.plan.analysis.subjects))
    names = {f"{rule.kind}/{rule.rule.id}": rule.place for rule in loaded.rules if rule.kind not in SILENT_KINDS}
    live = {name: place for name, place in names.items() if name not in loaded.policy.disable}
    untested = {name: place for name, place in live.items() if name not in met}
    return Coverage(rules=len(live), untested=dict(sorted(untested.items(), key=lambda item: item[1])))


def _varied(decision: Decision) -> list[tuple[Subject, Axis]]:
    drawn = decision.draws[0] if decision.draws else ()
    return [(draw.ruling.subject, draw.ruling.axis) for draw in drawn]


def _grounds(
    decision: Decision, axes: set[Axis], places: Mapping[str, Place], *, only: Sequence[Subject] | None = None
) -> tuple[str, ...]:
    """Why each of these axes is as it is, subject by subject."""
    varied = _varied(decision)
    chosen = [ruling for ruling in decision.plan.rulings if ruling.axis in axes and (only is None or ruling.subject in only)]
    grounds = [ground(decision, ruling, (ruling.subject, ruling.axis) in varied, places) for ruling in chosen]
    if not decision.plan.analysis.subjects:
        notes = ", ".join(with_place(note.rule, places) for note in decision.plan.analysis.notes if note.rule)
        grounds.append("no subject was found" + (f" (notes: {notes})" if notes else ""))
    return tuple(dict.fromkeys(grounds))


def ground(decision: Decision, ruling: Ruling, is_varied: bool, places: Mapping[str, Place]) -> str:
    """Why an axis of a subject is as it is, with the rules that closed it."""
    name = f"'{head_of(decision, ruling.subject)}' {ruling.axis}"
    if is_varied:
        return f"{name} is varied"
    if ruling.is_open:
        return f"{name} is open but was not varied"
    text = decision.plan.analysis.prompt.text
    found = [
        f"{finding.reason} {text[finding.span.start : finding.span.end]!r} by {with_place(finding.rule, places)}"
        for finding in ruling.closed_by
    ]
    return f"{name} is closed: {', '.join(found)}"


def with_place(rule: str, places: Mapping[str, Place]) -> str:
    return f"{rule} ({places[rule]})" if rule in places else rule


def head_of(decision: Decision, subject: Subject) -> str:
    return decision.plan.analysis.prompt.text[subject.head.start : subject.head.end]


def _is_head(wanted: str, head: str) -> bool:
    """ "attendant" means "flight attendant" too."""
    one, other = normalize(wanted), normalize(head)
    return one == other or other.endswith(f" {one}") or one.endswith(f" {other}")


def _shown(axes: Iterable[str]) -> str:
    return ", ".join(sorted(axes)) or "nothing"
