"""Entries become lines without words, and no sink, however bad, is felt by a request."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from evenhand.engine import Engine
from evenhand.errors import SettingsError
from evenhand.flow import Prompt
from evenhand.proxy.judge import undecided
from evenhand.proxy.live import serving_of
from evenhand.proxy.watch.decision_log import DecisionLog, decision_log_of, is_sampled, line_of, prompt_hash
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

KEY = b"key of the tests"
Make = Callable[..., Entry]


class Kept:
    """A sink in memory; `full` holds it up, `faults` are raised first."""

    name = "kept"

    def __init__(self, *faults: Exception) -> None:
        self.lines: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self.faults = list(faults)
        self.is_open, self.reached = threading.Event(), threading.Event()
        self.is_open.set()
        self.is_closed = False

    def write(self, lines: Sequence[bytes]) -> None:
        self.reached.set()
        self.is_open.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.lines += [json.loads(line) for line in lines]
        self.batches.append(len(lines))

    def told(self, fault: Exception) -> str:
        return type(fault).__name__

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="module")
def make(small_rules: Ruleset) -> Make:
    engine = Engine(small_rules)

    def entry(text: str = "a doctor", *, images: int = 1, name: str = "d-1", **more: Any) -> Entry:
        decision = engine.decide(Prompt(text=text, images=images, seed=7, id=name))
        return Entry(**{"decision": decision, "rules": small_rules, "at": 1_700_000_000.5, "route": "openai/images", **more})

    return entry


@pytest.fixture
def log_to() -> Iterator[Callable[..., DecisionLog]]:
    made: list[tuple[DecisionLog, Kept]] = []

    def start(sink: Kept, **more: Any) -> DecisionLog:
        made.append((DecisionLog(sink, **{"key": KEY, "retry_s": 0.001, **more}), sink))
        return made[-1][0]

    yield start
    for log, sink in made:
        sink.is_open.set()
        log.close()


def test_a_line_holds_the_decision_and_what_came_of_it(make: Make) -> None:
    line = line_of(
        make(request_id="r-1", tenant="acme", ref="job 7", status=200, upstream_status=200, drift=("gender",)), key=KEY
    )
    assert line["timestamp"] == "2023-11-14T22:13:20.500Z"
    assert (line["request_id"], line["tenant"], line["route"], line["ref"]) == ("r-1", "acme", "openai/images", "job 7")
    assert (line["status"], line["upstream_status"], line["refused"], line["drift"]) == (200, 200, False, ["gender"])
    assert (line["outcome"], line["seed"]) == ("rewritten", 7)


def test_no_word_of_a_prompt_is_left_unless_asked_for(make: Make) -> None:
    canary = "a doctor named Zanzibarius in a purple 'quoted' room with a zorgler and an Ethiopian nurse"
    entry = make(canary, images=2)
    line = line_of(entry, key=KEY)
    left = json.dumps(line)
    assert not [word for word in ("Zanzibarius", "purple", "quoted", "zorgler", "Ethiopian", "room") if word in left]
    assert line["rewrites"] == ["", ""]
    assert {"/prompt", "/rewrites/0", "/rewrites/1", "/subjects/0/text"} <= set(line["masked"])
    kept = line_of(entry, key=KEY, prompts=True)
    assert (kept["prompt"], kept["masked"], len(kept["rewrites"])) == (canary, [], 2)


def test_every_erased_place_is_named_and_no_other(make: Make) -> None:
    entry = make("a doctor and a nurse", images=2)
    line, whole = line_of(entry, key=KEY), line_of(entry, key=KEY, prompts=True)
    assert sorted(line["masked"]) == sorted(_differing(whole, line, ""))


def _differing(one: Any, other: Any, at: str) -> Iterator[str]:
    if at == "/masked" or one == other:
        return
    if isinstance(one, dict | list):
        for key in one if isinstance(one, dict) else range(len(one)):
            yield from _differing(one[key], other[key], f"{at}/{key}")
    else:
        yield at


def test_a_head_no_rule_knows_is_marked_and_masked(small_rules: Ruleset, engine: Engine) -> None:
    decision = engine.decide(Prompt(text="a nurse beside a plumber", id="d-1"))
    line = line_of(Entry(decision=decision, rules=small_rules, at=1.0, route="rewrite"), key=KEY)
    heads = [subject["head"]["text"] for subject in line["subjects"]]
    assert (heads, line["unknown"]) == (["nurse", ""], ["/subjects/1/head"]), "a noun of the rules stays"
    assert "/subjects/0/head/text" not in line["masked"]


def test_a_name_is_never_kept_as_a_head(shipped: Ruleset, engine: Engine) -> None:
    decision = engine.decide(Prompt(text="a portrait of Marie Curie", id="d-1"))
    line = line_of(Entry(decision=decision, rules=shipped, at=1.0, route="rewrite"), key=KEY)
    assert "Curie" not in json.dumps(line)
    assert line["unknown"] == []


def test_hashes_are_keyed() -> None:
    assert prompt_hash("a doctor", KEY) == prompt_hash("a doctor", KEY)
    assert len({prompt_hash("a doctor", KEY), prompt_hash("a doctor", b"other"), prompt_hash("a nurse", KEY)}) == 3
    assert len(prompt_hash("half a pair \ud800", KEY)) == 64


def test_lines_arrive_in_order_and_closing_waits_for_them(make: Make, log_to: Callable[..., DecisionLog]) -> None:
    sink = Kept()
    log = log_to(sink)
    for number in range(1_200):
        log(make(name=f"d-{number}"))
    log.close()
    assert [line["id"] for line in sink.lines] == [f"d-{number}" for number in range(1_200)]
    assert (log.written, log.dropped, sink.is_closed) == (1_200, 0, True)
    assert max(sink.batches) <= 500


def test_a_full_queue_drops_counts_and_says_so(
    make: Make, log_to: Callable[..., DecisionLog], capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Kept()
    sink.is_open.clear()
    log = log_to(sink, most_lines=3)
    log(make(name="d-0"))
    sink.reached.wait()
    for number in range(1, 11):
        log(make(name=f"d-{number}"))
    assert (log.dropped, log.waiting) == (7, 3)
    sink.is_open.set()
    _until(lambda: log.written == 4)
    log(make(name="d-11"))
    log.close()
    assert [line["id"] for line in sink.lines] == ["d-0", "d-1", "d-2", "d-3", "d-11"]
    assert [line.get("lost") for line in sink.lines] == [None, None, None, None, 7], "the log itself tells of the gap"
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("decision_log_dropping") == 1, "one warning a minute"


def test_the_queue_is_bounded_in_bytes(make: Make, log_to: Callable[..., DecisionLog]) -> None:
    sink = Kept()
    sink.is_open.clear()
    log = log_to(sink, most_bytes=20_000, prompts=True)
    log(make())
    sink.reached.wait()
    for _ in range(4):
        log(make("a doctor " + "x" * 5_000))
    assert (log.waiting, log.dropped) == (1, 3)


def test_a_failing_sink_is_asked_again_until_it_works(
    make: Make, log_to: Callable[..., DecisionLog], capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Kept(*[OSError("a doctor")] * 3)
    log = log_to(sink)
    ledger = Ledger([log])
    for number in range(3):
        ledger.note(make(name=f"d-{number}"))
    _until(lambda: log.written == 3)
    log.close()
    shown = capsys.readouterr()
    said = shown.out + shown.err
    assert [line["id"] for line in sink.lines] == ["d-0", "d-1", "d-2"]
    assert said.count("decision_log_failing") == 1
    assert said.count("decision_log_recovered") == 1
    assert "a doctor" not in said


def test_closing_gives_up_on_a_sink_that_hangs(make: Make, log_to: Callable[..., DecisionLog]) -> None:
    sink = Kept()
    sink.is_open.clear()
    log = log_to(sink)
    for _ in range(3):
        log(make())
    sink.reached.wait()
    log.close(deadline_s=0.05)
    assert (log.written, log.dropped) == (0, 3)
    log(make())
    assert log.waiting == 0, "nothing is taken after the end"


def test_closing_gives_up_on_a_sink_that_fails(make: Make, log_to: Callable[..., DecisionLog]) -> None:
    sink = Kept(*[OSError("full")] * 100_000)
    log = log_to(sink)
    log(make())
    sink.reached.wait()
    log.close(deadline_s=0.1)
    _until(lambda: sink.is_closed)
    assert (log.written, log.dropped) == (0, 1)


def test_sampling_follows_the_id_and_keeps_what_went_wrong(
    make: Make, log_to: Callable[..., DecisionLog], small_rules: Ruleset
) -> None:
    sink = Kept()
    log = log_to(sink, sample=0.25)
    entries = [make(name=f"d-{number}") for number in range(400)]
    serving = serving_of(small_rules, [], load_settings())
    odd = [
        replace(entries[0], refused=True),
        replace(entries[1], drift=("ethnicity",)),
        replace(entries[2], decision=undecided(serving, Prompt(text="", id="d-b"), "bypass")),
    ]
    for entry in [*entries, *odd]:
        log(entry)
    log.close()
    wanted = [entry for entry in entries if is_sampled(entry.decision, 0.25)]
    assert [line["id"] for line in sink.lines] == [entry.decision.id for entry in [*wanted, *odd]]
    assert 70 < len(wanted) < 130
    assert [line["sample"] for line in sink.lines] == [0.25] * len(wanted) + [1.0] * 3
    assert (log.written, log.left_out) == (len(wanted) + 3, 400 - len(wanted))


@pytest.mark.parametrize(("text", "stays"), [("a portrait of me", "me"), ("1girl, solo, smile", "")])
def test_a_head_that_some_rule_holds_is_not_unknown(shipped: Ruleset, engine: Engine, text: str, stays: str) -> None:
    line = line_of(Entry(decision=engine.decide(Prompt(text=text)), rules=shipped, at=1.0, route="rewrite"), key=KEY)
    assert (line["unknown"], line["subjects"][0]["head"]["text"]) == ([], stays)


@pytest.mark.parametrize(("share", "kept"), [(0.0, False), (1.0, True)])
def test_the_ends_of_sampling(make: Make, share: float, kept: bool) -> None:
    assert {is_sampled(make(name=f"d-{number}").decision, share) for number in range(50)} == {kept}


def test_no_log_unless_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    assert decision_log_of(load_settings()) is None
    assert decision_log_of(load_settings(decision_log="off")) is None
    log = decision_log_of(load_settings(decision_log=str(tmp_path / "d.jsonl")))
    assert log is not None
    log.close()
    assert "of this process only" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"decision_log": "mysql://me:hunter2@host/db"}, "'mysql' is no database we write to; use sqlite:///FILE or"),
        ({"decision_log": "sqlite://"}, "a database in memory is lost at the end"),
        ({"decision_log_sample": 1.5}, "--decision-log-sample 1.5"),
        ({"decision_log_bytes": 10}, "--decision-log-bytes 10"),
        ({"decision_log_files": 0}, "--decision-log-files 0"),
        ({"decision_log_queue": 0}, "--decision-log-queue 0"),
    ],
)
def test_settings_that_cannot_be_used(flags: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**flags)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_settings_never_show_the_url() -> None:
    assert "hunter2" not in repr(load_settings(decision_log="postgresql://me:hunter2@host/db"))


def _until(done: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(4_000):
        if done():
            return
        tick.wait(0.005)
    raise AssertionError("it did not come to pass")


def test_a_sidecar_that_stops_has_written_every_decision(run_sidecar: Callable[..., Any], tmp_path: Any) -> None:
    path = tmp_path / "decisions.jsonl"
    with run_sidecar(demo=True, decision_log=str(path), decision_log_prompts=True) as sidecar:
        answers = [sidecar.post("a doctor", headers={"X-Request-Id": f"r-{number}"}) for number in range(5)]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == [answer.headers["x-evenhand-decision-id"] for answer in answers]
    assert [line["request_id"] for line in lines] == [f"r-{number}" for number in range(5)]
    assert {(line["prompt"], line["outcome"], line["status"], line["upstream_status"]) for line in lines} == {
        ("a doctor", "rewritten", 200, 200)
    }
    assert path.stat().st_mode & 0o777 == 0o600
