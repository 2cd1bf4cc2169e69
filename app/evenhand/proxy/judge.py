"""Prompts in, decisions out, whatever happens: shadow mode and faults of the engine are settled here.

A long prompt is decided in a thread, so that it can't hold up everybody else's requests. Short ones that arrive together are
decided one after another, so that the engine finds its tables in the processor's caches. No prompt text is logged.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import perf_counter
from weakref import WeakKeyDictionary

from evenhand.flow import Analysis, Decision, Outcome, Plan, Prompt, Remark
from evenhand.proxy.live import Serving
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.logs import log, where
from evenhand.rules.schema import Mode, PolicyFile

LONG_CHARS = 1_000
TURN_S = 0.01  # for decisions, before others have their turn
Timed = tuple[Decision, float]  # with its milliseconds
Found = Timed | Exception  # told and not raised, since a StopIteration can't be raised through a future
_long_prompts = ThreadPoolExecutor(max_workers=2, thread_name_prefix="evenhand-long")


async def judge(
    serving: Serving, prompt: Prompt, *, policy: PolicyFile, mode: Mode, remarks: tuple[Remark, ...] = ()
) -> Decision:
    """Raises Refusal 503 for a fault of the engine where the policy enforces and says `on_error: reject`."""
    if mode == "off":
        return undecided(serving, prompt, "opted_out", remarks=remarks)
    decision, spent_ms = await _decided(serving, prompt, policy, mode)
    shadowed = decision.outcome == "rewritten" and mode == "shadow"
    return replace(decision, outcome="shadow" if shadowed else decision.outcome, overhead_ms=spent_ms, remarks=remarks)


async def _decided(serving: Serving, prompt: Prompt, policy: PolicyFile, mode: Mode) -> Timed:
    began = perf_counter()
    decide = partial(_decide, serving, prompt, policy)
    try:
        is_long = len(prompt.text) > LONG_CHARS
        found = await (asyncio.get_running_loop().run_in_executor(_long_prompts, decide) if is_long else _turn().decided(decide))
        if isinstance(found, Exception):
            raise found
        return found
    except Exception as fault:
        log.error("engine_fault", decision_id=prompt.id, fault=where(fault))
        if policy.on_error == "reject" and mode == "enforce":  # who only watches stops nothing
            raise faulty() from fault
        return undecided(serving, prompt, "bypass"), (perf_counter() - began) * 1000


class _Turn:
    """The decisions asked for in one turn of an event loop, made in the next in the order they were asked for."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[asyncio.Future[Found], Callable[[], Found]]] = deque()

    def decided(self, decide: Callable[[], Found]) -> asyncio.Future[Found]:
        """`decide` raises nothing. Where the future is cancelled, nothing is decided."""
        if not self._waiting:
            self._loop.call_soon(self._run)
        asked = self._loop.create_future()
        self._waiting.append((asked, decide))
        return asked

    def _run(self) -> None:
        ends = perf_counter() + TURN_S
        try:
            while self._waiting and perf_counter() < ends:
                asked, decide = self._waiting.popleft()
                if not asked.cancelled():
                    _settle(asked, decide)
        finally:  # whatever ended it, nobody behind may wait for ever
            if self._waiting:
                self._loop.call_soon(self._run)


def _settle(asked: asyncio.Future[Found], decide: Callable[[], Found]) -> None:
    try:
        asked.set_result(decide())
    finally:
        asked.cancel()  # does nothing to one that is done


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = WeakKeyDictionary()


def _turn() -> _Turn:
    loop = asyncio.get_running_loop()
    found = _turns.get(loop)
    if found is None:
        found = _turns[loop] = _Turn(loop)
    return found


def _decide(serving: Serving, prompt: Prompt, policy: PolicyFile) -> Found:
    began = perf_counter()
    try:
        decision = serving.engine.decide(prompt, policy=policy)
    except Exception as fault:
        return fault
    return decision, (perf_counter() - began) * 1000


def faulty() -> Refusal:
    message = "The prompt could not be checked, and the policy is to send nothing in that case; try again."
    return Refusal(503, message, code="engine_fault", retry=True)


def undecided(serving: Serving, prompt: Prompt, outcome: Outcome, *, remarks: tuple[Remark, ...] = ()) -> Decision:
    """The decision where the engine was not asked, or failed."""
    plan = Plan(analysis=Analysis(prompt=prompt, subjects=(), notes=()), rulings=())
    return Decision(id=prompt.id, revision=serving.revision, outcome=outcome, plan=plan, remarks=remarks)
