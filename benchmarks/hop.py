"""(a) What a hop costs: each contestant alone on one core, client and image API on another, all taking turns in every round.

Every request carries a prompt of 25 words never sent before. Added time and ratios are taken within a round.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from _contestants import Contestant, chosen_of, running
from _load import CLIENT, Load, load
from _machine import console
from _plot import bars
from _results import RESULTS, keep, middle, options
from _running import Running
from _unseen import unseen_file
from _upstream import ANSWER_BYTES, NGINX, upstream

AT_ONCE = (1, 32)
WARM_S = 2


@dataclass(slots=True)
class Seen:
    """One entry a round, by concurrency. `used_us` is processor time a request, of all the contestant's processes."""

    loads: dict[int, list[Load]] = field(default_factory=lambda: {each: [] for each in AT_ONCE})
    added_ms: list[tuple[float, float]] = field(default_factory=list)
    used_us: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in AT_ONCE})
    memory_mb: float = 0.0

    def rates(self) -> list[float]:
        return [each.rate for each in self.loads[AT_ONCE[-1]]]


def main() -> int:
    told = options(__doc__).parse_args()
    chosen = chosen_of(told.only)
    seen = measure(chosen, seconds=told.seconds, rounds=told.rounds)
    tell(chosen, seen, seconds=told.seconds)
    return 0


def measure(chosen: list[Contestant], *, seconds: int, rounds: int) -> dict[str, Seen]:
    prompts = unseen_file(25)
    seen = {name: Seen() for name in ("direct", *(each.name for each in chosen))}
    with upstream() as api, ExitStack() as held:
        ports: dict[str, Running | None] = {"direct": None}
        for each in chosen:
            ports[each.name] = held.enter_context(running(each, api.port))
            load(ports[each.name].port, prompts, at_once=8, seconds=WARM_S)  # type: ignore[union-attr]
        names = list(ports)
        for turn in range(rounds):
            for at_once in AT_ONCE:
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    one(seen[name], ports[name], api.port, at_once=at_once, seconds=seconds)
            console.print(f"round {turn + 1} of {rounds} done")
            compare(seen, turn)
        for name, process in ports.items():
            seen[name].memory_mb = process.memory_mb() if process else 0.0
    return seen


def one(into: Seen, process: Running | None, direct_port: int, *, at_once: int, seconds: int) -> None:
    used = process.processor_s() if process else 0.0
    found = load(process.port if process else direct_port, unseen_file(25), at_once=at_once, seconds=seconds)
    into.loads[at_once].append(found)
    if process:
        into.used_us[at_once].append((process.processor_s() - used) / max(found.requests, 1) * 1e6)


def compare(seen: dict[str, Seen], turn: int) -> None:
    base = seen["direct"].loads[1][turn]
    for each in seen.values():
        found = each.loads[1][turn]
        each.added_ms.append((found.p50_ms - base.p50_ms, found.p99_ms - base.p99_ms))


def tell(chosen: list[Contestant], seen: dict[str, Seen], *, seconds: int) -> None:
    titles = {"direct": f"no proxy (the limit of {CLIENT} and image API)"} | {each.name: title(each) for each in chosen}
    rounds = len(seen["direct"].added_ms)
    heading = f"A hop on one core, 25 unseen words, {ANSWER_BYTES} B back: medians of {rounds} rounds of {seconds} s (range)"
    columns = ("", "added p50 ms", "added p99 ms", "p99 ms, 32 at once", "requests/s", "CPU µs each", "MB")
    rows = [row(titles[name], each, is_direct=name == "direct") for name, each in seen.items()]
    figures = {
        "client": CLIENT,
        "upstream": "nginx" if NGINX else "asyncio",
        "seconds": seconds,
        "titles": titles,
        "contestants": {name: kept(each) for name, each in seen.items()},
        "ratios": ratios(seen),
    }
    keep("hop", figures, tables=[(heading, columns, rows), against(titles, ratios(seen))])
    shown = {titles[name]: median(each.rates()) for name, each in seen.items() if name != "direct"}
    (RESULTS / "hop.svg").write_text(bars("Requests a second on one core, 32 at once (logarithmic)", shown), encoding="utf-8")


def title(each: Contestant) -> str:
    return each.title if each.name.startswith("evenhand") else f"{each.title} {each.version()}"


def row(name: str, each: Seen, *, is_direct: bool) -> list[str]:
    added = [middle([pair[place] for pair in each.added_ms]) for place in (0, 1)]
    burst = middle([found.p99_ms for found in each.loads[AT_ONCE[-1]]], 1)
    rate = middle(each.rates(), 0)
    if is_direct:
        return [name, "", "", burst, rate, "", ""]
    return [name, *added, burst, rate, middle(each.used_us[AT_ONCE[-1]], 0), f"{each.memory_mb:.0f}"]


def ratios(seen: dict[str, Seen]) -> dict[str, dict[str, list[float]]]:
    """For each of ours and each peer: their processor time for one of ours, and our requests a second for one of theirs."""
    ours = [name for name in seen if name.startswith("evenhand")]
    peers = [name for name in seen if name != "direct" and name not in ours]
    return {name: {peer: pair(seen[name], seen[peer]) for peer in peers} for name in ours}


def pair(mine: Seen, theirs: Seen) -> list[float]:
    last = AT_ONCE[-1]
    rates = [one / other for one, other in zip(mine.rates(), theirs.rates(), strict=True)]
    used = [other / one for one, other in zip(mine.used_us[last], theirs.used_us[last], strict=True)]
    return [round(median(rates), 2), round(median(used), 2)]


def against(titles: dict[str, str], found: dict[str, dict[str, list[float]]]) -> tuple[str, list[str], list[list[str]]]:
    peers = [*next(iter(found.values()), {})]
    rows = [[titles[name], *(f"{rate:.3g}x, {used:.3g}x" for rate, used in by_peer.values())] for name, by_peer in found.items()]
    heading = f"As many requests a second as theirs, {AT_ONCE[-1]} at once; and processor time (medians of round by round)"
    return heading, ["", *(titles[peer] for peer in peers)], rows


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in figures.items()}


def kept(each: Seen) -> dict[str, Any]:
    loads = {str(at_once): [rounded(found._asdict()) for found in loads] for at_once, loads in each.loads.items()}
    used = {str(at_once): [round(value, 1) for value in values] for at_once, values in each.used_us.items()}
    return {
        "at_once": loads,
        "added_ms": [[round(value, 3) for value in pair] for pair in each.added_ms],
        "cpu_us": used,
        "memory_mb": round(each.memory_mb, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
