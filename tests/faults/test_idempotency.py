"""Idempotency keys: they go on as they came, and whoever repeats a request under one repeats its draw."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

KEYS = ["k-1", "8f14e45f-ceea-467f-9f5b-1d2e0c3b7a11", "ключ", 'with "quotes" and = and ;', "x" * 255]


@pytest.mark.parametrize("key", KEYS)
def test_an_idempotency_key_goes_on_as_it_is_and_fixes_the_draw(run_rig: Callable[..., Any], good: Any, key: str) -> None:
    with run_rig(upstream=good.origin) as rig:
        for _ in range(3):
            httpx.post(
                f"{rig.url}/v1/images/generations",
                json={"prompt": "a doctor"},
                headers=[(b"idempotency-key", key.encode())],
                trust_env=False,
                verify=False,
            )
    lines = [line for request in good.receipts for line in request.split(b"\r\n") if line.startswith(b"idempotency-key")]
    assert lines == [b"idempotency-key: " + key.encode()] * 3
    assert len({request.partition(b"\r\n\r\n")[2] for request in good.receipts}) == 1


def test_another_key_or_prompt_draws_anew(run_rig: Callable[..., Any], good: Any) -> None:
    with run_rig(upstream=good.origin) as rig:
        for number in range(40):
            rig.post("a doctor", headers={"idempotency-key": f"k{number}"})
    assert len({request.partition(b"\r\n\r\n")[2] for request in good.receipts}) > 6


def test_a_split_repeats_part_by_part_under_one_key(run_rig: Callable[..., Any], good: Any) -> None:
    with run_rig(upstream=good.origin) as rig:
        for _ in range(2):
            assert rig.post("a doctor", n=4, headers={"idempotency-key": "k"}).status_code == 200
    sent = sorted(
        (line, request.partition(b"\r\n\r\n")[2])
        for request in good.receipts
        for line in request.split(b"\r\n")
        if line.startswith(b"idempotency-key")
    )
    assert [line for line, _ in sent] == [b"idempotency-key: k-%d" % part for part in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert sent[0::2] == sent[1::2]
