"""What is counted, and that no client, no image API and no rule can make it grow."""

import random
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from evenhand.dialects.load import load_dialects
from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.live import serving_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.meters import OUTCOMES, OWN_ROUTES, REASONS, Meters, stated_groups
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

MOST_SERIES = 400


def read(meters: Meters, name: str, **labels: str) -> float | None:
    return meters.registry.get_sample_value(f"evenhand_{name}", labels)


@pytest.fixture
def meters(shipped: Ruleset) -> Meters:
    found = Meters()
    found.serve(serving_of(shipped, load_dialects(), load_settings(upstream="http://up.example")), loaded_at=12.0)
    return found


def entry_of(engine: Engine, text: str, **more: Any) -> Entry:
    decision = engine.decide(Prompt(text=text, images=more.pop("images", 1), seed=1))
    outcome = more.pop("outcome", decision.outcome)
    return Entry(**{"decision": replace(decision, outcome=outcome), "rules": engine.rules, "at": 1.0, "route": "rewrite", **more})


def test_each_set_counts_for_itself() -> None:
    one, other, given = Meters(), Meters(), CollectorRegistry()
    one.decisions.labels("bypass", "rewrite").inc()
    counted = [read(each, "decisions_total", outcome="bypass", route="rewrite") for each in (one, other)]
    assert counted == [1, None]
    assert Meters(given).registry is given


def test_a_decision_is_counted_by_what_it_was(meters: Meters, engine: Engine) -> None:
    meters.note(entry_of(engine, "a Black doctor", images=2, upstream_status=200, status=200, drift=("gender",)))
    assert read(meters, "decisions_total", outcome="rewritten", route="rewrite") == 1
    assert read(meters, "decisions_closed_total", reason="explicit") == 1
    drawn = [read(meters, "drawn_total", axis="gender", value=value) or 0 for value in ("woman", "man")]
    assert sum(drawn) == 2
    assert read(meters, "drift_total", axis="gender") == 1
    assert read(meters, "upstream_answers_total", status="2xx", rewritten="true") == 1
    assert read(meters, "upstream_prompts_total", rewritten="true", group="Black") == 1


@pytest.mark.parametrize(
    ("text", "group", "rewritten"),
    [("a doctor", "none", "true"), ("a Black woman", "Black", "false"), ("a Black woman", "woman", "false")],
)
def test_refusals_are_split_by_group_and_by_rewriting(
    meters: Meters, engine: Engine, text: str, group: str, rewritten: str
) -> None:
    meters.note(entry_of(engine, text, upstream_status=400, refused=True))
    assert read(meters, "upstream_refusals_total", rewritten=rewritten, group=group) == 1
    assert read(meters, "upstream_answers_total", status="4xx", rewritten=rewritten) == 1


def test_our_own_routes_have_names(meters: Meters, engine: Engine) -> None:
    for route in OWN_ROUTES:
        meters.note(entry_of(engine, "a doctor", route=route))
        assert read(meters, "decisions_total", outcome="rewritten", route=route) == 1


def test_who_never_went_upstream_is_no_prompt_there(meters: Meters, engine: Engine) -> None:
    meters.note(entry_of(engine, "a doctor"))
    assert read(meters, "upstream_prompts_total", rewritten="true", group="none") is None


@pytest.mark.parametrize(("text", "stage"), [("a doctor", "engine"), ("", "body")])
def test_a_bypass_is_counted_by_its_stage(meters: Meters, engine: Engine, text: str, stage: str) -> None:
    assert read(meters, "bypass_total", stage=stage) == 0
    meters.note(entry_of(engine, text, outcome="bypass"))
    assert read(meters, "bypass_total", stage=stage) == 1


@pytest.mark.parametrize(
    ("status", "told"),
    [("200", "200"), ("429", "429"), ("404", "404"), ("418", "4xx"), ("599", "5xx"), ("0", "none"), ("999", "none")],
)
def test_statuses_come_from_a_list(meters: Meters, status: str, told: str) -> None:
    meters.requests.labels("openai.images.generations", status).inc()
    assert read(meters, "requests_total", operation="openai.images.generations", status=told) == 1


