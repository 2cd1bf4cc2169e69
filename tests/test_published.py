"""The committed JSON Schemas are current, and hold for real files and decisions."""

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.published import decision_schema, dialects_schema, log_schema, rules_schema
from evenhand.rules.schema import LISTED

PUBLISHED = [
    ("rules.json", rules_schema()),
    ("decision.json", decision_schema()),
    ("dialects.json", dialects_schema()),
    ("log.json", log_schema()),
]
SCHEMAS = Path(__file__).parent.parent / "schema"


@pytest.mark.parametrize(("name", "current"), PUBLISHED)
def test_committed_schema_is_current(name: str, current: dict[str, Any]) -> None:
    assert json.loads((SCHEMAS / name).read_text(encoding="utf-8")) == current, "run `make schema`"


def test_every_kind_has_its_branch() -> None:
    kinds = [branch["properties"]["kind"]["const"] for branch in rules_schema()["oneOf"]]
    assert sorted(kinds) == sorted([*LISTED, "policy"])


def test_keys_are_published_as_files_write_them() -> None:
    definitions = rules_schema()["$defs"]
    assert {"list", "as"} <= set(definitions["TermRule"]["properties"])
    assert definitions["TermRule"]["additionalProperties"] is False


@pytest.mark.parametrize("schema", [schema for _, schema in PUBLISHED])
def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    references = {part.split('"')[0] for part in json.dumps(schema).split('"$ref": "#/$defs/')[1:]}
    assert references <= set(schema["$defs"])


def test_a_decision_names_what_may_be_missing() -> None:
    schema = decision_schema()
    assert set(schema["properties"]) - set(schema["required"]) == {"input", "overhead_ms", "ref", "remarks", "replaced", "row"}


def test_a_log_line_is_a_decision_and_what_came_of_it() -> None:
    decision, line = decision_schema(), log_schema()
    assert decision["properties"].items() <= line["properties"].items()
    assert set(line["required"]) > set(decision["required"])
    assert {"masked", "prompt_hash", "unknown", "refused", "drift"} <= set(line["required"])
