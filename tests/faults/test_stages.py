"""A fault in each stage, in each mode: it is counted and told, never called success, and the client sees no traceback."""

import asyncio
import json
import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.engine import Engine
from evenhand.engine.tagger import NoTagger, Reading
from evenhand.flow import Decision, Prompt
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyFile

MODES: dict[str, dict[str, Any]] = {
    "pass": {"mode": "enforce", "on_error": "pass"},
    "reject": {"mode": "enforce", "on_error": "reject"},
    "shadow": {"mode": "shadow", "on_error": "pass"},
    "shadow, reject": {"mode": "shadow", "on_error": "reject"},
    "off": {"mode": "off", "on_error": "reject"},
}
SECRET = "hush-7c1"
PROMPT = f"a doctor, {SECRET}"


class BrokenTagger(NoTagger):
    """The language model fails."""

    def __init__(self, fault: type[Exception]) -> None:
        self.fault = fault

    def tags(self, words: Sequence[str]) -> list[str]:
        raise self.fault(f"in {' '.join(words)}")

    def read(self, words: Sequence[str]) -> list[Reading]:
        raise self.fault(f"in {' '.join(words)}")


class BrokenEngine(Engine):
    """Raises, or decides what can't be."""

    def __init__(self, rules: Ruleset, fault: Exception | Callable[[Decision], Any]) -> None:
        super().__init__(rules)
        self.fault = fault

    def decide(self, prompt: Prompt, *, policy: PolicyFile | None = None) -> Decision:
        if isinstance(self.fault, Exception):
            raise self.fault
        broken: Decision = self.fault(super().decide(prompt, policy=policy))
        return broken


def wordless(rules: Ruleset) -> Ruleset:
    """The wording holds what are no words."""
    return replace(rules, wording=dict.fromkeys(rules.wording))


class UnfairEngine(Engine):
    """Draws by a policy without shares."""

    def decide(self, prompt: Prompt, *, policy: PolicyFile | None = None) -> Decision:
        told = policy or self.rules.policy
        return super().decide(prompt, policy=told.model_copy(update={"axes": {"gender": {}, "ethnicity": {}}}))


# Stage -> what is broken; each fails by itself with what it is given.
STAGES: dict[str, Callable[[Ruleset], Engine]] = {
    "tagger": lambda rules: Engine(rules, tagger=BrokenTagger(RuntimeError)),
    "tagger, out of memory": lambda rules: Engine(rules, tagger=BrokenTagger(MemoryError)),
    "tagger, too deep": lambda rules: Engine(rules, tagger=BrokenTagger(RecursionError)),
    "engine": lambda rules: BrokenEngine(rules, ValueError(SECRET)),
    "engine, timeout": lambda rules: BrokenEngine(rules, TimeoutError(SECRET)),
    "engine, assertion": lambda rules: BrokenEngine(rules, AssertionError(SECRET)),
    "engine, unicode": lambda rules: BrokenEngine(rules, UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET)),
    "engine, no decision": lambda rules: BrokenEngine(rules, lambda _: None),
    "draw": lambda rules: UnfairEngine(rules),
    "wording": lambda rules: Engine(wordless(rules)),
    "write": lambda rules: BrokenEngine(rules, lambda decision: replace(decision, edits=(None,))),
    "write, no plan": lambda rules: BrokenEngine(rules, lambda decision: replace(decision, edits=((object(),),))),
}