def test_one_revision_and_its_targets(meters: Meters, shipped: Ruleset) -> None:
    assert read(meters, "rules_info", revision=shipped.revision) == 1
    assert read(meters, "rules_loaded_timestamp_seconds") == 12
    assert read(meters, "target_share", axis="gender", value="woman") == 0.5
    policy = shipped.policy.model_copy(update={"axes": {"gender": {"woman": 100}}})
    later = replace(shipped, revision="later", policy=policy)
    meters.serve(serving_of(later, load_dialects(), load_settings()), loaded_at=13.0)
    assert read(meters, "rules_info", revision=shipped.revision) is None
    assert read(meters, "rules_info", revision="later") == 1
    assert read(meters, "target_share", axis="gender", value="man") is None


def test_pool_and_decision_log_are_asked_when_somebody_scrapes(meters: Meters) -> None:
    counts = [3, 5, 7]
    meters.watch_pool(lambda: counts[0], limit=10)
    meters.watch_log(lambda: counts[1], lambda: counts[2])
    names = ("pool_connections_in_use", "pool_connections_limit", "decision_log_written_total", "decision_log_dropped_total")
    assert [read(meters, name) for name in names] == [3, 10, 5, 7]
    counts[:] = [4, 6, 8]
    assert [read(meters, name) for name in names] == [4, 10, 6, 8]


def test_no_load_makes_more_series_than_allowed(engine: Engine, shipped: Ruleset) -> None:
    """Every label at every value that clients, image APIs, dialects and policies could bring, and thousands of made-up ones."""
    meters, chance = Meters(), random.Random(1)
    dialects = load_dialects()
    serving = serving_of(shipped, dialects, load_settings(upstream="http://up.example"))
    routes = [operation.id for dialect in dialects for operation in dialect.operations] + ["rewrite", "unlisted"]
    for turn in range(60):
        values = {f"value {turn}.{number}": 2 for number in range(50)}
        policy = shipped.policy.model_copy(update={"axes": {"gender": values, "ethnicity": values, "age": values}})
        rules = replace(shipped, revision=f"r{turn}", policy=policy)
        meters.serve(replace(serving, rules=rules), loaded_at=turn)
        for name in values:
            meters.drawn.labels(chance.choice(["gender", "ethnicity", "age"]), name).inc()
            meters.prompts.labels(chance.choice(["true", "false"]), name).inc()
            meters.refusals.labels(chance.choice(["true", "false"]), name).inc()
    for number in range(5_000):
        route = chance.choice([*routes, f"made-up-{number}"])
        meters.requests.labels(route, str(chance.randint(0, 999))).inc()
        meters.decisions.labels(chance.choice([*OUTCOMES, f"x{number}"]), route).inc()
        meters.closed.labels(chance.choice([*REASONS, f"x{number}"])).inc()
        for each in (meters.drift, meters.bypass, meters.reloads, meters.upstream_faults):
            each.labels(f"x{number}").inc()
        meters.upstream_answers.labels(str(chance.randint(0, 999)), chance.choice(["true", "false", f"x{number}"])).inc()
        if number < 50:
            meters.note(entry_of(engine, "a Black woman", route=route, tenant=f"t{number}", upstream_status=number))
    series = [sample for metric in meters.registry.collect() for sample in metric.samples]
    assert len(series) <= MOST_SERIES, len(series)
    assert not [sample for sample in series if any("made-up" in value for value in sample.labels.values())]


def test_groups_are_what_the_prompt_states(engine: Engine) -> None:
    assert stated_groups(engine.decide(Prompt(text="a Black woman and a doctor"))) == {"Black", "woman"}
    assert stated_groups(engine.decide(Prompt(text="a doctor"))) == set()
