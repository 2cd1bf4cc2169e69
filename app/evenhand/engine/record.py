"""Decision in, plain data out: the one wire form that /rewrite, the decision log, explain and batch speak (DESIGN.md)."""

from typing import NotRequired

from typing_extensions import TypedDict

from evenhand.flow import Axis, Decision, Draw, Edit, Finding, Note, Ruling, Subject
from evenhand.rules.ruleset import Ruleset


class HeadRecord(TypedDict):
    text: str
    start: int
    end: int


class ClosedBy(TypedDict):
    reason: str
    rule: str
    text: str
    start: int
    end: int
    why: str


class AxisRecord(TypedDict):
    state: str
    closed_by: list[ClosedBy]
    drawn: list[str | list[str]]


class SubjectRecord(TypedDict):
    text: str
    start: int
    end: int
    head: HeadRecord
    count: str
    number: int | None
    axes: dict[str, AxisRecord]


class EditRecord(TypedDict):
    start: int
    end: int
    text: str


class NoteRecord(TypedDict):
    kind: str
    rule: str
    text: str
    start: int
    end: int


class DecisionRecord(TypedDict):
    """`drawn`, `rewrites` and `edits` have one entry an image and are empty where nothing was varied."""

    id: str
    revision: str
    outcome: str
    language: str
    seed: int
    prompt: str
    rewrites: list[str]
    subjects: list[SubjectRecord]
    edits: list[list[EditRecord]]
    notes: list[NoteRecord]
    overhead_ms: float
    ref: NotRequired[str]
    replaced: NotRequired[bool]


def record(decision: Decision, rules: Ruleset, *, ref: str | None = None) -> DecisionRecord:
    analysis = decision.plan.analysis
    prompt = analysis.prompt
    out = DecisionRecord(
        id=decision.id,
        revision=decision.revision,
        outcome=decision.outcome,
        language=analysis.language,
        seed=prompt.seed,
        prompt=prompt.text,
        rewrites=list(decision.texts),
        subjects=[_subject(subject, decision, rules) for subject in analysis.subjects],
        edits=[[_edit(edit) for edit in edits] for edits in decision.edits],
        notes=[_note(note, prompt.text) for note in analysis.notes],
        overhead_ms=round(decision.overhead_ms, 3),
    )
    if decision.replaced:
        out["replaced"] = True
    if ref is not None:
        out["ref"] = ref
    return out


def _subject(subject: Subject, decision: Decision, rules: Ruleset) -> SubjectRecord:
    text = decision.plan.analysis.prompt.text
    rulings = [ruling for ruling in decision.plan.rulings if ruling.subject is subject]
    return SubjectRecord(
        text=text[subject.span.start : subject.span.end],
        start=subject.span.start,
        end=subject.span.end,
        head=HeadRecord(text=text[subject.head.start : subject.head.end], start=subject.head.start, end=subject.head.end),
        count=subject.count,
        number=subject.number,
        axes={ruling.axis: _axis(ruling, decision, rules) for ruling in rulings},
    )


def _axis(ruling: Ruling, decision: Decision, rules: Ruleset) -> AxisRecord:
    text = decision.plan.analysis.prompt.text
    drawn = [_drawn(draw, ruling.subject) for draws in decision.draws for draw in draws if draw.ruling is ruling]
    return AxisRecord(
        state="open" if ruling.is_open else "closed",
        closed_by=[_closed_by(finding, ruling.axis, text, rules) for finding in ruling.closed_by],
        drawn=drawn,
    )


def _drawn(draw: Draw, subject: Subject) -> str | list[str]:
    return list(draw.values) if (subject.number or 1) > 1 and len(draw.values) > 1 else draw.values[0]


def _closed_by(finding: Finding, axis: Axis, text: str, rules: Ruleset) -> ClosedBy:
    return ClosedBy(
        reason=finding.reason,
        rule=finding.rule,
        text=text[finding.span.start : finding.span.end],
        start=finding.span.start,
        end=finding.span.end,
        why=rules.why.get(finding.rule, ""),
    )


def _edit(edit: Edit) -> EditRecord:
    return EditRecord(start=edit.span.start, end=edit.span.end, text=edit.text)


def _note(note: Note, text: str) -> NoteRecord:
    return NoteRecord(
        kind=note.kind, rule=note.rule, text=text[note.span.start : note.span.end], start=note.span.start, end=note.span.end
    )
