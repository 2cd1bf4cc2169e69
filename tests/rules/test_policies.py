"""Parts of the policy for routes and tenants: the tenant wins over the route, an axis is replaced by itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from evenhand.rules.policies import Policies
from evenhand.rules.schema import PolicyFile

POLICY = PolicyFile.model_validate(
    {
        "axes": {"gender": {"woman": 50, "man": 50}, "ethnicity": {"Black": 100}},
        "routes": {"openai.*": {"mode": "shadow"}, "*.edits": {"images": "shared"}},
        "tenants": {"acme": {"mode": "off"}, "film": {"axes": {"gender": {"woman": 70, "man": 30}}}},
    }
)


@pytest.mark.parametrize(
    ("route", "tenant", "wanted"),
    [
        ("", "", {"mode": "enforce", "images": "split"}),
        ("openai.images.generations", "", {"mode": "shadow", "images": "split"}),
        ("openai.images.edits", "", {"mode": "shadow", "images": "shared"}),
        ("openai.images.edits", "acme", {"mode": "off", "images": "shared"}),
        ("gemini.x", "nobody", {"mode": "enforce"}),
    ],
)
def test_parts_are_laid_over_the_policy(route: str, tenant: str, wanted: dict[str, Any]) -> None:
    found = Policies(POLICY).of(route=route, tenant=tenant)
    assert wanted.items() <= found.model_dump().items()


def test_an_axis_is_replaced_by_itself() -> None:
    found = Policies(POLICY).of(tenant="film")
    assert found.axes == {"gender": {"woman": 70, "man": 30}, "ethnicity": {"Black": 100}}


def test_no_part_is_the_policy_itself_and_parts_are_put_together_once() -> None:
    policies = Policies(POLICY)
    assert policies.of(route="x") is POLICY
    assert policies.of(tenant="acme") is policies.of(tenant="acme", route="x")


def test_shares_of_a_part_add_up() -> None:
    with pytest.raises(ValidationError, match="add up to 90"):
        PolicyFile.model_validate({**POLICY.model_dump(), "tenants": {"a": {"axes": {"gender": {"woman": 50, "man": 40}}}}})
