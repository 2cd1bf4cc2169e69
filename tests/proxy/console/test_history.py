from collections import Counter
from dataclasses import replace

import pytest

from evenhand.engine import Engine
from evenhand.flow import Outcome, Prompt
from evenhand.proxy.console.history import BOUNDS_MS, OVERHEAD, History, percentile
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def decided(small_rules: Ruleset) -> "Decided":
    return Decided(small_rules)


class Decided:
    def __init__(self, rules: Ruleset) -> None:
        self.rules = rules
        self.engine = Engine(rules)

    def entry(
        self, text: str = "a doctor", *, outcome: Outcome | None = None, images: int = 1, ms: float = 0.4, **more: object
    ) -> Entry:
        decision = self.engine.decide(Prompt(text=text, images=images, seed=3))
        decision = replace(decision, overhead_ms=ms, outcome=outcome or decision.outcome)
        return Entry(decision=decision, rules=self.rules, at=0.0, route="rewrite", **{"status": 200, **more})  # type: ignore[arg-type]


def test_counts_stand_at_their_time(clock: Clock, decided: Decided) -> None:
    history = History(buckets=6, bucket_s=10, clock=clock)
    history.note(decided.entry())
    clock.now += 20
    history.note(decided.entry("a doctor in 1940"))
    history.note(decided.entry("a rock concert"))
    found = history.series()
    assert found["step_s"] == 10
    assert found["at"] == [999_970, 999_980, 999_990, 1_000_000, 1_000_010, 1_000_020]
    assert found["series"]["outcome"] == {"rewritten": [0, 0, 0, 1, 0, 0], "unchanged": [0, 0, 0, 0, 0, 2]}
    assert found["series"]["reason"] == {"period": [0, 0, 0, 0, 0, 1]}
    assert found["totals"]["answer"] == {"2xx": 3}


def test_steps_join_buckets(clock: Clock, decided: Decided) -> None:
    history = History(buckets=360, bucket_s=10, clock=clock)
    for _ in range(3):
        history.note(decided.entry())
        clock.now += 10
    found = history.series(window_s=600, points=10)
    assert (found["step_s"], len(found["at"])) == (60, 10)
    assert sum(found["series"]["outcome"]["rewritten"]) == 3
    assert all(at % 60 == 0 for at in found["at"])


def test_what_is_older_than_the_window_is_forgotten(clock: Clock, decided: Decided) -> None:
    history = History(buckets=3, bucket_s=10, clock=clock)
    for _ in range(50):
        history.note(decided.entry())
        clock.now += 10
    assert len(history._counts) <= 3
    clock.now += 100
    assert history.series()["totals"] == {}


def test_draws_count_by_axis_and_value(clock: Clock, decided: Decided) -> None:
    history = History(clock=clock)
    history.note(decided.entry(images=10))
    history.note(decided.entry("doctors"))
    totals = history.series()["totals"]
    assert totals["drawn/gender"] == {"man": 5, "range": 1, "woman": 5}
    assert sum(totals["drawn/ethnicity"].values()) == 11


def test_faults_have_their_families(clock: Clock, decided: Decided) -> None:
    history = History(clock=clock)
    history.note(decided.entry(outcome="bypass", status=502))
    history.note(decided.entry(refused=True, status=0, drift=("gender", "height")))
    totals = history.series()["totals"]
    assert totals["outcome"] == {"bypass": 1, "rewritten": 1}
    assert totals["answer"] == {"5xx": 1, "none": 1}
    assert totals["refused"] == {"refused": 1}
    assert totals["drift"] == {"gender": 1}


def test_values_of_another_policy_are_no_labels(clock: Clock, decided: Decided, small_rules: Ruleset) -> None:
    history = History(clock=clock)
    policy = small_rules.policy.model_copy(update={"axes": {"gender": {"woman": 100}}})
    entry = replace(decided.entry(images=10), rules=replace(small_rules, policy=policy))
    history.note(entry)
    assert set(history.series()["totals"]) == {"outcome", "answer", "drawn/gender"}
    assert set(history.series()["totals"]["drawn/gender"]) == {"woman"}


@pytest.mark.parametrize(
    ("times_ms", "share", "wanted"),
    [
        ([], 0.5, None),
        ([0.4], 0.5, 0.4),
        ([0.05] * 99 + [40], 0.5, 0.051),
        ([0.05] * 99 + [40], 0.995, 40.0),
        ([5000], 0.99, 1000.0),
    ],
)
def test_percentiles_lie_in_the_right_bucket(times_ms: list[float], share: float, wanted: float | None) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for ms in times_ms:
        counts[OVERHEAD, str(sum(bound < ms for bound in BOUNDS_MS))] += 1
    assert percentile(counts, share) == (None if wanted is None else pytest.approx(wanted, rel=0.02))


def test_decisions_without_work_have_no_time(clock: Clock, decided: Decided) -> None:
    history = History(clock=clock)
    history.note(decided.entry(ms=0.0))
    found = history.series(points=4)
    assert found["overhead_ms"] == {"p50": [None] * 4, "p95": [None] * 4, "p99": [None] * 4}
    history.note(decided.entry(ms=0.4))
    assert history.series()["overhead_ms_all"]["p99"] == pytest.approx(0.5, abs=0.1)
