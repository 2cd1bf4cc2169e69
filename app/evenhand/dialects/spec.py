"""What an image API looks like on the wire: YAML data comes in, frozen `Operation`s go out.

Pointers follow RFC 6901 with `*` for every item. A path pattern is matched on the raw path, byte for byte; `{name}` stands
for one segment. This room knows no HTTP client, no rule and no person.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from evenhand import source
from evenhand.checking import check
from evenhand.dialects.scan import EVERY, Node
from evenhand.errors import Problem, RuleError

Pointer = Annotated[str, Field(pattern=r"^(/[^/]+)+$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
ErrorShape = Literal["openai", "problem"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CountSpec(_Strict):
    """How many images a request asks for."""

    at: Pointer
    default: int = Field(default=1, ge=1, le=10)
    most: int = Field(default=10, ge=1, le=10)


class AnswerSpec(_Strict):
    """The answer's images. `revised_prompt` is the key in each item; `sum` lists objects of integers to add up when merging."""

    items: Pointer
    revised_prompt: str | None = None
    sum: list[Pointer] = []


class OperationSpec(_Strict):
    """One operation. `never` documents places that look like prompts and must not be touched, such as negative prompts."""

    id: Slug
    method: Literal["POST", "PUT"] = "POST"
    path: str = Field(pattern=r"^(/([A-Za-z0-9._~:-]|\{[a-z]+\})+)+$")
    content: Literal["application/json"] = "application/json"
    errors: ErrorShape = "problem"
    prompts: list[Pointer] = Field(min_length=1)
    prompt_required: bool = True
    never: list[Pointer] = []
    count: CountSpec | None = None
    seed: Pointer | None = None
    stream: Pointer | None = None
    answer: AnswerSpec | None = None


class DialectSpec(_Strict):
    dialect: Slug
    title: str
    operations: list[OperationSpec] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One guarded operation; an answer with `answer_items` can be merged from several."""

    id: str
    method: str
    path: str
    content_type: str
    errors: ErrorShape
    prompts: tuple[str, ...]
    prompt_required: bool
    never: tuple[str, ...]
    count: str | None
    count_default: int
    count_most: int
    seed: str | None
    stream: str | None
    answer_items: str | None
    answer_sums: tuple[str, ...]
    revised_prompt: str | None

    @property
    def can_split(self) -> bool:
        return self.count is not None and self.answer_items is not None

    @cached_property
    def count_name(self) -> str:
        return (self.count or "").rpartition("/")[2].replace("~1", "/").replace("~0", "~")

    @cached_property
    def wanted(self) -> Node:
        """The places of a request to look at; the document itself and the count's parent among them."""
        parents = ["", self.count.rpartition("/")[0]] if self.count else [""]
        return Node.of([*parents, *self.prompts, *(place for place in (self.count, self.stream) if place)])

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        parts = re.split(r"(\{[a-z]+\})", self.path)
        return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts).encode())

    def matches(self, raw_path: bytes) -> bool:
        return self.pattern.fullmatch(raw_path) is not None

    def is_prompt(self, pointer: str) -> bool:
        return any(_covers(wanted, pointer) for wanted in self.prompts)


@dataclass(frozen=True)
class Dialect:
    id: str
    title: str
    operations: tuple[Operation, ...]


def _covers(wanted: str, pointer: str) -> bool:
    if wanted == pointer or EVERY not in wanted:
        return wanted == pointer
    ours, theirs = wanted.split("/"), pointer.split("/")
    return len(ours) == len(theirs) and all(mine in (EVERY, other) for mine, other in zip(ours, theirs, strict=True))


def operation_of(spec: OperationSpec) -> Operation:
    count, answer = spec.count, spec.answer
    return Operation(
        id=spec.id,
        method=spec.method,
        path=spec.path,
        content_type=spec.content,
        errors=spec.errors,
        prompts=tuple(spec.prompts),
        prompt_required=spec.prompt_required,
        never=tuple(spec.never),
        count=count.at if count else None,
        count_default=count.default if count else 1,
        count_most=count.most if count else 10,
        seed=spec.seed,
        stream=spec.stream,
        answer_items=answer.items if answer else None,
        answer_sums=tuple(answer.sum) if answer else (),
        revised_prompt=answer.revised_prompt if answer else None,
    )


def dialect_of(raw: bytes, path: str) -> Dialect:
    """Raises RuleError with every problem of the file."""
    documents, problems = source.read(raw, path)
    specs: list[DialectSpec] = []
    for document in documents:
        spec, found = check(document, DialectSpec, document.root)
        problems += found
        specs += [spec] if spec else []
    if problems or len(specs) != 1:
        raise RuleError(problems or [Problem(path, 1, 1, "a dialect file holds exactly one document")])
    return Dialect(specs[0].dialect, specs[0].title, tuple(operation_of(each) for each in specs[0].operations))


def load_dialects() -> tuple[Dialect, ...]:
    """The dialects shipped beside this file, by file name."""
    files = sorted(resources.files("evenhand.dialects").iterdir(), key=lambda file: file.name)
    return tuple(dialect_of(file.read_bytes(), file.name) for file in files if file.name.endswith(".yaml"))
