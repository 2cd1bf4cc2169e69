"""A request body as a file, tried against the dialects: what would be read of it, what decided and what written. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.dialects.reading import Reading, read, write
from evenhand.dialects.spec import Dialect, Operation
from evenhand.engine import Engine
from evenhand.errors import BodyError
from evenhand.flow import Decision, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """`written` is the body of the first image's request."""

    dialect: Dialect
    operation: Operation
    reading: Reading
    decisions: tuple[Decision, ...]
    written: bytes


def operations_at(dialects: Sequence[Dialect], method: str, path: str) -> list[tuple[Dialect, Operation]]:
    """The usual dialects first; more than one where several APIs share a path."""
    found = [(dialect, each) for dialect in dialects for each in dialect.operations if each.matches(path.encode("utf-8"))]
    return sorted((pair for pair in found if pair[1].method == method), key=lambda pair: not pair[0].usual)


def passing_at(dialects: Sequence[Dialect], method: str, path: str) -> Dialect | None:
    """The dialect that lists the path as one without prompts."""
    for dialect in dialects:
        if any(each.method == method and each.matches(path.encode("utf-8")) for each in dialect.passings):
            return dialect
    return None


def tried(body: bytes, at: tuple[Dialect, Operation], engine: Engine, *, path: str, content_type: str, seed: int) -> Trial:
    """Raises BodyError for a body that the sidecar would refuse."""
    dialect, operation = at
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in operation.content:
        raise BodyError(f"The content type is '{kind}'; {operation.id} takes {' or '.join(operation.content)}.")
    reading = read(body, operation, content_type=content_type.encode(), path=operation.names_in(path.encode()))
    images = reading.images if reading.can_split else 1
    prompts = [Prompt(text=place.text, images=min(images, 10), seed=seed) for place in reading.prompts]
    decisions = tuple(engine.decide(prompt) for prompt in prompts)
    edits = [decision.edits[0] if decision.edits else () for decision in decisions]
    written = bytes(write(reading, edits)) if reading.asks_images else body
    return Trial(dialect=dialect, operation=operation, reading=reading, decisions=decisions, written=written)
