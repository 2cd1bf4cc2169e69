"""Counts of several processes add up to those of one."""

from prometheus_client import CollectorRegistry, generate_latest

from evenhand.proxy.merging import Total, told_metrics
from evenhand.proxy.watch.meters import Meters


def worker(*, decisions: int, loaded_at: float, ok: bool = True, revision: str = "aa") -> Meters:
    made = Meters()
    for _ in range(decisions):
        made.decisions.labels("rewritten", "rewrite").inc()
        made.overhead.observe(0.003)
    made.rules.labels(revision).set(1)
    made.rules_loaded.set(loaded_at)
    made.reload_ok.set(ok)
    made.watch_pool(lambda: decisions, limit=100)
    return made


def merged(*parts: Meters, gone: Meters | None = None) -> CollectorRegistry:
    total, registry = Total(), CollectorRegistry()
    if gone:
        total.take(told_metrics(gone.registry), gone=True)
    for part in parts:
        total.take(told_metrics(part.registry))
    registry.register(total)
    return registry


def test_counters_and_histograms_add_up_and_gauges_mean_what_they_say() -> None:
    found = merged(worker(decisions=3, loaded_at=10), worker(decisions=4, loaded_at=20, ok=False, revision="bb"))
    values = {
        name: found.get_sample_value(f"evenhand_{name}", labels)
        for name, labels in [
            ("decisions_total", {"outcome": "rewritten", "route": "rewrite"}),
            ("overhead_seconds_bucket", {"le": "0.004"}),
            ("overhead_seconds_bucket", {"le": "+Inf"}),
            ("overhead_seconds_count", {}),
            ("rules_loaded_timestamp_seconds", {}),
            ("rules_last_reload_success", {}),
            ("pool_connections_limit", {}),
            ("pool_connections_in_use", {}),
        ]
    }
    assert list(values.values()) == [7, 7, 7, 10, 0, 200, 7]
    assert [found.get_sample_value("evenhand_rules_info", {"revision": each}) for each in ("aa", "bb")] == [1, 1]


def test_a_worker_that_is_gone_leaves_its_counts_but_not_its_state() -> None:
    found = merged(worker(decisions=2, loaded_at=50), gone=worker(decisions=5, loaded_at=1, revision="old"))
    assert found.get_sample_value("evenhand_decisions_total", {"outcome": "rewritten", "route": "rewrite"}) == 7
    assert found.get_sample_value("evenhand_overhead_seconds_count") == 7
    assert found.get_sample_value("evenhand_rules_loaded_timestamp_seconds") == 50
    assert found.get_sample_value("evenhand_rules_info", {"revision": "old"}) is None


def test_one_worker_reads_as_it_does_alone() -> None:
    """Every family, label and value, in the text that is scraped; processor time moves between two readings."""
    alone = worker(decisions=3, loaded_at=10)
    lines = [
        [line for line in generate_latest(each).decode().splitlines() if "process_" not in line]
        for each in (alone.registry, merged(alone))
    ]
    assert lines[0] == lines[1]
    assert len(lines[0]) > 60


def test_what_a_total_tells_it_takes_again() -> None:
    one, other = Total(), Total()
    one.take(told_metrics(worker(decisions=3, loaded_at=10).registry))
    other.take(one.told())
    assert list(one.told()) == list(other.told())
