"""New rules without a restart: asked by a change of the folder, SIGHUP or an operator, it swaps them whole or not at all.

One attempt at a time. New rules are compiled and tried aside; only rules that can be used and pass their own examples are
put into service, by one assignment. Otherwise the last good ones go on serving, and the reason is kept, logged and counted.
"""

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evenhand.dialects.spec import Dialect
from evenhand.engine import Engine
from evenhand.errors import EvenhandError
from evenhand.proxy.admin.aside import compile_aside, let_go
from evenhand.proxy.admin.watching import compare, fingerprint, watch
from evenhand.proxy.live import Live, Reload, Serving, serving_of
from evenhand.proxy.watch.logs import log, where
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset

COMPARE_S = 10.0
TIDY_S = 30.0
NOTICED = "change"


@dataclass(frozen=True, slots=True)
class _Asked:
    cause: str
    done: asyncio.Future[Reload]


class Reloader:
    """`seen` is the fingerprint of the folder from just before the rules in service were read from it.

    `build` compiles and tries a folder; an EvenhandError of its means that the rules must not serve.
    """

    def __init__(
        self,
        live: Live,
        meters: Meters,
        dialects: Sequence[Dialect],
        folder: Path,
        *,
        seen: str,
        build: Callable[[Path], Awaitable[Ruleset]] = compile_aside,
        tidy_s: float = TIDY_S,
    ) -> None:
        self.folder = folder
        self._live = live
        self._meters = meters
        self._dialects = dialects
        self._build = build
        self._seen = self._serving = seen
        self._asked: list[_Asked] = []
        self._under_way: list[_Asked] = []
        self._wake = asyncio.Event()
        self._tidy_s = tidy_s
        self._replaced: list[weakref.ref[Engine]] = []

    def ask(self, cause: str) -> asyncio.Future[Reload]:
        """Starts an attempt, or another one after the one under way. The future never fails."""
        asked = _Asked(cause, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._wake.set()
        return asked.done

    async def run(self) -> None:
        """Watches and works until cancelled."""

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work())
                tasks.create_task(self._tidy())
                tasks.create_task(watch(self.folder, self._notice))
                tasks.create_task(compare(self.folder, lambda: self._seen, self._notice, every_s=COMPARE_S))
        finally:
            revision = self._live.serving.revision
            ended = Reload(at=time.time(), cause="stop", result="refused", revision=revision, error="The sidecar is stopping.")
            _answer([*self._under_way, *self._asked], ended)

    def _notice(self) -> None:
        self.ask(NOTICED)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._under_way, self._asked = self._asked, []
            outcome = await self._attempt(self._under_way[0].cause)
            _answer(self._under_way, outcome)

    async def _tidy(self) -> None:
        """Old rules outlive their swap while requests hold them, and a circle until somebody collects: at rest nobody does."""
        while True:
            await asyncio.sleep(self._tidy_s)
            self._replaced = [engine for engine in self._replaced if engine() is not None]
            if self._replaced:
                await asyncio.to_thread(let_go)

    async def _attempt(self, cause: str) -> Reload:
        began, error, result = time.monotonic(), "", "refused"
        try:
            result = await self._renew()
        except EvenhandError as refused:
            error = str(refused)
        except Exception as fault:
            error = f"A fault of the sidecar kept the rules from being read: {where(fault)}."
        live = self._live
        took_s = time.monotonic() - began
        outcome = Reload(
            at=time.time(), cause=cause, result=result, revision=live.serving.revision, took_s=round(took_s, 3), error=error
        )
        is_news = cause != NOTICED or result != "unchanged" or not (live.last_reload is None or live.last_reload.ok)
        if is_news:
            live.last_reload = outcome
            self._tell(outcome)
        return outcome

    async def _renew(self) -> str:
        """Reads before compiling what the folder holds, so that a later change is seen as one."""
        found = await asyncio.to_thread(fingerprint, self.folder)
        self._seen = found
        if found == self._serving:
            return "unchanged"
        rules = await self._build(self.folder)
        # Files that changed while they were read leave it open which of them serve; the next attempt compiles again.
        read = found if await asyncio.to_thread(fingerprint, self.folder) == found else ""
        is_new = rules.revision != self._live.serving.revision
        if is_new:
            self._put(await asyncio.to_thread(serving_of, rules, self._dialects, self._live.settings))
        self._serving = read
        await asyncio.to_thread(let_go)
        return "swapped" if is_new else "unchanged"

    def _put(self, serving: Serving) -> None:
        self._replaced.append(weakref.ref(self._live.serving.engine))
        self._live.serving = serving
        self._live.loaded_at = time.time()
        self._meters.serve(serving, loaded_at=self._live.loaded_at)

    def _tell(self, outcome: Reload) -> None:
        self._meters.reloads.labels(outcome.result).inc()
        self._meters.reload_ok.set(outcome.ok)
        facts = {"cause": outcome.cause, "result": outcome.result, "revision": outcome.revision, "took_s": outcome.took_s}
        if outcome.ok:
            log.info("rules_reload", **facts)
        else:
            log.error("rules_reload", **facts, error=outcome.error, serving="the last good rules")


def _answer(asked: Sequence[_Asked], outcome: Reload) -> None:
    """Whoever asked and left has cancelled the future."""
    for each in asked:
        if not each.done.done():
            each.done.set_result(outcome)
