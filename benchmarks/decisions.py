"""(d) Decisions of the engine alone by the length of prompts, never seen and remembered, in one process and in two.
(e) Memory over 200,000 prompts of words never seen."""

import json
import os
import random
import string
import subprocess
import sys
import time
from statistics import median

from _machine import memory_mb, rank
from _results import keep, middle, options
from _running import LOAD_CORE, PROXY_CORE
from _unseen import unseen_file

from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.rules import load_rules

LENGTHS = {10: 2_000, 25: 2_000, 50: 1_000, 100: 500, 200: 250}
CORES = (PROXY_CORE, LOAD_CORE)
UNSEEN_WORDS, STEPS = 20, 8
WARM, AGAIN = 200, 20


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--unseen", type=int, default=200_000, help="prompts of words never seen; 0 leaves that out")
    parser.add_argument("--one", type=int, metavar="CORE", help="what each process does; prints JSON")
    told = parser.parse_args()
    if told.one is not None:
        print(json.dumps(one(told.one)))
        return 0
    if told.rounds:
        tell_rates([together(count) for _ in range(told.rounds) for count in (1, 2)])
    if told.unseen:
        tell_memory(memory(told.unseen))
    return 0


def one(core: int) -> dict[str, dict[str, float]]:
    """By length: processor milliseconds of a decision never made before, decisions a second of these and of remembered ones."""
    os.sched_setaffinity(0, {core})
    engine = Engine(load_rules())
    for number in range(WARM):
        engine.decide(Prompt(text=f"a doctor and {number} nurses by the sea at dusk, oil on canvas"))
    return {str(words): measured(engine, words, count) for words, count in LENGTHS.items()}


def measured(engine: Engine, words: int, count: int) -> dict[str, float]:
    lines = unseen_file(words, count=20_000 if words == 25 else 2_000).read_text(encoding="ascii").splitlines()
    texts = [json.loads(f'"{line}, take {number}"') for number, line in enumerate(lines[:count])]
    times: list[float] = []
    began = time.perf_counter()
    for text in texts:
        used = time.thread_time()
        engine.decide(Prompt(text=text))
        times.append((time.thread_time() - used) * 1000)
    cold_s = time.perf_counter() - began
    # Asked again at once, so that it is remembered however little the memory holds.
    kept = texts[-50:]
    began = time.perf_counter()
    for turn in range(AGAIN):
        for text in kept:
            engine.decide(Prompt(text=text, seed=turn + 2))
    again_s = time.perf_counter() - began
    rates = {"cold_rate": count / cold_s, "again_rate": AGAIN * len(kept) / again_s}
    return {"p50_ms": rank(times, 0.5), "p99_ms": rank(times, 0.99), "mean_ms": sum(times) / count, **rates}


def together(count: int) -> list[dict[str, dict[str, float]]]:
    command = [sys.executable, __file__, "--one"]
    children = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE) for core in CORES[:count]]
    return [json.loads(child.communicate()[0]) for child in children]


def tell_rates(runs: list[list[dict[str, dict[str, float]]]]) -> None:
    rows = []
    for words in map(str, LENGTHS):
        alone = [run[0][words] for run in runs if len(run) == 1]
        both = [[each[words] for each in run] for run in runs if len(run) == 2]
        singles = [middle([each[key] for each in alone], 2) for key in ("p50_ms", "p99_ms")]
        rates = [middle([sum(each[key] for each in run) for run in both], 0) for key in ("cold_rate", "again_rate")]
        ones = [middle([each[key] for each in alone], 0) for key in ("cold_rate", "again_rate")]
        rows.append([words, *singles, ones[0], rates[0], ones[1], rates[1]])
    headings = (
        "words",
        "CPU p50 ms",
        "CPU p99 ms",
        "unseen/s",
        "unseen/s, two processes",
        "remembered/s",
        "remembered/s, two processes",
    )
    heading = f"The engine alone: medians of {len(runs) // 2} rounds (least-most), a process a core"
    keep("decisions", {"lengths": LENGTHS, "runs": runs}, tables=[(heading, headings, rows)])


def memory(prompts: int) -> list[tuple[int, float]]:
    """(prompts so far, resident MB), while every word is a new one."""
    dice, engine = random.Random(1), Engine(load_rules())
    found = [(0, memory_mb(os.getpid()))]
    for step in range(1, STEPS + 1):
        for _ in range(prompts // STEPS):
            words = ("".join(dice.choices(string.ascii_letters, k=dice.randint(3, 12))) for _ in range(UNSEEN_WORDS))
            engine.decide(Prompt(text=f"a doctor and {' '.join(words)}"))
        found.append((step * prompts // STEPS, memory_mb(os.getpid())))
    return found


def tell_memory(found: list[tuple[int, float]]) -> None:
    rows = [[f"{count:,}", f"{used:.0f}"] for count, used in found]
    later = [used for _, used in found[STEPS // 4 :]]
    heading = f"Memory over {found[-1][0]:,} prompts of {UNSEEN_WORDS} words never seen (after a quarter {median(later):.0f} MB)"
    keep("memory", {"resident_mb": found}, tables=[(heading, ("prompts", "resident MB"), rows)])


if __name__ == "__main__":
    raise SystemExit(main())
