from dataclasses import replace

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.errors import SettingsError
from evenhand.proxy.live import serving_of
from evenhand.rules import Ruleset
from evenhand.rules.schema import UpstreamRule
from evenhand.settings import load_settings


def test_serving_knows_operations_and_revision(small_rules: Ruleset) -> None:
    serving = serving_of(small_rules, load_dialects(), load_settings(upstream="http://up.example"))
    assert serving.revision == small_rules.revision
    assert "/v1/images/generations" in [operation.path for operation in serving.upstreams[0].operations]
    assert [upstream.origin for upstream in serving.upstreams] == ["http://up.example"]


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8081", "http://localhost:8080"])
def test_an_upstream_of_the_rules_that_is_ourselves_is_refused(small_rules: Ruleset, origin: str) -> None:
    rules = replace(small_rules, upstreams=(UpstreamRule(id="self", path="/v1", origin=origin),))
    with pytest.raises(SettingsError, match="our own"):
        serving_of(rules, load_dialects(), load_settings())
