"""(b) Large answers: megabytes a second through each contestant, and the most memory meanwhile. Prompts and turns as in (a)."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from _contestants import CONTESTANTS, Contestant, chosen_of, running
from _load import load
from _machine import console
from _results import keep, middle, options
from _running import Running
from _unseen import unseen_file
from _upstream import upstream

SIZES = (2_000_000, 8_000_000)
AT_ONCE = 4


class Peak:
    """The most memory a contestant's processes had, looked at every 50 ms."""

    def __init__(self, process: Running) -> None:
        self.process, self.most_mb, self.done = process, 0.0, threading.Event()

    def look(self) -> None:
        while not self.done.wait(0.05):
            self.most_mb = max(self.most_mb, self.process.memory_mb())


@contextmanager
def watched(process: Running) -> Iterator[Peak]:
    peak = Peak(process)
    thread = threading.Thread(target=peak.look)
    thread.start()
    try:
        yield peak
    finally:
        peak.done.set()
        thread.join()


def main() -> int:
    told = options(__doc__).parse_args()
    found = measure(chosen_of(told.only), seconds=told.seconds, rounds=told.rounds)
    titles = {each.name: each.title for each in CONTESTANTS} | {"direct": "no proxy"}
    headings = ("", *(f"{size // 1_000_000} MB: {what}" for size in SIZES for what in ("MB/s", "most MB")))
    rows = [[titles[name], *cells(by_size)] for name, by_size in found.items()]
    heading = f"Large answers, {AT_ONCE} at once, one core: medians of {told.rounds} rounds of {told.seconds} s (least-most)"
    keep("answers", {"at_once": AT_ONCE, "contestants": found}, tables=[(heading, headings, rows)])
    return 0


def measure(chosen: list[Contestant], *, seconds: int, rounds: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """By contestant and size, (MB/s, most MB) of each round."""
    with upstream() as api, ExitStack() as held:
        ways: dict[str, Running | None] = {"direct": None}
        ways |= {each.name: held.enter_context(running(each, api.port)) for each in chosen}
        found: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in ways}
        for size in SIZES:
            api.answers(size)
            for turn in range(rounds):
                for name, process in ways.items():
                    one = through(process, api.port, seconds=seconds)
                    found[name].setdefault(str(size), []).append(one)
                    time.sleep(0.2)
                console.print(f"{size // 1_000_000} MB, round {turn + 1} of {rounds} done")
    return found


def through(process: Running | None, direct_port: int, *, seconds: int) -> tuple[float, float]:
    prompts = unseen_file(25)
    if process is None:
        seen = load(direct_port, prompts, at_once=AT_ONCE, seconds=seconds)
        return seen.bytes / seen.seconds / 1e6, 0.0
    with watched(process) as peak:
        seen = load(process.port, prompts, at_once=AT_ONCE, seconds=seconds)
    return seen.bytes / seen.seconds / 1e6, peak.most_mb


def cells(by_size: dict[str, list[tuple[float, float]]]) -> list[str]:
    shown = []
    for rounds in by_size.values():
        most = median(memory for _, memory in rounds)
        shown += [middle([rate for rate, _ in rounds], 0), f"{most:.0f}" if most else ""]
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
