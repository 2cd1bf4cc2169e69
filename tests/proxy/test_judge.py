from dataclasses import replace
from typing import Any

import pytest

from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt
from evenhand.proxy.judge import LONG_CHARS, judge, undecided
from evenhand.proxy.live import Serving
from evenhand.proxy.refusal import Refusal
from evenhand.rules import Ruleset
from evenhand.rules.policies import Policies
from evenhand.rules.schema import Mode


class BrokenEngine(Engine):
    def decide(self, prompt: Prompt, **more: Any) -> Decision:
        raise RuntimeError(f"secret text: {prompt.text}")


def serving_of(rules: Ruleset, kind: type[Engine] = Engine, **policy: Any) -> Serving:
    rules = replace(rules, policy=rules.policy.model_copy(update=policy))
    return Serving(rules=rules, engine=kind(rules), upstreams=(), policies=Policies(rules.policy), signers={})


async def judged(serving: Serving, prompt: Prompt, mode: Mode = "enforce") -> Decision:
    return await judge(serving, prompt, policy=serving.rules.policy, mode=mode)


@pytest.mark.parametrize(
    ("text", "mode", "outcome"),
    [
        ("a doctor", "enforce", "rewritten"),
        ("a doctor", "shadow", "shadow"),
        ("a tree", "enforce", "unchanged"),
        ("a tree", "shadow", "unchanged"),
        ("a doctor", "off", "opted_out"),
        ("a doctor, " + "8k, " * LONG_CHARS, "enforce", "rewritten"),
    ],
)
async def test_outcomes(small_rules: Ruleset, text: str, mode: Mode, outcome: str) -> None:
    decision = await judged(serving_of(small_rules), Prompt(text=text, images=2, id="d-1"), mode)
    assert (decision.outcome, decision.id) == (outcome, "d-1")
    assert len(decision.texts) == (2 if outcome in ("rewritten", "shadow") else 0)
    assert (decision.overhead_ms > 0) is (outcome != "opted_out")


@pytest.mark.parametrize("text", ["a doctor", "a doctor" * LONG_CHARS])
async def test_a_fault_lets_the_original_pass(small_rules: Ruleset, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    decision = await judged(serving_of(small_rules, BrokenEngine), Prompt(text=text))
    assert (decision.outcome, decision.texts) == ("bypass", ())
    told = "".join(capsys.readouterr())
    assert "RuntimeError at test_judge.py" in told
    assert "secret text" not in told


async def test_a_fault_rejects_where_the_policy_says_so(small_rules: Ruleset) -> None:
    with pytest.raises(Refusal) as caught:
        await judged(serving_of(small_rules, BrokenEngine, on_error="reject"), Prompt(text="a doctor"))
    assert (caught.value.status, caught.value.retry) == (503, True)


def test_undecided_has_no_subject(small_rules: Ruleset) -> None:
    decision = undecided(serving_of(small_rules), Prompt(text="a doctor", id="d-2"), "opted_out")
    assert (decision.id, decision.outcome, decision.plan.rulings) == ("d-2", "opted_out", ())
