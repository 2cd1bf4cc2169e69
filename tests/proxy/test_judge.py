import asyncio
import threading
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


class StoppedEngine(Engine):
    def decide(self, prompt: Prompt, **more: Any) -> Decision:
        return next(iter(()))


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


@pytest.mark.parametrize("text", ["a doctor", "a doctor" * LONG_CHARS])
async def test_a_fault_that_no_future_takes(small_rules: Ruleset, text: str) -> None:
    async with asyncio.timeout(20):
        assert (await judged(serving_of(small_rules, StoppedEngine), Prompt(text=text))).outcome == "bypass"


async def test_a_fault_rejects_where_the_policy_says_so(small_rules: Ruleset) -> None:
    with pytest.raises(Refusal) as caught:
        await judged(serving_of(small_rules, BrokenEngine, on_error="reject"), Prompt(text="a doctor"))
    assert (caught.value.status, caught.value.retry) == (503, True)


def test_undecided_has_no_subject(small_rules: Ruleset) -> None:
    decision = undecided(serving_of(small_rules), Prompt(text="a doctor", id="d-2"), "opted_out")
    assert (decision.id, decision.outcome, decision.plan.rulings) == ("d-2", "opted_out", ())


class Remembering(Engine):
    def decide(self, prompt: Prompt, **more: Any) -> Decision:
        asked.append(prompt.id)
        if prompt.text == "broken":
            raise RuntimeError
        return super().decide(prompt, **more)


asked: list[str] = []


async def test_decisions_asked_for_together_are_made_in_order_and_fail_alone(small_rules: Ruleset) -> None:
    asked.clear()
    serving = serving_of(small_rules, Remembering)
    texts = ["a doctor", "broken", "a nurse", "a tree"] * 20
    prompts = [Prompt(text=text, id=str(number)) for number, text in enumerate(texts)]
    decisions = await asyncio.gather(*(judged(serving, prompt) for prompt in prompts))
    assert asked == [prompt.id for prompt in prompts]
    assert [decision.id for decision in decisions] == asked
    assert [decision.outcome for decision in decisions] == ["rewritten", "bypass", "rewritten", "unchanged"] * 20


async def test_who_has_left_is_not_decided(small_rules: Ruleset) -> None:
    asked.clear()
    serving = serving_of(small_rules, Remembering)
    tasks = [asyncio.create_task(judged(serving, Prompt(text="a doctor", id=str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert asked == ["0", "2"]


class Panic(BaseException):
    """What no `except Exception` catches, as extensions written in other languages may raise."""


class PanickingEngine(Engine):
    def decide(self, prompt: Prompt, **more: Any) -> Decision:
        if prompt.text == "panic":
            raise Panic
        return super().decide(prompt, **more)


async def test_whatever_ends_one_decision_nobody_behind_waits_for_ever(small_rules: Ruleset) -> None:
    serving = serving_of(small_rules, PanickingEngine)
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context.get("exception")))
    texts = ["a doctor", "panic", "a nurse"]
    async with asyncio.timeout(20):
        done = await asyncio.gather(*(judged(serving, Prompt(text=text)) for text in texts), return_exceptions=True)
        later = await judged(serving, Prompt(text="a doctor"))
    assert isinstance(done[1], asyncio.CancelledError)
    assert [each.outcome for each in (done[0], done[2], later) if isinstance(each, Decision)] == ["rewritten"] * 3
    assert [type(each) for each in told] == [Panic]


def test_each_event_loop_decides_its_own(small_rules: Ruleset) -> None:
    serving = serving_of(small_rules)
    found: list[Decision] = []

    def run() -> None:
        found.extend(asyncio.run(_many(serving)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [decision.outcome for decision in found] == ["rewritten"] * 80


async def _many(serving: Serving) -> list[Decision]:
    return await asyncio.gather(*(judged(serving, Prompt(text="a doctor", id=str(number))) for number in range(20)))
