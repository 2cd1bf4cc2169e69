"""A node of a YAML document and a pydantic model come in; the checked model, or every problem with its place, goes out.

Says each fault once, where it stands, and guesses what was meant. Reads no file and knows no rule.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from evenhand.errors import Problem
from evenhand.source import Document, Node

Loc = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


def check(document: Document, model: type[M], node: Node) -> tuple[M | None, list[Problem]]:
    """The checked model of a node, or every reason why it is none."""
    try:
        return model.model_validate(node.value), []
    except ValidationError as error:
        return None, list(_joined(document, model, node, error.errors(include_url=False)))


def _joined(document: Document, model: type[BaseModel], node: Node, errors: list[ErrorDetails]) -> Iterator[Problem]:
    by_node: dict[int, list[ErrorDetails]] = {}
    for error in errors:
        by_node.setdefault(id(node.at(error["loc"])), []).append(error)
    for group in by_node.values():
        place = node.at(group[0]["loc"])
        for error in _telling(group, place, errors, node):
            yield _problem(document, model, node, error, group)


_SHAPES = ("string_type", "list_type", "dict_type", "model_type", "model_attributes_type", "dataclass_type")


def _telling(group: list[ErrorDetails], place: Node, errors: list[ErrorDetails], root: Node) -> list[ErrorDetails]:
    """A value that fits no branch of a union is wrong once, not once a branch."""
    mine = [error for error in group if error["type"] not in _SHAPES]
    if isinstance(place.value, dict | list):
        mine = [error for error in mine if error["type"] != "literal_error"]
        inner = {id(child) for child in place.children.values()}
        if not mine and any(id(root.at(error["loc"])) in inner for error in errors):
            return []
    return mine or group[:1]


def _problem(document: Document, model: type[BaseModel], node: Node, error: ErrorDetails, group: list[ErrorDetails]) -> Problem:
    loc, place = error["loc"], node.at(error["loc"])
    name = next((str(part) for part in reversed(_named(node, loc)) if isinstance(part, str)), "")
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(loc[-1])
        known = fields_at(model, loc[:-1])
        mark = node.at(loc[:-1]).keys.get(key, place.mark)
        return document.problem(mark, f"unknown key '{key}'", meant(key, known) or f"known keys: {', '.join(known)}")
    if kind == "missing":
        return document.problem(place.mark, f"key '{loc[-1]}' is missing")
    if kind in ("literal_error", "enum"):
        return _unlisted(document, place, error, name, wants_list=any(other["type"] == "list_type" for other in group))
    if kind == "string_type" and isinstance(place.value, bool | int | float):
        text = str(place.value).lower() if isinstance(place.value, bool) else str(place.value)
        return document.problem(place.mark, f"{text} is no text in '{name}'", f'put it in quotes: "{text}"')
    if kind == "string_type" and isinstance(place.value, dict):
        return document.problem(place.mark, f"a mapping stands where '{name}' needs a text", "quote a text that contains ': '")
    return document.problem(place.mark, _sentence(error, place, name), _cure(error, place))


_PATTERNS = {
    r"^[a-z0-9][a-z0-9-]*$": "use small letters, digits and hyphens, such as 'founding-fathers'",
    r"^-?\d{1,4}\.\.-?\d{1,4}$": "write two years, such as 1935..1945",
    r"^/": "begin it with '/'",
    r"^https?://[^/?#@]+$": "write scheme, host and port only, such as https://api.openai.com",
}


def _cure(error: ErrorDetails, place: Node) -> str:
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(error.get("ctx", {}).get("pattern")), "")
    if error["type"] == "list_type" and isinstance(place.value, str):
        return f"write a list: [{place.value}]"
    return ""


def _unlisted(document: Document, place: Node, error: ErrorDetails, name: str, *, wants_list: bool) -> Problem:
    allowed = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    hint = meant(str(place.value), allowed) or f"allowed: {', '.join(allowed)}"
    if wants_list:
        hint += f"; or write a list: [{place.value}]"
    return document.problem(place.mark, f"'{place.value}' is not a value of '{name}'", hint)


def _sentence(error: ErrorDetails, place: Node, name: str) -> str:
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error" or not name:
        return said
    if error["type"] == "string_pattern_mismatch":
        return f"'{place.value}' can't be used as '{name}'"
    shown = f" {place.value!r}" if isinstance(place.value, str | int | float) else ""
    return f"'{name}'{shown}: {said[0].lower()}{said[1:]}"


def _named(node: Node, loc: Loc) -> list[str | int]:
    """The parts of a pydantic `loc` that stand in the file; the rest name branches of unions."""
    found: list[str | int] = []
    for part in loc:
        if part in node.children:
            found.append(part)
            node = node.children[part]
    return found


def fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys a mapping may have there, as they are written in files."""
    models = {model}
    for part in loc:
        infos = [info for owner in models for name, info in owner.model_fields.items() if part in (name, info.alias)]
        if infos:
            models = {found for info in infos for found in _models_in(info.annotation)}
    return sorted({info.alias or name for owner in models for name, info in owner.model_fields.items()})


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def meant(word: str, known: Iterable[str]) -> str:
    """A hint, empty where nothing known is near."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""
