"""One model a kind; unknown keys refused, every kind described, aliases as in the files."""

import pytest
from pydantic import ValidationError

from evenhand.flow import AXES
from evenhand.rules.schema import KINDS, LISTED, Forms, PolicyFile, UpstreamRule, all_axes

BASE = {"id": "x", "match": ["a"], "why": "w", "examples": [{"say": "a doctor", "vary": ["gender"]}]}
NEEDED: dict[str, dict[str, object]] = {
    "terms": {"closes": ["gender"]},
    "cultures": {"as": "place"},
    "cues": {"closes": ["gender"]},
    "styles": {"as": "medium"},
}
DESIGN_KINDS = "people periods terms cultures roles cues religions sensitive collocations styles bodies things words"


@pytest.mark.parametrize("kind", DESIGN_KINDS.split())
def test_every_kind_takes_a_small_rule_and_no_unknown_key(kind: str) -> None:
    data = {**BASE, **NEEDED.get(kind, {})}
    assert KINDS[kind].model_validate(data).id == "x"
    with pytest.raises(ValidationError, match="extra_forbidden"):
        KINDS[kind].model_validate({**data, "durring": 1})


@pytest.mark.parametrize("kind", sorted(LISTED))
def test_every_kind_is_described(kind: str) -> None:
    assert LISTED[kind].model_json_schema()["properties"]


@pytest.mark.parametrize("name", ["Vikings", "a b", "", "-x", "x_y", "é"])
def test_ids_are_slugs(name: str) -> None:
    with pytest.raises(ValidationError):
        KINDS["people"].model_validate({**BASE, "id": name})


@pytest.mark.parametrize("missing", ["id", "why", "examples", "match"])
def test_a_rule_needs(missing: str) -> None:
    with pytest.raises(ValidationError):
        KINDS["people"].model_validate({key: value for key, value in BASE.items() if key != missing})


@pytest.mark.parametrize("years", ["1935..1945", "-44..14", "800..900"])
def test_years(years: str) -> None:
    assert KINDS["periods"].model_validate({**BASE, "during": years}).model_dump()["during"] == years


@pytest.mark.parametrize("years", ["1935", "1935-1945", "..1945", "x..y"])
def test_no_years(years: str) -> None:
    with pytest.raises(ValidationError):
        KINDS["periods"].model_validate({**BASE, "during": years})


def test_a_noun_needs_a_form() -> None:
    assert Forms(many="twins").one is None
    with pytest.raises(ValidationError, match="a noun needs"):
        Forms()


SHARES = [({"woman": 50, "man": 50}, True), ({"woman": 50, "man": 51}, False), ({}, False)]


@pytest.mark.parametrize(("shares", "good"), SHARES)
def test_shares_add_up(shares: dict[str, int], good: bool) -> None:
    if good:
        assert PolicyFile(axes={"gender": shares}).historical_until == 1970
    else:
        with pytest.raises(ValidationError, match="must add up to 100"):
            PolicyFile(axes={"gender": shares})


ORIGINS = ["api.openai.com", "https://a/b", "https://user@a", "ftp://a", "https://a?x", "https://a#x"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_origins_hold_scheme_and_host_only(origin: str) -> None:
    with pytest.raises(ValidationError):
        UpstreamRule(id="x", path="/v1", origin=origin)


def test_all_means_every_axis() -> None:
    assert all_axes("all") == frozenset(AXES)
    assert all_axes(["gender"]) == {"gender"}
