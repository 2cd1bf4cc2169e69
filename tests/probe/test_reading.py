"""What an answer means, and that nothing of an error's text is kept."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from evenhand.probe.asking import operation_of
from evenhand.probe.reading import Answer, answer_of, wait_of

OPENAI = operation_of("openai.images.generations")
REFUSED = {"error": {"code": "content_policy_violation", "message": "no"}}


def read(status: int, body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer_of(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, OPENAI)


OUTCOMES: list[tuple[int, Any, str, str]] = [
    (200, {"data": [{"b64_json": "AA=="}]}, "drawn", ""),
    (200, b"<html>", "error", ""),
    (200, [], "error", ""),
    (400, REFUSED, "refused", "content_policy_violation"),
    (400, {"error": {"code": "moderation_blocked"}}, "refused", "moderation_blocked"),
    (400, {"error": {"code": "invalid_value", "message": "x"}}, "error", "invalid_value"),
    (401, {"error": {"code": "invalid_api_key"}}, "again", "invalid_api_key"),
    (403, {}, "again", ""),
    (404, b"no", "again", ""),
    (429, {"error": {"type": "requests"}}, "again", "requests"),
    (500, {"error": "text only"}, "error", ""),
    (502, b"\xff\xfe", "error", ""),
    (302, b"", "error", ""),
]


@pytest.mark.parametrize(("status", "body", "outcome", "code"), OUTCOMES)
def test_outcomes(status: int, body: Any, outcome: str, code: str) -> None:
    found = read(status, body)
    assert (found.outcome, found.code, found.status) == (outcome, code, status)


@pytest.mark.parametrize("code", ["sk-proj-abc123", "Incorrect key sk-x", "a" * 65, 7, None, {"a": 1}, "key_abc9"])
def test_what_is_no_plain_word_is_not_kept(code: Any) -> None:
    found = read(500, {"error": {"code": code, "message": "Incorrect API key provided: sk-canary"}})
    assert found == Answer(outcome="error", status=500)


def test_revised_prompts_and_the_sidecars_word_are_kept() -> None:
    found = read(200, {"data": [{"revised_prompt": "a man"}]}, x_evenhand_decision="rewritten", x_evenhand_remarks="signed")
    assert (found.revised, found.decision, found.remarks) == ("a man", "rewritten", "signed")


@pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), (" 0 ", 0.0), ("", None), (None, None), ("soon", None), ("-1", None)])
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert wait_of(value) == seconds


@pytest.mark.parametrize(("ahead_s", "least", "most"), [(3600, 3000, 3601), (-3600, 0, 0)])
def test_retry_after_as_a_date(ahead_s: int, least: float, most: float) -> None:
    found = wait_of(format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True))
    assert found is not None
    assert least <= found <= most
