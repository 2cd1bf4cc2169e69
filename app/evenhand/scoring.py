"""Labelled prompts and an Engine come in; harm, idle, served and mangled go out, with every error and the rules behind it.

Harm is the worst error and counts prompts: something closed, or no subject at all, was varied. Idle counts people-axes that were
open and left alone. An axis labelled "either" never counts. Prints nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evenhand.casebook import ground, head_of, heading_rules, with_place
from evenhand.engine import Engine
from evenhand.flow import AXES, Axis, Decision, Prompt, Span, Subject
from evenhand.gold import Gold, GoldSubject
from evenhand.rules.ruleset import Ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAxis:
    """`label` is "" where something was varied that is no subject at all; `because` is filled for errors."""

    head: str
    axis: Axis
    label: str
    varied: bool
    because: tuple[str, ...] = ()

    @property
    def is_harm(self) -> bool:
        return self.varied and self.label != "open"

    @property
    def is_idle(self) -> bool:
        return self.label == "open" and not self.varied

    def __str__(self) -> str:
        done = "varied" if self.varied else "left"
        return f"'{self.head}' {self.axis} was {done}, and it is {self.label or 'no subject'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One prompt: what was done on every axis that counts."""

    gold: Gold
    decision: Decision
    axes: tuple[JudgedAxis, ...]
    is_mangled: bool

    @property
    def harms(self) -> tuple[JudgedAxis, ...]:
        return tuple(axis for axis in self.axes if axis.is_harm)

    @property
    def idles(self) -> tuple[JudgedAxis, ...]:
        return tuple(axis for axis in self.axes if axis.is_idle)

    @property
    def is_wrong(self) -> bool:
        return bool(self.harms or self.idles or self.is_mangled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Of `axes` people-axes `varied` were varied."""

    axes: int
    varied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`harm`, `idle` and `served` are shares from 0 to 1; a share of nothing is 0, as `served` of no open prompt is."""

    path: str
    judged: tuple[Judged, ...]

    @property
    def harm(self) -> float:
        return _share(sum(bool(each.harms) for each in self.judged), len(self.judged))

    @property
    def idle(self) -> float:
        return _share(self.open.axes - self.open.varied, self.open.axes)

    @property
    def served(self) -> float:
        asking = [each for each in self.judged if any(axis.label == "open" for axis in each.axes)]
        return _share(sum(not each.idles for each in asking), len(asking))

    @property
    def mangled(self) -> int:
        return sum(each.is_mangled for each in self.judged)

    @property
    def open(self) -> Tally:
        return self.by_label.get("open", Tally(axes=0, varied=0))

    @property
    def closed(self) -> Tally:
        tallies = [tally for label, tally in self.by_label.items() if label not in ("open", "")]
        return Tally(axes=sum(tally.axes for tally in tallies), varied=sum(tally.varied for tally in tallies))

    @property
    def by_label(self) -> Mapping[str, Tally]:
        """ "open", the closing reasons, and "" for what was varied though it is no subject."""
        labels = sorted({axis.label for each in self.judged for axis in each.axes})
        return {label: self._tally(label) for label in labels}

    def _tally(self, label: str) -> Tally:
        found = [axis.varied for each in self.judged for axis in each.axes if axis.label == label]
        return Tally(axes=len(found), varied=sum(found))

    @property
    def errors(self) -> tuple[Judged, ...]:
        """Harm first, then mangled, then idle; in file order within each."""
        wrong = (each for each in self.judged if each.is_wrong)
        return tuple(sorted(wrong, key=lambda each: (not each.harms, not each.is_mangled)))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def score_of(path: str, golds: Iterable[Gold], engine: Engine, *, seed: int = 0) -> Score:
    return Score(path=path, judged=tuple(_decided(golds, engine, seed)))


def _decided(golds: Iterable[Gold], engine: Engine, seed: int) -> Iterator[Judged]:
    for gold in golds:
        yield judge(gold, engine.decide(Prompt(text=gold.row.prompt, seed=seed, id=gold.row.id)), engine.rules)


def judge(gold: Gold, decision: Decision, rules: Ruleset) -> Judged:
    found = decision.plan.analysis.subjects
    pairs = matched([subject.span for subject in gold.row.subjects], found)
    axes = [each for g, subject in enumerate(gold.row.subjects) for each in _labelled(subject, pairs.get(g), decision, rules)]
    paired = {id(subject) for subject in pairs.values()}
    axes += [each for subject in found if id(subject) not in paired for each in _phantom(subject, decision, rules)]
    return Judged(gold=gold, decision=decision, axes=tuple(axes), is_mangled=is_mangled(decision))


def matched(heads: Sequence[Span], found: Sequence[Subject]) -> dict[int, Subject]:
    """Index of a labelled head -> the subject found for it: by head first, then by the subject's whole span."""
    pairs: dict[int, Subject] = {}
    free = list(found)
    for by_head in (True, False):
        for index, head in enumerate(heads):
            if index in pairs:
                continue
            subject = next((each for each in free if head.meets(each.head if by_head else each.span)), None)
            if subject is not None:
                pairs[index] = subject
                free = [each for each in free if each is not subject]
    return pairs


def _labelled(gold: GoldSubject, subject: Subject | None, decision: Decision, rules: Ruleset) -> Iterator[JudgedAxis]:
    for axis in AXES:
        label = gold.label(axis)
        if label == "either":
            continue
        varied = subject is not None and axis in _varied(subject, decision)
        judged = JudgedAxis(head=gold.head, axis=axis, label=label, varied=varied)
        if judged.is_harm and subject is not None:
            yield replace(judged, because=_openings(subject, decision, rules))
        elif judged.is_idle:
            yield replace(judged, because=_closings(gold, subject, axis, decision, rules))
        else:
            yield judged


def _phantom(subject: Subject, decision: Decision, rules: Ruleset) -> Iterator[JudgedAxis]:
    head = head_of(decision, subject)
    for axis in sorted(_varied(subject, decision)):
        yield JudgedAxis(head=head, axis=axis, label="", varied=True, because=_openings(subject, decision, rules))


def _varied(subject: Subject, decision: Decision) -> set[Axis]:
    return {draw.ruling.axis for draws in decision.draws for draw in draws if draw.ruling.subject is subject}


def _openings(subject: Subject, decision: Decision, rules: Ruleset) -> tuple[str, ...]:
    """What put the person there, and what was read as something else and so closed nothing."""
    head = head_of(decision, subject)
    heading = ", ".join(with_place(name, rules.places) for name in heading_rules(head, rules)) or "model/person"
    return (f"'{head}' is a person by {heading}", *_notes(decision, rules, Span(0, len(decision.plan.analysis.prompt.text))))


def _closings(gold: GoldSubject, subject: Subject | None, axis: Axis, decision: Decision, rules: Ruleset) -> tuple[str, ...]:
    if subject is None:
        return ("no subject was found here", *_notes(decision, rules, gold.span))
    rulings = [ruling for ruling in decision.plan.rulings if ruling.subject is subject and ruling.axis == axis]
    return tuple(ground(decision, ruling, False, rules.places) for ruling in rulings)


def _notes(decision: Decision, rules: Ruleset, within: Span) -> Iterator[str]:
    text = decision.plan.analysis.prompt.text
    for note in decision.plan.analysis.notes:
        if note.span.meets(within):
            yield f"'{text[note.span.start : note.span.end]}' is noted as {note.kind} by {with_place(note.rule, rules.places)}"


_WORD = re.compile(r"\w+")


def is_mangled(decision: Decision) -> bool:
    """Words of the prompt were lost or reordered, and no noun was narrowed on purpose."""
    wanted = _WORD.findall(decision.plan.analysis.prompt.text.lower())
    return not decision.replaced and not all(_is_within(wanted, _WORD.findall(text.lower())) for text in decision.texts)


def _is_within(words: Sequence[str], longer: Sequence[str]) -> bool:
    rest = iter(longer)
    return all(word in rest for word in words)
