"""Whether a dialect's condition holds in a body or an answer: values at pointers, compared as the YAML says. Pure."""

from collections.abc import Mapping
from typing import Protocol

from evenhand.dialects.scan import Token
from evenhand.dialects.spec import Condition, Scalar, covers
from evenhand.text import like


class Values(Protocol):
    """Tokens by pointer, and what they say; JSON and form bodies are such."""

    @property
    def values(self) -> Mapping[str, Token]: ...

    def scalar(self, token: Token) -> Scalar: ...


def holds(condition: Condition, body: Values, pointer: str, path: Mapping[str, str]) -> bool:
    if condition.path:
        return _fits(condition, path.get(condition.path, ""))
    assert condition.at is not None
    wanted = _bound(condition.at, pointer)
    values = values_at(body, wanted)
    if not values:
        return condition.missing
    return any(_fits(condition, body.scalar(token)) for token in values)


def _fits(condition: Condition, value: Scalar) -> bool:
    if condition.above is not None and isinstance(value, int | float):
        return value > condition.above
    if any(same(value, each) for each in condition.equals):
        return True
    return isinstance(value, str) and any(like(pattern.lower(), value.lower()) for pattern in condition.like)


def same(value: Scalar, other: Scalar) -> bool:
    """Words are alike in any case; true is not 1."""
    if isinstance(value, str) and isinstance(other, str):
        return value.lower() == other.lower()
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def values_at(body: Values, pointer: str) -> list[Token]:
    if "*" not in pointer:
        return [body.values[pointer]] if pointer in body.values else []
    return [token for place, token in body.values.items() if covers(pointer, place)]


def _bound(pointer: str, to: str) -> str:
    """`*` of a condition's place, as far as the two places go together, stands for the prompt's own item."""
    ours, theirs = pointer.split("/"), to.split("/")
    bound = list(ours)
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        if mine not in ("*", other):
            break
        bound[index] = other
    return "/".join(bound)
