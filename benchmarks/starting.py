"""(f) Start-up: from the process's start to its first good answer, and the memory then. Rules compiled before and not."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

from _contestants import CONTESTANTS, Contestant, Start, running
from _results import keep, middle, options
from _unseen import WORK
from _upstream import upstream


def main() -> int:
    rounds = options(__doc__).parse_args().rounds
    found: dict[str, list[tuple[float, float]]] = {}
    with upstream() as api:
        for _ in range(rounds):
            for each in starters():
                with running(each, api.port) as process:
                    found.setdefault(each.title, []).append((process.ready_s, process.memory_mb()))
    rows = [[title, middle([one[0] for one in seen]), middle([one[1] for one in seen], 0)] for title, seen in found.items()]
    heading = f"From the start to the first good answer, one core: medians of {rounds} starts (least-most)"
    keep("starting", {"seconds_and_mb": found}, tables=[(heading, ("", "s", "MB then"), rows)])
    return 0


def starters() -> Iterator[Contestant]:
    """Evenhand first finds no compiled rules, then those it has just kept."""
    cache = WORK / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    ours, others = CONTESTANTS[0], [each for each in CONTESTANTS if each.is_here and not each.name.startswith("evenhand")]
    for state in ("rules not compiled yet", "compiled rules kept"):
        yield replace(ours, title=f"Evenhand, {state}", start=lambda *told: cached(ours.start(*told), str(cache)))
    yield from others


def cached(start: Start, folder: str) -> Start:
    return replace(start, environment={**start.environment, "EVENHAND_CACHE_DIR": folder})


if __name__ == "__main__":
    raise SystemExit(main())