@pytest.fixture
def rig_with(run_rig: Callable[..., Any], small_rules: Ruleset, good: Any) -> Callable[..., Any]:
    """rig_with(stage, mode) -> a rig with that stage broken."""

    def build(stage: str, mode: str, **flags: Any) -> Any:
        return run_rig(policy=MODES[mode], engine=STAGES[stage](small_rules), upstream=good.origin, **flags)

    return build


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_before_sending_ends_as_the_mode_says(
    rig_with: Callable[..., Any],
    good: Any,
    eventually: Callable[..., Any],
    told: Callable[[], list[dict[str, Any]]],
    stage: str,
    mode: str,
) -> None:
    with rig_with(stage, mode) as rig:
        got = rig.post(PROMPT, headers={"x-evenhand-seed": "7"})
        entries = eventually(lambda: rig.entries) if mode != "reject" else []
        counted = sum(rig.metric("bypass_total", stage=where) for where in ("engine", "body"))
        rewritten = rig.metric("decisions_total", outcome="rewritten", route="openai.images.generations")
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in good.receipts]
    assert "Traceback" not in got.text
    assert SECRET not in got.text
    assert rewritten == 0
    if mode == "reject":
        assert (got.status_code, got.json()["error"]["code"], bodies) == (503, "engine_fault", [])
        assert got.headers["retry-after"] == "1"
        return
    watched_only = stage.startswith("write") and mode.startswith("shadow")  # what is never written can't fail
    expected = {"off": "opted_out"}.get(mode, "shadow" if watched_only else "bypass")
    assert bodies == [{"prompt": PROMPT}]
    assert (got.status_code, got.headers["x-evenhand-decision"]) == (200, expected)
    assert counted == (expected == "bypass")
    assert [entry.decision.outcome for entry in entries] == [expected]
    lines = [line for line in told() if line["event"] in ("engine_fault", "errand_fault")]
    assert len(lines) == (expected == "bypass")
    assert SECRET not in json.dumps(lines)


def test_one_broken_prompt_does_not_bring_others_down(run_rig: Callable[..., Any], small_rules: Ruleset, good: Any) -> None:
    class Picky(Engine):
        def decide(self, prompt: Prompt, *, policy: PolicyFile | None = None) -> Decision:
            if "evil" in prompt.text:
                raise RuntimeError
            return super().decide(prompt, policy=policy)

    with run_rig(engine=Picky(small_rules), upstream=good.origin) as rig:
        outcomes = [rig.post(f"a doctor{' evil' * (number % 2)}").headers["x-evenhand-decision"] for number in range(10)]
    assert outcomes == ["rewritten", "bypass"] * 5


class BrokenSink:
    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    def __call__(self, entry: Entry) -> None:
        raise self.fault


@pytest.mark.parametrize("mode", ["pass", "reject", "shadow", "off"])
@pytest.mark.parametrize("fault", [RuntimeError(SECRET), OSError(28, "No space left"), MemoryError(), asyncio.QueueFull()])
def test_a_sink_that_fails_costs_no_request_and_no_other_sink(
    run_rig: Callable[..., Any], good: Any, eventually: Callable[..., Any], told: Callable[..., Any], mode: str, fault: Exception
) -> None:
    with run_rig(policy=MODES[mode], sinks=(BrokenSink(fault),), upstream=good.origin) as rig:
        assert [rig.post(PROMPT).status_code for _ in range(3)] == [200] * 3
        assert eventually(lambda: len(rig.entries) == 3)
    lines = [line for line in told() if line["event"] == "ledger_fault"]
    assert [line["sink"] for line in lines] == ["BrokenSink"] * 3
    assert SECRET not in json.dumps(lines)


