"""A bare text: its limits, its mode, and what the ledger is told."""

import pytest

from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.texts import Noted, decided, weaker
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.proxy.wishes import Wishes
from evenhand.rules import Ruleset
from evenhand.rules.schema import Mode
from evenhand.settings import load_settings

NOTE = Noted(route="here", tenant="t", ref="mine", request_id="r-1", remarks=("input_image",))


@pytest.fixture
def told() -> list[Entry]:
    return []


@pytest.fixture
def live(small_rules: Ruleset, told: list[Entry]) -> Live:
    settings = load_settings()
    return Live(settings, serving_of(small_rules, [], settings), Ledger([told.append]))


async def test_the_ledger_is_told_what_is_answered(live: Live, told: list[Entry]) -> None:
    policy = live.serving.rules.policy
    decision = await decided("a doctor", live, live.serving, wishes=Wishes(seed=7), policy=policy, note=NOTE, images=2)
    (entry,) = told
    assert entry.decision is decision
    assert (entry.route, entry.tenant, entry.ref, entry.request_id, entry.status) == ("here", "t", "mine", "r-1", 200)
    assert (decision.outcome, len(decision.texts), decision.remarks) == ("rewritten", 2, ("input_image",))


@pytest.mark.parametrize(
    ("off", "opt_out", "mode", "outcome"),
    [
        (False, True, None, "rewritten"),
        (False, True, "shadow", "shadow"),
        (False, True, "off", "opted_out"),
        (True, True, None, "opted_out"),
        (True, False, None, "rewritten"),
    ],
)
async def test_modes(live: Live, off: bool, opt_out: bool, mode: Mode | None, outcome: str) -> None:
    policy = live.serving.rules.policy.model_copy(update={"opt_out": opt_out})
    decision = await decided("a doctor", live, live.serving, wishes=Wishes(off=off), policy=policy, note=NOTE, mode=mode)
    assert decision.outcome == outcome


async def test_a_long_text_is_refused(live: Live) -> None:
    with pytest.raises(Refusal, match="32,001 characters"):
        await decided("a" * 32_001, live, live.serving, wishes=Wishes(), policy=live.serving.rules.policy, note=NOTE)


def test_the_weaker_mode_counts() -> None:
    assert [weaker("enforce", "shadow"), weaker("off", "shadow"), weaker("enforce", "enforce")] == ["shadow", "off", "enforce"]
