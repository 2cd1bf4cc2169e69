"""What an image API looks like on the wire: the YAML of a dialect as checked, frozen models. Data only; nothing is read here.

Pointers follow RFC 6901 with `*` for every item. In a form, the pointer's first part is the field's name: `/prompt`. A path
pattern is matched on the raw path, byte for byte; `{name}` stands for one segment and `{name+}` for one or more.
"""

import re
from functools import cached_property
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evenhand.dialects.scan import EVERY, Node, snake

Pointer = Annotated[str, Field(pattern=r"^(/[^/]+)+$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
PathPattern = Annotated[str, Field(pattern=r"^(/([A-Za-z0-9._~:@-]|\{[a-z]+\+?\})+)+$")]
Media = Literal["application/json", "multipart/form-data", "application/x-www-form-urlencoded", ""]
ErrorShape = Literal["openai", "google", "aws", "problem"]
Scalar = str | int | float | bool | None

_BRACED = re.compile(r"\{([a-z]+)(\+?)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """Holds where the value `at` a place (its `*` bound to the prompt's own item) or a part of the `path` is as said."""

    at: Pointer | None = None
    path: str | None = None
    equals: list[Scalar] = Field(default=[], description="Any of these values.")
    like: list[str] = Field(default=[], description="Any of these; `*` stands for anything; letters' case is ignored.")
    above: float | None = None
    missing: bool = Field(default=False, description="Whether it holds where there is no such value.")

    @model_validator(mode="after")
    def says_one_thing(self) -> "Condition":
        if (self.at is None) == (self.path is None):
            raise ValueError("a condition needs either 'at' or 'path'")
        return self


class PromptSpec(_Strict):
    """A place of prompts. `last` keeps only the last item of the first `*` that fulfils `where`.

    Places with the same start up to that `*` have one last item in common: text in one, a list of parts in another.
    """

    at: Pointer
    where: Condition | None = None
    last: bool = False
    until: str | None = Field(default=None, min_length=1, description="What follows this in the text is left alone.")

    @model_validator(mode="after")
    def has_items(self) -> "PromptSpec":
        if self.last and "/*" not in self.at:
            raise ValueError(f"'last' needs a place with '*', and '{self.at}' has none")
        return self


class GraphSpec(_Strict):
    """Prompts in a graph of nodes: the texts of those reached from inputs named `start`, and from none named `never`.

    `kind` is the member that names a node's kind. Nothing leads through nodes of the kinds `blank`.
    """

    nodes: Pointer
    inputs: str
    start: list[str] = Field(min_length=1)
    never: list[str]
    texts: list[str] = Field(min_length=1)
    kind: str = "class_type"
    blank: list[str] = []


class CountSpec(_Strict):
    """How many images a request asks for; the product where there are several places."""

    at: list[Pointer] = Field(min_length=1)
    default: int = Field(default=1, ge=1, le=10)
    most: int = Field(default=10, ge=1, le=10)


class RewriterSpec(_Strict):
    """A switch of the upstream's own prompt rewriter. `default` tells whether it is on where the request does not say."""

    at: Pointer
    on: list[Scalar] = Field(min_length=1)
    off: Scalar
    default: Literal["on", "off"]


class AnswerSpec(_Strict):
    """The answer's images. `join` lists more arrays to put end to end and `sum` numbers, or objects of them, to add up.

    `index` is an image's own number in its answer, counted through where answers become one.
    """

    items: Pointer
    where: Condition | None = Field(default=None, description="Which items are images; `at` is relative to the item.")
    merges: bool = Field(default=True, description="Whether answers of single-image requests can be made one.")
    revised_prompt: str | None = None
    index: str | None = None
    join: list[Pointer] = []
    sum: list[Pointer] = []

    @cached_property
    def wanted(self) -> Node:
        """The images and what is looked at inside them."""
        asked = (self.revised_prompt, self.index, self.where.at.lstrip("/") if self.where and self.where.at else None)
        names = {name for name in asked if name}
        return Node.of([f"{self.items}/*", *(f"{self.items}/*/{name}" for name in sorted(names))])


class RefusalSpec(_Strict):
    """An answer that refuses a prompt for its content and states that nothing was generated."""

    status: list[int] = Field(min_length=1)
    where: Condition | None = None


class Operation(_Strict):
    """One guarded operation. `never` documents places that look like prompts and must not be touched."""

    id: Slug
    method: Literal["POST", "PUT"] = "POST"
    path: PathPattern
    also: list[PathPattern] = Field(default=[], description="More paths that take the same body.")
    content: list[Media] = Field(
        default=["application/json"], description='The Content-Types taken, "" for none. What is no form with parts is JSON.'
    )
    errors: ErrorShape = "problem"
    when: list[Condition] = Field(default=[], description="Any of these makes it a request for images; others pass unread.")
    unless: list[Condition] = Field(default=[], description="Any of these makes it a request for something else after all.")
    prompts: list[Pointer | PromptSpec] = []
    graph: GraphSpec | None = None
    prompt_required: bool = True
    snake_case: bool = Field(default=False, description="Keys may be written in snake_case, too, as proto3 JSON allows.")
    never: list[Pointer] = []
    count: CountSpec | None = None
    seed: Pointer | None = None
    any_seed: list[int] = Field(default=[], description="Seeds by which the API means any, as if none were sent.")
    stream: Pointer | bool = False
    input_image: list[Pointer | Condition] | bool = Field(
        default=False, description="Where a picture is sent that may fix who is shown, or what tells that one is."
    )
    rewriters: list[RewriterSpec] = []
    signed: Literal["aws"] | None = None
    answer: AnswerSpec | None = None
    refusals: list[RefusalSpec] = []

    @model_validator(mode="after")
    def finds_prompts(self) -> "Operation":
        if not self.prompts and self.graph is None:
            raise ValueError(f"the operation '{self.id}' needs 'prompts' or 'graph'; put paths without prompts under 'passes'")
        named = set(names_of(self.path)).intersection(*(names_of(path) for path in self.also))
        if unknown := {each.path for each in [*self.when, *self.unless] if each.path} - named:
            raise ValueError(f"the path has no part '{sorted(unknown)[0]}'")
        return self

    @cached_property
    def places(self) -> tuple[PromptSpec, ...]:
        return tuple(each if isinstance(each, PromptSpec) else PromptSpec(at=each) for each in self.prompts)

    @cached_property
    def has_prompts_inside(self) -> bool:
        """Whether a place of prompts may hold objects that hold prompts: text or a list of parts."""
        return any(other.at.startswith(f"{place.at}/") for place in self.places for other in self.places)

    @property
    def pictures(self) -> list[Pointer | Condition]:
        return self.input_image if isinstance(self.input_image, list) else []

    @property
    def can_split(self) -> bool:
        return bool(self.count and len(self.count.at) == 1 and self.answer and self.answer.merges)

    @property
    def takes_files(self) -> bool:
        return bool(self.input_image) or "multipart/form-data" in self.content

    @cached_property
    def wanted(self) -> Node:
        """The places of a request to look at, with what they stand in, so that a missing one can be put there."""
        singles = [*(self.count.at if self.count else ()), *(each.at for each in self.rewriters)]
        singles += [place for place in (self.seed, self.stream) if isinstance(place, str)]
        conditions = [*self.when, *self.unless, *(each.where for each in self.places if each.where)]
        conditions += [each for each in self.pictures if isinstance(each, Condition)]
        listed = [each.at for each in self.places] + [each.at for each in conditions if each.at]
        listed += [each for each in self.pictures if isinstance(each, str)]
        if self.graph:
            listed += [f"{self.graph.nodes}/*/{self.graph.inputs}/*", f"{self.graph.nodes}/*/{self.graph.kind}"]
        around = {"", *(parent for place in singles for parent in parents(place))}
        return Node.of([*sorted(around), *singles, *listed], spelled=snake if self.snake_case else None)

    @cached_property
    def patterns(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(pattern_of(path) for path in (self.path, *self.also))

    @cached_property
    def has_names(self) -> bool:
        return any(pattern.groupindex for pattern in self.patterns)

    def matches(self, raw_path: bytes) -> bool:
        return any(pattern.fullmatch(raw_path) for pattern in self.patterns)

    def names_in(self, raw_path: bytes) -> dict[str, str]:
        """The named parts of a path that matches, as they read once decoded."""
        if not self.has_names:
            return {}
        found = next(filter(None, (pattern.fullmatch(raw_path) for pattern in self.patterns)), None)
        return {name: unquote(value.decode("latin-1")) for name, value in found.groupdict().items()} if found else {}


class Passing(_Strict):
    """A listed path without prompts, such as a poll for a result: forwarded unread."""

    method: str
    path: PathPattern

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        return pattern_of(self.path)

    def matches(self, raw_path: bytes) -> bool:
        return self.pattern.fullmatch(raw_path) is not None


class Dialect(_Strict):
    """An image API. One that is not `usual` counts only where an upstream or EVENHAND_DIALECTS names it."""

    dialect: Slug
    title: str
    usual: bool = True
    hosts: list[str] = Field(
        default=[], description="Of the API's own servers; an upstream there speaks this dialect. `*` is any."
    )
    operations: list[Operation] = Field(min_length=1)
    passes: list[Annotated[str, Field(pattern=r"^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S*$")]] = []

    @property
    def id(self) -> str:
        return self.dialect

    @cached_property
    def passings(self) -> tuple[Passing, ...]:
        parted = (line.partition(" ") for line in self.passes)
        return tuple(Passing(method=method, path=path) for method, _, path in parted)

    @model_validator(mode="after")
    def passes_are_paths(self) -> "Dialect":
        _ = self.passings
        return self


def names_of(path: str) -> list[str]:
    return [name for name, _ in _BRACED.findall(path)]


def pattern_of(path: str) -> re.Pattern[bytes]:
    """Built from the pattern's literal parts only; `{name+}` may span several segments."""
    parts = re.split(r"(\{[a-z]+\+?\})", path)
    return re.compile("".join(_group(part) if part.startswith("{") else re.escape(part) for part in parts).encode())


def _group(part: str) -> str:
    name = part.strip("{+}")
    return f"(?P<{name}>[^/]+(?:/[^/]+)*)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"


def covers(wanted: str, pointer: str) -> bool:
    """Whether a pointer with `*` names a place."""
    if wanted == pointer or EVERY not in wanted:
        return wanted == pointer
    ours, theirs = wanted.split("/"), pointer.split("/")
    return len(ours) == len(theirs) and all(mine in (EVERY, other) for mine, other in zip(ours, theirs, strict=True))


def parents(pointer: str) -> list[str]:
    """The places around a place, outermost first, without the document itself."""
    parts = pointer.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]
