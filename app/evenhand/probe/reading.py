"""An HTTP answer comes in; what it means goes out: drawn, refused for its content, an error, or nothing to count.

Refusals and revised prompts are read as the API's dialect describes them. Never keeps an error's text, which may repeat a key.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from evenhand.dialects.answer import refuses, revised_prompts
from evenhand.dialects.spec import Operation

Outcome = Literal["drawn", "refused", "error", "again"]
_CODE = re.compile(r"[A-Za-z_]{1,64}")
# They say nothing of the prompt, and nothing was drawn: the key, the bill, the address, the rate.
NOT_COUNTED = frozenset({401, 402, 403, 404, 405, 407, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` is 0 where none came; `decision` and `remarks` are the sidecar's; `wait_s` is what the API asks to wait."""

    outcome: Outcome
    status: int
    code: str = ""
    revised: str = ""
    decision: str = ""
    remarks: str = ""
    wait_s: float | None = None


def answer_of(status: int, headers: Mapping[str, str], body: bytes, operation: Operation) -> Answer:
    """`headers` has names in small letters."""
    outcome: Outcome = "error"
    if refuses(body, status, operation):
        outcome = "refused"
    elif status == 200:
        outcome = "drawn" if _is_object(body) else "error"
    elif status in NOT_COUNTED:
        outcome = "again"
    revised = revised_prompts(body, operation) if outcome == "drawn" else []
    return Answer(
        outcome=outcome,
        status=status,
        code="" if outcome == "drawn" else _code(body),
        revised="\n".join(revised),
        decision=headers.get("x-evenhand-decision", ""),
        remarks=headers.get("x-evenhand-remarks", ""),
        wait_s=wait_of(headers.get("retry-after")),
    )


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _code(body: bytes) -> str:
    """The error's code or kind, where it is a plain word: a stranger's text, and what may be a key, is never kept."""
    try:
        told: Any = json.loads(body)
        error = told.get("error", told)
        words = [error.get(name) for name in ("code", "status", "type", "reason")] if isinstance(error, dict) else []
    except (ValueError, AttributeError):
        return ""
    fit = (word for word in words if isinstance(word, str) and _CODE.fullmatch(word))
    return next(fit, "")


def wait_of(value: str | None) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110 §10.2.3), as a number or as a date."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
