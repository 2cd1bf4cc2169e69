"""Compiling and trying a folder of rules in a process of its own, so that requests are served at full speed meanwhile.

A folder goes in; a Ruleset whose own examples all pass comes out, or a sentence with file and line. In this process the
work would hold the interpreter for seconds, and its memory would stay behind in pieces; so the start works that way, too.
"""

import asyncio
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import evenhand
from evenhand.casebook import Result, rule_cases, run_cases
from evenhand.engine import Engine
from evenhand.errors import EvenhandError
from evenhand.proxy import heap
from evenhand.proxy.watch.logs import where
from evenhand.rules import Ruleset
from evenhand.rules.cache import cached
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder

TIMEOUT_S = 180.0
SHOWN_FAILURES = 5
UNTRIED = "--untried"
NICE = 2
T = TypeVar("T")


class RefusedRulesError(EvenhandError):
    """These rules must not serve; the text says why, with file and line."""


async def compile_aside(folder: Path, *, timeout_s: float = TIMEOUT_S) -> Ruleset:
    """Raises RefusedRulesError. Cancelled, it ends the other process."""
    return await rules_told(await told_aside(folder, timeout_s=timeout_s))


async def told_aside(folder: Path, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """What the other process has to say, for `rules_told`. Raises RefusedRulesError where it said nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evenhand.proxy.admin.aside", str(folder), stdout=asyncio.subprocess.PIPE, env=_environment()
    )
    try:
        async with asyncio.timeout(timeout_s):
            told, _ = await process.communicate()
    except TimeoutError:
        raise RefusedRulesError(f"The rules took longer than {timeout_s:g} s to compile; make them smaller.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RefusedRulesError(_ended(process.returncode))
    return told


async def rules_told(told: bytes) -> Ruleset:
    """Raises RefusedRulesError for rules that must not serve."""
    kind, found = await asyncio.to_thread(undisturbed, lambda: pickle.loads(told))
    if kind != "rules":
        raise RefusedRulesError(found)
    assert isinstance(found, Ruleset)
    return found


def loaded_aside(folder: Path) -> Ruleset:
    """As `load_rules`, without trying the examples; for a start, which has no event loop yet. Raises RuleError."""
    return cached(folder, lambda: _compiled_aside(folder) or _compiled(folder))


def _compiled_aside(folder: Path) -> Ruleset | None:
    """None for whatever reason: who compiles here then learns it from the rules themselves."""
    command = [sys.executable, "-m", "evenhand.proxy.admin.aside", str(folder), UNTRIED]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=TIMEOUT_S, env=_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    kind, found = pickle.loads(told.stdout)
    return found if kind == "rules" else None


def _environment() -> dict[str, str]:
    """This very package must be found there, however it was found here."""
    home = str(Path(evenhand.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])}


def _ended(code: int) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"The process that compiles the rules {how}; it may have run out of memory, and the log may say more."


def undisturbed(build: Callable[[], T]) -> T:
    """Builds a large heap without the collector walking it again and again while it grows."""
    gc.disable()
    try:
        return build()
    finally:
        gc.enable()


def settle() -> None:
    """At the start: what is alive now lives long, so the collector need not walk it under load."""
    gc.collect()
    gc.freeze()
    heap.give_back()


def let_go() -> None:
    """After rules were replaced. Nothing is frozen then: requests under way would be, too, and one of them that dies in a
    circle, as a cancelled one does, would keep the rules it was judged by for good."""
    gc.collect()
    heap.give_back()


def tried(folder: Path) -> Ruleset:
    """Raises RuleError for rules that can't be used, RefusedRulesError where an example of theirs fails."""
    loaded = load_folder(folder)
    rules = compile_rules(loaded)
    cases = rule_cases(loaded)
    failed = [result for result in run_cases(cases, Engine(rules), rules) if not result.passed]
    if failed:
        lines = "\n".join(_line(result) for result in islice(failed, SHOWN_FAILURES))
        more = f"\nand {len(failed) - SHOWN_FAILURES} more" if len(failed) > SHOWN_FAILURES else ""
        raise RefusedRulesError(f"{len(failed)} of {len(cases)} examples of the rules fail:\n{lines}{more}")
    return rules


def _line(result: Result) -> str:
    return f"{result.case.place}: '{result.case.example.say}': {'; '.join(map(str, result.faults))}"


def _answer(folder: Path, build: Callable[[Path], Ruleset]) -> tuple[str, Any]:
    try:
        return "rules", undisturbed(lambda: build(folder))
    except EvenhandError as refused:
        return "refused", str(refused)
    except Exception as fault:
        return "refused", f"A fault of ours kept the rules from being compiled: {where(fault)}."


def _compiled(folder: Path) -> Ruleset:
    return compile_rules(load_folder(folder))


def main() -> None:
    """Standard output carries the answer and nothing else; whatever prints goes to standard error."""
    folder, *flags = sys.argv[1:]
    build = _compiled if UNTRIED in flags else tried
    if build is tried:
        os.nice(NICE)  # requests are served meanwhile
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        pickle.dump(_answer(Path(folder), build), out, protocol=5)


if __name__ == "__main__":
    main()
