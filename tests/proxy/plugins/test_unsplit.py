"""n images stay one request, whatever the policy's parts say; nothing else of them changes."""

from dataclasses import replace
from typing import Any

from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.plugins.unsplit import shared, unsplit
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyPart
from evenhand.settings import load_settings


def with_policy(rules: Ruleset, **changes: Any) -> Ruleset:
    return replace(rules, policy=rules.policy.model_copy(update=changes))


PARTS = {"routes": {"*": PolicyPart(images="split", mode="shadow")}, "tenants": {"t": PolicyPart(images="split")}}


def test_no_part_splits(small_rules: Ruleset) -> None:
    policy = shared(with_policy(small_rules, images="split", **PARTS).policy)
    assert policy.images == "shared"
    assert [part.images for part in (*policy.routes.values(), *policy.tenants.values())] == [None, None]
    assert policy.routes["*"].mode == "shadow"


def test_the_rest_of_the_service_is_the_same(small_rules: Ruleset) -> None:
    settings = load_settings()
    live = Live(settings, serving_of(with_policy(small_rules, **PARTS), [], settings))
    one = unsplit(live)
    assert one.serving.policies.of(route="any", tenant="t").images == "shared"
    assert (one.serving.rules, one.serving.engine, one.ledger) == (live.serving.rules, live.serving.engine, live.ledger)
    assert live.serving.policies.of(route="any", tenant="t").images == "split"
