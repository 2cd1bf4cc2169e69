"""Prompts in, decisions out, whatever happens: shadow mode and faults of the engine are settled here.

A long prompt is decided in a thread, so that it can't hold up everybody else's requests. No prompt text is logged.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter

from evenhand.flow import Analysis, Decision, Outcome, Plan, Prompt, Remark
from evenhand.proxy.live import Serving
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.logs import log, where
from evenhand.rules.schema import Mode, PolicyFile

LONG_CHARS = 1_000
_long_prompts = ThreadPoolExecutor(max_workers=2, thread_name_prefix="evenhand-long")


async def judge(
    serving: Serving, prompt: Prompt, *, policy: PolicyFile, mode: Mode, remarks: tuple[Remark, ...] = ()
) -> Decision:
    """Raises Refusal 503 for a fault of the engine where the policy enforces and says `on_error: reject`."""
    if mode == "off":
        return undecided(serving, prompt, "opted_out", remarks=remarks)
    began = perf_counter()
    decision = await _decided(serving, prompt, policy, mode)
    shadowed = decision.outcome == "rewritten" and mode == "shadow"
    spent_ms = (perf_counter() - began) * 1000
    return replace(decision, outcome="shadow" if shadowed else decision.outcome, overhead_ms=spent_ms, remarks=remarks)


async def _decided(serving: Serving, prompt: Prompt, policy: PolicyFile, mode: Mode) -> Decision:
    try:
        if len(prompt.text) > LONG_CHARS:
            return await asyncio.get_running_loop().run_in_executor(_long_prompts, _decide, serving, prompt, policy)
        return _decide(serving, prompt, policy)
    except Exception as fault:
        log.error("engine_fault", decision_id=prompt.id, fault=where(fault))
        if policy.on_error == "reject" and mode == "enforce":  # who only watches stops nothing
            raise faulty() from fault
        return undecided(serving, prompt, "bypass")


def _decide(serving: Serving, prompt: Prompt, policy: PolicyFile) -> Decision:
    return serving.engine.decide(prompt, policy=policy)


def faulty() -> Refusal:
    message = "The prompt could not be checked, and the policy is to send nothing in that case; try again."
    return Refusal(503, message, code="engine_fault", retry=True)


def undecided(serving: Serving, prompt: Prompt, outcome: Outcome, *, remarks: tuple[Remark, ...] = ()) -> Decision:
    """The decision where the engine was not asked, or failed."""
    plan = Plan(analysis=Analysis(prompt=prompt, subjects=(), notes=()), rulings=())
    return Decision(id=prompt.id, revision=serving.revision, outcome=outcome, plan=plan, remarks=remarks)
