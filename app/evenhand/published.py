"""The JSON Schemas we publish: of rules and dialects (for editors), of a decision on the wire. Plain data; reads nothing."""

from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import models_json_schema

from evenhand.dialects.spec import Dialect
from evenhand.engine.record import DecisionRecord
from evenhand.logged import LogRecord
from evenhand.rules.schema import LISTED, PolicyFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def decision_schema() -> dict[str, Any]:
    """What `POST /rewrite`, the decision log, `explain --format json` and batches speak."""
    schema = _model(DecisionRecord).model_json_schema()
    return {"$schema": DRAFT, **schema, "title": "Evenhand decision"}


def log_schema() -> dict[str, Any]:
    """One line of the decision log."""
    schema = _model(LogRecord).model_json_schema()
    return {"$schema": DRAFT, **schema, "title": "Evenhand decision log line"}


def _model(record: Any) -> type[BaseModel]:
    """A typed dict as a model; pydantic itself reads those of the standard library only from Python 3.12 on."""
    hints, optional = get_type_hints(record), record.__optional_keys__
    fields: dict[str, Any] = {name: (_with_models(hint), None if name in optional else ...) for name, hint in hints.items()}
    config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)
    return create_model(record.__name__, __config__=config, __doc__=record.__doc__, **fields)


def _with_models(hint: Any) -> Any:
    if is_typeddict(hint):
        return _model(hint)
    origin, inner = get_origin(hint), tuple(map(_with_models, get_args(hint)))
    if origin is UnionType:
        return reduce(or_, inner)
    return origin[inner] if origin and inner else hint


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


def rules_schema() -> dict[str, Any]:
    """One schema for any document: `kind` decides what else may stand in it."""
    models: list[type[BaseModel]] = [PolicyFile, *LISTED.values()]
    references, definitions = models_json_schema([(model, "validation") for model in models], by_alias=True)
    found = definitions["$defs"]
    policy = found.pop("PolicyFile")
    return {
        "$schema": DRAFT,
        "title": "Evenhand rule file",
        "type": "object",
        "required": ["kind"],
        "oneOf": [_policy(policy), *(_listed(kind, model, references[(model, "validation")]) for kind, model in LISTED.items())],
        "$defs": dict(sorted(found.items())),
    }


def dialects_schema() -> dict[str, Any]:
    return {"$schema": DRAFT, **Dialect.model_json_schema(), "title": "Evenhand dialect file"}


def _listed(kind: str, model: type[BaseModel], reference: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": kind,
        "description": (model.__doc__ or "").strip(),
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "rules"],
        "properties": {"kind": {"const": kind}, "rules": {"type": "array", "minItems": 1, "items": reference}},
    }


def _policy(policy: dict[str, Any]) -> dict[str, Any]:
    properties = {"kind": {"const": "policy"}, **policy["properties"]}
    return {**policy, "title": "policy", "required": ["kind", *policy["required"]], "properties": properties}
