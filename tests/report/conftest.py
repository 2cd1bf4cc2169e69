"""Log lines by hand, through the reader: the smallest that can be read, with what a test cares for."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from evenhand.logged import Logged, read_line
from evenhand.report.figures import Figures, figures_of
from evenhand.report.gather import gather

TARGETS = {"gender": {"woman": 50, "man": 50}}


def person(head: str = "doctor", *, drawn: list[Any] | None = None, because: tuple[str, str] | None = None) -> dict[str, Any]:
    """With one axis: open and drawn, or closed by (reason, rule)."""
    closed = [{"reason": because[0], "rule": because[1], "text": "", "start": 0, "end": 0, "why": ""}] if because else []
    axis = {"state": "closed" if closed else "open", "closed_by": closed, "drawn": drawn or []}
    word = {"text": head, "start": 0, "end": len(head)}
    return {**word, "head": word, "count": "one", "number": 1, "axes": {"gender": axis}}


def line_of(*people: dict[str, Any], number: int = 1, is_log: bool = True, **more: Any) -> Logged:
    record = {
        "id": f"d-{number}",
        "revision": "3f9c2a51",
        "outcome": "rewritten",
        "language": "en",
        "seed": 1,
        "prompt": "a doctor",
    }
    record |= {"rewrites": ["a female doctor"], "subjects": people, "edits": [], "notes": [], "overhead_ms": 1.0}
    course = {"timestamp": "2026-01-02T03:04:05.000Z", "route": "openai/images", "status": 200, "upstream_status": 200}
    line = read_line(json.dumps({**record, **(course if is_log else {}), **more}).encode(), source="log", number=number)
    assert isinstance(line, Logged)
    return line


def tell(*lines: Any, knows: Callable[[str], bool] = lambda word: word != "zorgler") -> Figures:
    return figures_of(gather(lines, knows), sources=("log",), targets=TARGETS, revision="3f9c2a51")


@pytest.fixture
def line() -> Callable[..., Logged]:
    return line_of


@pytest.fixture
def somebody() -> Callable[..., dict[str, Any]]:
    return person


@pytest.fixture
def figures() -> Callable[..., Figures]:
    return tell
