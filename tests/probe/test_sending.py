"""The sending itself, against scripted upstreams: what is sent again, what is waited for, and when it stops."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.probe.asking import Api, operation_of
from evenhand.probe.journal import Journal, load
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer
from evenhand.probe.sending import Course, Pace, kind_of, send

OPENAI = operation_of("openai.images.generations")
Reply = Callable[[str, int], tuple[int, dict[str, str], Any]]
DRAWN = {"data": [{"b64_json": "AAAA"}]}


@pytest.fixture
def course(script: Callable[..., Any], tmp_path: Path, plan: Callable[..., tuple[Ask, ...]]) -> Callable[..., Any]:
    """course(reply, ...) -> how it went, the prompts that arrived, the journal; `reply` gets the prompt and its number."""

    def run(reply: Reply, *, asks: int = 16, most: int = 100, rate: float = 1e6, at_once: int = 1, stop_at: int = 0) -> Any:
        arrived: list[str] = []
        stop = threading.Event()

        def play(connection: Any, request: bytes) -> None:
            prompt = json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]
            arrived.append(prompt)
            if len(arrived) == stop_at:
                stop.set()
            status, headers, body = reply(prompt, len(arrived))
            raw = json.dumps(body).encode()
            lines = [f"HTTP/1.1 {status} X", f"content-length: {len(raw)}", "connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)

        api = Api(url=f"{script(play).origin}/x", operation=OPENAI, fields={}, timeout_s=30)
        chosen = plan("ethnicity", per_group=8)[:asks]
        with Journal(tmp_path / "a.jsonl") as journal:
            journal.begin({"seed": 0})
            pace = Pace(rate=rate, stop=stop)
            went = send(chosen, api=api, journal=journal, pace=pace, most=most, at_once=at_once)
        return went, arrived, load(tmp_path / "a.jsonl"), chosen

    return run


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_prompt_is_sent_once(course: Callable[..., Any], at_once: int) -> None:
    went, arrived, found, asks = course(lambda *_: (200, {}, DRAWN), at_once=at_once)
    assert (went.why, went.sent) == ("done", 16)
    assert sorted(arrived) == sorted(ask.prompt for ask in asks)
    assert set(found.answers) == {ask.key for ask in asks}
    assert not found.under_way


def test_a_429_is_waited_for_and_sent_again(course: Callable[..., Any]) -> None:
    went, arrived, found, _ = course(
        lambda _, number: (429, {"retry-after": "0"}, {}) if number in (2, 3) else (200, {}, DRAWN), asks=4
    )
    assert (went.why, went.sent) == ("done", 6)
    assert arrived[1] == arrived[2] == arrived[3]
    assert {answer.outcome for answer in found.answers.values()} == {"drawn"}


def test_the_wait_is_the_one_asked_for() -> None:
    pace = Pace(rate=1e6, stop=threading.Event())
    pace.hold(1_000)
    before = pace._next
    pace.hold(1)
    assert pace._next == before, "a shorter wait does not undo a longer one"


@pytest.mark.parametrize("wait", ["601", "999999999"])
def test_too_long_a_wait_is_no_wait(course: Callable[..., Any], wait: str) -> None:
    went, arrived, found, _ = course(lambda *_: (429, {"retry-after": wait}, {}))
    assert (went.why, len(arrived)) == ("rate", 1)
    assert "it asks to wait" in went.detail
    assert not found.answers
    assert not found.under_way


STOPS = [
    (401, {"error": {"code": "invalid_api_key"}}, "key", 2, "401, invalid_api_key"),
    (403, {}, "key", 2, "403"),
    (404, {}, "address", 1, "404"),
    (500, {}, "trouble", 5, "500"),
    (400, {"error": {"code": "invalid_value"}}, "fields", 5, "400, invalid_value"),
]


@pytest.mark.parametrize(("status", "body", "why", "requests", "detail"), STOPS)
def test_it_stops_where_there_is_no_sense(
    course: Callable[..., Any], status: int, body: Any, why: str, requests: int, detail: str
) -> None:
    went, arrived, found, _ = course(lambda *_: (status, {}, body))
    assert (went.why, len(arrived), went.detail) == (why, requests, detail)
    assert not found.answers, "what an outage did is no answer"
    assert not found.under_way


def test_single_errors_are_answers(course: Callable[..., Any]) -> None:
    went, _, found, _ = course(lambda _, number: (500, {}, {}) if number % 4 else (200, {}, DRAWN))
    assert went.why == "done"
    assert sum(answer.outcome == "error" for answer in found.answers.values()) == 12


def test_the_budget_counts_second_tries(course: Callable[..., Any]) -> None:
    went, arrived, found, _ = course(
        lambda _, number: (429, {"retry-after": "0"}, {}) if number == 1 else (200, {}, DRAWN), most=3
    )
    assert (went.why, len(arrived), len(found.answers)) == ("budget", 3, 2)


def test_told_to_stop_it_finishes_what_is_under_way(course: Callable[..., Any]) -> None:
    went, arrived, found, _ = course(lambda *_: (200, {}, DRAWN), stop_at=3)
    assert (went.why, len(arrived), len(found.answers)) == ("told", 3, 3)
    assert not found.under_way


KINDS = [
    (Answer(outcome="drawn", status=200), "done"),
    (Answer(outcome="refused", status=403), "done"),
    (Answer(outcome="again", status=0), "unreachable"),
    (Answer(outcome="error", status=0, code="timeout"), "trouble"),
    (Answer(outcome="error", status=302), "fields"),
    (Answer(outcome="error", status=200), "trouble"),
    (Answer(outcome="again", status=402), "key"),
]


@pytest.mark.parametrize(("answer", "kind"), KINDS)
def test_kinds_of_trouble(answer: Answer, kind: str) -> None:
    assert kind_of(answer) == kind


def test_only_a_row_of_one_kind_counts(plan: Callable[..., tuple[Ask, ...]]) -> None:
    one, course = plan("ethnicity")[0], Course()
    bad, good = Answer(outcome="error", status=500), Answer(outcome="drawn", status=200)
    assert [course.note(one, answer) for answer in (bad, bad, bad, bad, good, bad, bad, bad, bad)] == [False] * 9
    assert course.note(one, bad)