def test_a_label_that_metrics_cannot_take_costs_no_request(run_rig: Callable[..., Any], good: Any, eventually: Any) -> None:
    """What breaks the counting of decisions is told, and the decision still reaches the sinks behind it."""

    def broken(decision: Decision) -> Decision:
        return replace(decision, draws=((object(),),))

    with run_rig(upstream=good.origin) as rig:
        engine = BrokenEngine(rig.live.serving.rules, broken)
        rig.live.serving = replace(rig.live.serving, engine=engine)
        assert rig.post().headers["x-evenhand-decision"] == "rewritten"
        assert eventually(lambda: rig.entries)
        assert httpx.get(f"{rig.admin}/metrics", trust_env=False, verify=False).status_code == 200


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_under_the_decision_log_costs_no_request_and_no_line(
    run_rig: Callable[..., Any], good: Any, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    path = tmp_path / "decisions.log"
    with run_rig(upstream=good.origin, decision_log=str(path)) as rig:
        assert rig.post().status_code == 200
        assert eventually(path.read_text)
        with largest_file(path.stat().st_size + 10):
            assert [rig.post().status_code for _ in range(5)] == [200] * 5
            log = rig.live.ledger.sinks[-1]
            assert log.written == 1
        assert eventually(lambda: path.read_text().count("\n") == 6)
        ids = [entry.decision.id for entry in rig.entries]
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ids


def test_dev_full_as_decision_log(run_rig: Callable[..., Any], good: Any, tmp_path: Path) -> None:
    """Lines that can never be written are counted as dropped, and requests go on."""
    url = f"sqlite:///{tmp_path}/no/such/folder/log.db"
    with run_rig(upstream=good.origin, decision_log=url) as rig:
        assert [rig.post().status_code for _ in range(4)] == [200] * 4
        log = rig.live.ledger.sinks[-1]
    assert (log.written, log.dropped) == (0, 4)


def test_a_full_disk_under_a_large_body_is_a_503_before_anything_is_sent(
    run_rig: Callable[..., Any], good: Any, request_of: Callable[..., bytes], hear: Callable[..., Any]
) -> None:
    with run_rig(upstream=good.origin, memory_bytes=65_536, body_bytes=8_000_000) as rig:
        with largest_file(100_000):
            got = hear(rig.port, request_of(image="A" * 3_000_000))
        assert (got.status, good.receipts) == (503, [])
        assert b"can't be kept on disk" in got.body
        assert rig.post().status_code == 200


ANSWERS: dict[str, tuple[bytes, int, int]] = {
    # Answer -> the status for one image, and for two that must be merged.
    "no JSON": (b"<html>", 200, 502),
    "no object": (b"[]", 200, 502),
    "no data": (b"{}", 200, 502),
    "data is no list": (b'{"data":{}}', 200, 502),
    "data of numbers": (b'{"data":[1]}', 200, 200),
    "an empty list": (b'{"data":[]}', 200, 200),
    "two keys": (b'{"data":[],"data":[{}]}', 200, 502),
    "too deep": (b'{"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}", 200, 502),
    "not UTF-8": (b'{"data":[{"url":"\xff"}]}', 200, 200),
    "half a surrogate": (b'{"data":[{"url":"\\ud800"}]}', 200, 200),
    "a number without end": (b'{"data":[{"url":' + b"9" * 10_000 + b"}]}", 200, 200),
    "a byte order mark": (b'\xef\xbb\xbf{"data":[{"url":"u"}]}', 200, 502),
    "nothing": (b"", 200, 502),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_that_cannot_be_revised_or_merged(
    stand: Any, answer: Callable[..., bytes], told: Callable[..., Any], eventually: Callable[..., Any], kind: str
) -> None:
    body, alone, merged = ANSWERS[kind]

    def steps(upstream: Any, wire: Any) -> None:
        upstream.receipts.append(wire.request())
        wire.send(answer(body, fields=b"Connection: close\r\n"))

    upstream = stand.play(steps)
    one, two = stand.rig.post("a doctor"), stand.rig.post("a doctor", n=2)
    assert one.status_code == alone
    assert two.status_code in (200, 502)
    if two.status_code == 502:
        assert (two.headers["x-should-retry"], two.json()["error"]["code"]) == ("false", "unmergeable_answers")
    if kind in ("no JSON", "no object", "no data", "data is no list", "nothing", "too deep"):
        assert (one.content, two.status_code) == (body, merged)
    assert len(upstream.receipts) <= 3
    assert "Traceback" not in one.text + two.text
    assert not [line for line in told() if line["event"] == "fault"]


def test_headers_of_a_rejected_request_name_no_decision(rig_with: Callable[..., Any]) -> None:
    with rig_with("engine", "reject") as rig, socket.create_connection(("127.0.0.1", rig.port)):
        got = rig.post()
    assert "x-evenhand-decision" not in got.headers
