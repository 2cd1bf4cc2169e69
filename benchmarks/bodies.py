"""How long a large body takes to be read and spliced, beside the standard library's json over the same bytes, in one run."""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from _machine import show_machine

from evenhand.dialects.load import dialect_of
from evenhand.dialects.reading import read, write
from evenhand.flow import Edit, Span

DIALECT = b"dialect: d\ntitle: D\noperations: [{id: d.draw, path: /draw, prompts: [/prompt]}]\n"
OPERATION = dialect_of(DIALECT, "d.yaml").operations[0]
EDITS = [[Edit(Span(2, 2), "Black ")]]


def splice(body: bytes) -> int:
    return sum(len(piece) for piece in write(read(body, OPERATION), EDITS))


def plain(body: bytes) -> int:
    data = json.loads(body)
    data["prompt"] = "a Black nurse"
    return len(json.dumps(data))


def median_ms(run: Callable[[bytes], int], body: bytes, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run(body)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    show_machine()
    print("body        spliced   json.loads + dumps")
    for megabytes in (1, 5, 20):
        body = b'{"image":"%s","prompt":"a nurse"}' % (b"QUJD" * (megabytes * 250_000))
        print(f"{megabytes:>3} MB  {median_ms(splice, body, rounds):>8.1f} ms  {median_ms(plain, body, rounds):>8.1f} ms")


main()
