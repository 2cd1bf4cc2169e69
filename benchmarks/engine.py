"""Time of one decision on one core, beside a blank spaCy tokenizer and an engine that does nothing; start-up and memory.

Each text is asked once, so that no cache of whole prompts could answer. The three take turns on every text.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import spacy
from _machine import PROMPTS, console, rank, show_machine
from rich.table import Table

from evenhand.engine import Engine
from evenhand.flow import Analysis, Decision, Plan, Prompt
from evenhand.rules import load_rules

ROUNDS, WARM_ROUNDS, STARTS = 60, 3, 5
MEMORY = "from _machine import memory_mb; print(json.dumps([round(first - began, 4), memory_mb()]))"
ENGINE = "from evenhand import Engine, Prompt, load_rules; engine = Engine(load_rules())"
FIRST: dict[str, str] = {
    "evenhand": f"{ENGINE}; engine.decide(Prompt(text='a doctor'))",
    "spaCy blank": "import spacy; nlp = spacy.blank('en'); nlp('a doctor')",
    "does nothing": "from evenhand.flow import Prompt; Prompt(text='a doctor')",
}
FULL = (
    f"{ENGINE}; from _machine import PROMPTS; "
    "[engine.decide(Prompt(text=f'{text}, take {turn}')) for turn in range(25) for text in PROMPTS]"
)


def main() -> int:
    show_machine("spacy", "numpy", "pyahocorasick", "google-re2")
    show_starts()
    show_decisions(measure())
    return 0


def nothing(text: str) -> Decision:
    prompt = Prompt(text=text)
    plan = Plan(analysis=Analysis(prompt=prompt, subjects=(), notes=()), rulings=())
    return Decision(id="", revision="", outcome="unchanged", plan=plan)


def measure() -> dict[str, list[tuple[float, float]]]:
    """For each engine, wall and processor milliseconds of every decision."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    engine, nlp = Engine(load_rules()), spacy.blank("en")
    asked: dict[str, Callable[[str], Any]] = {
        "evenhand": lambda text: engine.decide(Prompt(text=text)),
        "spaCy blank": nlp,
        "does nothing": nothing,
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for turn in range(-WARM_ROUNDS, ROUNDS):
        for prompt in PROMPTS:
            for name, ask in asked.items():
                spent = timed(ask, f"{prompt}, take {turn + WARM_ROUNDS}")
                times[name] += [spent] if turn >= 0 else []
    return times


def timed(ask: Callable[[str], Any], text: str) -> tuple[float, float]:
    wall, used = time.perf_counter_ns(), time.thread_time_ns()
    ask(text)
    used_ms = (time.thread_time_ns() - used) / 1e6
    return (time.perf_counter_ns() - wall) / 1e6, used_ms


def show_decisions(times: dict[str, list[tuple[float, float]]]) -> None:
    table = Table(title=f"One decision, one core, {len(PROMPTS) * ROUNDS:,} texts never asked before (ms)", title_justify="left")
    for heading in ("", "wall p50", "wall p99", "CPU p50", "CPU p99", "CPU p50 against evenhand"):
        table.add_column(heading, justify="right" if heading else "left")
    base = rank([used for _, used in times["evenhand"]], 0.5)
    for name, spent in times.items():
        walls, uses = [wall for wall, _ in spent], [used for _, used in spent]
        ranks = [rank(values, share) for values in (walls, uses) for share in (0.5, 0.99)]
        table.add_row(name, *(f"{value:.3f}" for value in ranks), f"{ranks[2] / base:.3f}")
    console.print(table)


def show_starts() -> None:
    table = Table(title=f"From nothing, each in a process of its own (median of {STARTS})", title_justify="left")
    for heading in ("", "work s", "with the interpreter's start s", "resident MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, code in FIRST.items():
        table.add_row(f"{name}: first decision", *(f"{value:.2f}" for value in fresh(code)))
    table.add_row("evenhand: rules loaded", *(f"{value:.2f}" for value in fresh("from evenhand import load_rules; load_rules()")))
    table.add_row("evenhand: 1,000 decisions", *(f"{value:.2f}" for value in fresh(FULL, starts=1)))
    console.print(table)


def fresh(code: str, *, starts: int = STARTS) -> tuple[float, float, float]:
    """Seconds of `code`, seconds of the whole process until then, and its memory, as medians."""
    program = f"import json, time; began = time.perf_counter(); {code}; first = time.perf_counter(); {MEMORY}"
    found = []
    for _ in range(starts):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=beside())
        took_s = time.perf_counter() - began
        work_s, used_mb = json.loads(done.stdout)
        found.append((work_s, took_s, used_mb))
    return tuple(median(each) for each in zip(*found, strict=True))  # type: ignore[return-value]


def beside() -> dict[str, str]:
    """The environment with this folder on the path."""
    here = os.path.dirname(os.path.abspath(__file__))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))}


if __name__ == "__main__":
    raise SystemExit(main())
