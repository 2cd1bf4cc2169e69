"""Decision in, plain data out: the one wire form that /rewrite, the decision log, explain and batch speak (DESIGN.md)."""

from collections.abc import Mapping, Sequence
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
    on_trial: NotRequired[list[ClosedBy]]


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
    overhead_ms: NotRequired[float]
    row: NotRequired[int]
    input: NotRequired[dict[str, object]]
    ref: NotRequired[str]
    replaced: NotRequired[bool]
    remarks: NotRequired[list[str]]


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
        subjects=_subjects(decision, rules),
        edits=[[_edit(edit) for edit in edits] for edits in decision.edits],
        notes=[_note(note, prompt.text) for note in analysis.notes],
        overhead_ms=round(decision.overhead_ms, 3),
    )
    if decision.replaced:
        out["replaced"] = True
    if decision.remarks:
        out["remarks"] = list(decision.remarks)
    if ref is not None:
        out["ref"] = ref
    return out


def _subjects(decision: Decision, rules: Ruleset) -> list[SubjectRecord]:
    rulings: dict[int, list[Ruling]] = {}
    for ruling in decision.plan.rulings:
        rulings.setdefault(id(ruling.subject), []).append(ruling)
    drawn: dict[int, list[Draw]] = {}
    for draw in (draw for draws in decision.draws for draw in draws):
        drawn.setdefault(id(draw.ruling), []).append(draw)
    analysis = decision.plan.analysis
    return [_subject(each, rulings.get(id(each), []), drawn, analysis.prompt.text, rules) for each in analysis.subjects]


def _subject(
    subject: Subject, rulings: Sequence[Ruling], drawn: Mapping[int, Sequence[Draw]], text: str, rules: Ruleset
) -> SubjectRecord:
    return SubjectRecord(
        text=text[subject.span.start : subject.span.end],
        start=subject.span.start,
        end=subject.span.end,
        head=HeadRecord(text=text[subject.head.start : subject.head.end], start=subject.head.start, end=subject.head.end),
        count=subject.count,
        number=subject.number,
        axes={ruling.axis: _axis(ruling, drawn.get(id(ruling), ()), text, rules) for ruling in rulings},
    )


def _axis(ruling: Ruling, drawn: Sequence[Draw], text: str, rules: Ruleset) -> AxisRecord:
    out = AxisRecord(
        state="open" if ruling.is_open else "closed",
        closed_by=[_closed_by(finding, ruling.axis, text, rules) for finding in ruling.closed_by],
        drawn=[_drawn(draw, ruling.subject) for draw in drawn],
    )
    if ruling.on_trial:
        out["on_trial"] = [_closed_by(finding, ruling.axis, text, rules) for finding in ruling.on_trial]
    return out


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
