"""Time of one decision on one core, beside a blank spaCy tokenizer and an engine that does nothing; start-up and memory.

The engine remembers no prompt here, save in the row that says so. All take turns on every text. By the number of words it is
asked on the prompts strung together. `--unseen 200000` decides as many prompts of words never seen and shows the memory.
"""

import argparse
import json
import os
import random
import string
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import spacy
from _machine import PROMPTS, console, memory_mb, rank, show_machine
from rich.table import Table

from evenhand.engine import Engine
from evenhand.flow import Analysis, Decision, Plan, Prompt
from evenhand.rules import load_rules

ROUNDS, WARM_ROUNDS, STARTS = 60, 3, 5
LENGTHS, TEXTS_A_LENGTH = (10, 25, 50, 100, 200), 200
UNSEEN_WORDS, UNSEEN_STEPS = 20, 5
# What runs in a fresh process: imports, then work.
FRESH = {
    "evenhand: rules loaded": ("from evenhand import load_rules", "load_rules()"),
    "evenhand: first decision": (
        "from evenhand import Engine, Prompt, load_rules",
        "Engine(load_rules()).decide(Prompt(text='a doctor'))",
    ),
    "evenhand: 1,000 decisions": (
        "import sys; from evenhand import Engine, Prompt, load_rules; prompts = sys.argv[1:]",
        "engine = Engine(load_rules()); [engine.decide(Prompt(text=f'{it}, {turn}')) for turn in range(25) for it in prompts]",
    ),
    "spaCy blank: first text": ("import spacy", "spacy.blank('en')('a doctor')"),
    "does nothing": ("from evenhand.flow import Prompt", "Prompt(text='a doctor')"),
}
PROGRAM = """
import json, os, time
began = time.monotonic()
{imports}
imported = time.monotonic()
{work}
done = time.monotonic()
pages = int(open('/proc/self/statm').read().split()[1])
print(json.dumps([imported - began, done - imported, done, pages * os.sysconf('SC_PAGE_SIZE') / 1e6]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unseen", type=int, metavar="PROMPTS", help="only this many prompts of unseen words, and the memory")
    unseen: int | None = parser.parse_args().unseen
    show_machine("spacy", "numpy", "google-re2")
    if unseen:
        show_memory(unseen)
    else:
        show_starts()
        show_decisions(measure())
        show_lengths()
    return 0


def nothing(text: str) -> Decision:
    prompt = Prompt(text=text)
    plan = Plan(analysis=Analysis(prompt=prompt, subjects=(), notes=()), rulings=())
    return Decision(id="", revision="", outcome="unchanged", plan=plan)


def measure() -> dict[str, list[tuple[float, float]]]:
    """For each engine, wall and processor milliseconds of every decision."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rules, nlp = load_rules(), spacy.blank("en")
    engine, remembering = Engine(rules, cache_bytes=0), Engine(rules)
    asked: dict[str, Callable[[str], Any]] = {
        "evenhand": lambda text: engine.decide(Prompt(text=text)),
        "evenhand, asked again": lambda text: remembering.decide(Prompt(text=text, seed=2)),
        "spaCy blank": nlp,
        "does nothing": nothing,
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for turn in range(-WARM_ROUNDS, ROUNDS):
        for prompt in PROMPTS:
            text = f"{prompt}, take {turn + WARM_ROUNDS}"
            remembering.decide(Prompt(text=text))
            for name, ask in asked.items():
                spent = timed(ask, text)
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


def show_lengths() -> None:
    table = Table(title="By the number of words, never asked before / asked again (CPU ms)", title_justify="left")
    for heading in ("words", "p50", "p99", "again p50", "again p99"):
        table.add_column(heading, justify="right")
    rules = load_rules()
    engine, remembering = Engine(rules, cache_bytes=0), Engine(rules)
    words = " ".join(PROMPTS).split()
    for length in LENGTHS:
        starts = [place * 7 % (len(words) - length) for place in range(TEXTS_A_LENGTH)]
        texts = [" ".join(words[start : start + length]) for start in starts]
        for text in texts:
            remembering.decide(Prompt(text=text))
        cold = [timed(lambda text: engine.decide(Prompt(text=text)), text)[1] for text in texts]
        again = [timed(lambda text: remembering.decide(Prompt(text=text, seed=2)), text)[1] for text in texts]
        shown = [rank(values, share) for values in (cold, again) for share in (0.5, 0.99)]
        table.add_row(str(length), *(f"{value:.3f}" for value in shown))
    console.print(table)


def show_memory(prompts: int) -> None:
    """Resident memory while every word is a new one; the first step fills what is remembered."""
    dice = random.Random(1)
    engine = Engine(load_rules())
    table = Table(title=f"{prompts:,} prompts of {UNSEEN_WORDS} unseen words", title_justify="left")
    table.add_column("prompts", justify="right")
    table.add_column("resident MB", justify="right")
    table.add_row("0", f"{memory_mb(os.getpid()):.0f}")
    for step in range(1, UNSEEN_STEPS + 1):
        for _ in range(prompts // UNSEEN_STEPS):
            words = ("".join(dice.choices(string.ascii_letters, k=dice.randint(3, 12))) for _ in range(UNSEEN_WORDS))
            engine.decide(Prompt(text=f"a doctor and {' '.join(words)}"))
        table.add_row(f"{step * prompts // UNSEEN_STEPS:,}", f"{memory_mb(os.getpid()):.0f}")
    console.print(table)


def show_starts() -> None:
    table = Table(title=f"From nothing, each in a process of its own (median of {STARTS})", title_justify="left")
    for heading in ("", "imports s", "work s", "since the process began s", "resident MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, (imports, work) in FRESH.items():
        *seconds, used_mb = fresh(PROGRAM.format(imports=imports, work=work))
        table.add_row(name, *(f"{value:.2f}" for value in seconds), f"{used_mb:.0f}")
    table.add_row("command: evenhand rewrite 'a doctor'", "", "", f"{command_s():.2f}", "")
    console.print(table)


def fresh(program: str) -> tuple[float, ...]:
    """Seconds of imports and of work, seconds since the process was started, resident MB; medians."""
    found = []
    for _ in range(STARTS):
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", program, *PROMPTS], capture_output=True, text=True, check=True)
        imports_s, work_s, ended, used_mb = json.loads(done.stdout)
        found.append((imports_s, work_s, ended - began, used_mb))
    return tuple(median(each) for each in zip(*found, strict=True))


def command_s() -> float:
    """Seconds from start to end of the command."""
    found = []
    for _ in range(STARTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "evenhand", "rewrite", "a doctor"], capture_output=True, check=True)
        found.append(time.monotonic() - began)
    return median(found)


if __name__ == "__main__":
    raise SystemExit(main())
