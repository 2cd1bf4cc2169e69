"""The frozen types that flow: Prompt -> Analysis -> Plan -> Decision.

Each result holds the one before it, so "why" is a walk back. Offsets are half-open code points of the prompt's text.
This room holds data only: no rule, no language, no I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Axis = Literal["gender", "ethnicity", "age"]
Reason = Literal[
    "explicit",
    "nationality",
    "named",
    "deictic",
    "period",
    "culture",
    "role",
    "cue",
    "religion",
    "pair",
    "nonhuman",
    "sensitive",
    "user",
]
Scope = Literal["subject", "scene"]
Count = Literal["one", "few", "many"]
Outcome = Literal["rewritten", "unchanged", "shadow", "bypass", "opted_out"]
# What an operator should know of a request beside its decision: a picture was sent along; the request is signed and can't be
# changed; the image API's own rewriter is on, or was switched off; the original was sent after a refusal.
Remark = Literal["input_image", "signed", "upstream_rewriter_on", "upstream_rewriter_off", "original_after_refusal"]

AXES: tuple[Axis, ...] = ("gender", "ethnicity", "age")
MAX_IMAGES = 10


@dataclass(frozen=True, slots=True, order=True)
class Span:
    start: int
    end: int

    def holds(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    def meets(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What was asked for. `id` becomes the decision's id; `seed` fixes every draw."""

    text: str
    images: int = 1
    seed: int = 0
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen, never what to do. `states` gives the value where the words name one."""

    span: Span
    reason: Reason
    rule: str
    axes: frozenset[Axis]
    scope: Scope = "subject"
    states: Mapping[Axis, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words that look like a person or a demographic and are not: `kind` is collocation, source, quoted, body, ..."""

    span: Span
    kind: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody to be drawn. `number` is None where the words leave it open ("a crowd").

    `slots` says where in the text a word for an axis goes; `kin_of` is the place of the subject whose ethnicity is drawn
    for both; `article` is the "a" or "an" whose form hangs on the word after it.
    """

    span: Span
    head: Span
    count: Count
    number: int | None
    findings: tuple[Finding, ...]
    shares: frozenset[Axis] = frozenset()
    slots: Mapping[Axis, int] = field(default_factory=dict)
    article: Span | None = None
    is_collective: bool = False
    kin_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    prompt: Prompt
    subjects: tuple[Subject, ...]
    notes: tuple[Note, ...]
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """An axis of a subject; open where nothing closes it. `on_trial` holds what would close it, but is only watched."""

    subject: Subject
    axis: Axis
    closed_by: tuple[Finding, ...]
    on_trial: tuple[Finding, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.closed_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    analysis: Analysis
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One ruling's values in one image: one value a person, or the single value `range` for an uncounted group."""

    ruling: Ruling
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `span` (empty for an insertion) by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`draws`, `edits` and `texts` hold one entry an image; all three are empty where nothing was varied."""

    id: str
    revision: str
    outcome: Outcome
    plan: Plan
    draws: tuple[tuple[Draw, ...], ...] = ()
    edits: tuple[tuple[Edit, ...], ...] = ()
    texts: tuple[str, ...] = ()
    replaced: bool = False
    remarks: tuple[Remark, ...] = ()
    overhead_ms: float = 0.0
