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


@pytest.mark.parametrize(("keys", "remarks"), [({}, 1), ({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}, 0)])
def test_signed_requests_that_can_not_be_changed_are_told(
    small_rules: Ruleset, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], remarks: int
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", **keys}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(upstream="http://up.example", dialects="bedrock")
    told = serving_of(small_rules, load_dialects(), settings).remarks
    assert ["Signed requests to 'upstream' run in shadow" in line for line in told] == [True] * remarks
