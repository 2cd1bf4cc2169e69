"""Labelled prompts (JSON lines) come in as bytes; checked prompts with their places, or every problem with file and line, go out.

A line is {"id", "prompt", "subjects": [{"head", "start", "end", "gender", "ethnicity"}]}; an axis is "open", "either" (never
counted) or the reason that closes it. Keys beside these are let be. Judges nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from evenhand.errors import Problem, RuleError
from evenhand.flow import Axis, Reason, Span
from evenhand.rules.ruleset import Place

MOST_PROBLEMS = 20
Label = Literal["open", "either", Reason]


class GoldSubject(BaseModel):
    """Offsets are half-open code points of the head word."""

    model_config = ConfigDict(frozen=True)
    head: str
    start: int = Field(ge=0)
    end: int
    count: Literal["one", "few", "many"] = "one"
    gender: Label
    ethnicity: Label
    age: Label = "either"

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    def label(self, axis: Axis) -> Label:
        label: Label = getattr(self, axis)
        return label


class GoldPrompt(BaseModel):
    model_config = ConfigDict(frozen=True)
    id: str
    prompt: str = Field(min_length=1)
    subjects: tuple[GoldSubject, ...]

    @model_validator(mode="after")
    def heads_stand_where_they_say(self) -> "GoldPrompt":
        for subject in self.subjects:
            stands = subject.end <= len(self.prompt) and self.prompt[subject.start : subject.end] == subject.head
            if not (stands and subject.head):
                raise ValueError(f"the head '{subject.head}' does not stand at {subject.start}..{subject.end} of the prompt")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    row: GoldPrompt
    place: Place


def read_gold(path: Path) -> list[Gold]:
    """Raises RuleError with the first problems, each with file and line."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        message = f"'{path}' can't be read: {error.strerror}; name a file with one labelled prompt a line"
        raise RuleError([Problem(str(path), 1, 1, message)]) from None
    rows = [_row(line, str(path), number) for number, line in enumerate(lines, start=1) if line.strip()]
    problems = [row for row in rows if isinstance(row, Problem)]
    if not rows:
        problems.append(Problem(str(path), 1, 1, "the file holds no labelled prompt; write one JSON object a line"))
    if problems:
        raise RuleError(problems[:MOST_PROBLEMS])
    return [row for row in rows if isinstance(row, Gold)]


def _row(line: bytes, path: str, number: int) -> Gold | Problem:
    try:
        return Gold(row=GoldPrompt.model_validate_json(line.removeprefix(b"\xef\xbb\xbf")), place=Place(path, number))
    except ValidationError as error:
        return Problem(path, number, 1, _told(error.errors(include_url=False)[0]))


def _told(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "json_invalid":
        return f"the line is no JSON ({error['msg'].removeprefix('Invalid JSON: ')}); write one labelled prompt a line"
    if error["type"] == "missing":
        return f"'{where}' is missing"
    said = error["msg"].removeprefix("Value error, ")
    return f"'{where}' is {error['input']!r}: {said[:1].lower()}{said[1:]}" if where else said
