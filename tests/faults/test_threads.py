"""Many at once: the same prompts with the same seeds have the same answers, whatever runs beside them."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evenhand.proxy.judge import LONG_CHARS
from evenhand.rules import Ruleset

SCENES = ["a doctor", "two nurses and an engineer", "a Black engineer", "an engineer in 1940", "a tree", "3 doctors with a nurse"]
LONG = [f"{scene}, " + "soft light, " * (LONG_CHARS // 10) + f"and {scene} again" for scene in SCENES[:3]]


def asked(rig: Any, client: httpx.Client, number: int) -> tuple[str, int]:
    prompts = SCENES + LONG
    prompt, seed = prompts[number % len(prompts)], number % 7
    answer = client.post(f"{rig.url}/rewrite", json={"prompt": prompt, "seed": seed, "images": 2})
    assert answer.status_code == 200
    found = answer.json()
    return str((found["rewrites"], found["edits"], found["subjects"])), number


@pytest.mark.parametrize("which", ["small", "shipped"])
def test_four_threads_get_what_one_gets(
    run_rig: Callable[..., Any], small_rules: Ruleset, shipped: Ruleset, good: Any, times: Callable[[int, int], int], which: str
) -> None:
    rounds = times(63, 2_000)
    with run_rig(rules=shipped if which == "shipped" else small_rules, upstream=good.origin) as rig:
        with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
            alone = [asked(rig, client, number)[0] for number in range(63)]
        got: list[tuple[str, int]] = []

        def hammer(offset: int) -> None:
            with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
                got.extend(asked(rig, client, (number * 5 + offset) % 63) for number in range(rounds))

        threads = [threading.Thread(target=hammer, args=(offset,), name="test-hammer") for offset in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == 4 * rounds
    assert [number for answer, number in got if answer != alone[number]] == []


def test_proxied_requests_do_not_mix(run_rig: Callable[..., Any], good: Any) -> None:
    """Each request's prompt, marks and answer belong together, long and short ones side by side."""
    with run_rig(upstream=good.origin) as rig:

        def ask(mine: int) -> None:
            with httpx.Client(trust_env=False, verify=False, timeout=60) as client:
                for number in range(25):
                    mark = f"m{mine}x{number}"
                    filler = "8k, " * (400 if number % 5 == 0 else 1)
                    body = {"prompt": f"a doctor, {filler}{mark}", "user": mark}
                    answer = client.post(f"{rig.url}/v1/images/generations", json=body, headers={"x-request-id": mark})
                    assert answer.headers["x-request-id"] == mark
                    assert answer.json()["data"][0]["revised_prompt"].endswith(mark)

        threads = [threading.Thread(target=ask, args=(mine,), name="test-hammer") for mine in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        revisions = {entry.request_id: entry.decision.texts[0] for entry in rig.entries}
    assert len(good.receipts) == len(revisions) == 100
    for request in good.receipts:
        head, _, body = request.partition(b"\r\n\r\n")
        mark = next(line for line in head.split(b"\r\n") if line.startswith(b"x-request-id"))[14:].decode()
        assert revisions[mark].endswith(mark)
        assert mark.encode() in body
