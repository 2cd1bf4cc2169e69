"""No client grows the number of metric series, whatever it sends; no word of a client is ever a label."""

import json
import random
from collections.abc import Callable
from typing import Any

import httpx

from evenhand.dialects.load import load_dialects

MOST_SERIES = 400
WORD = "zq7"


def test_hostile_requests_leave_the_metrics_small(
    run_rig: Callable[..., Any], upstream_of: Callable[..., Any], times: Callable[[int, int], int]
) -> None:
    chance = random.Random(3)

    def steps(upstream: Any, wire: Any) -> None:
        while request := wire.request():
            number = len(request) % 500 + 100
            status = b"%d %s" % (max(200, number), WORD.encode())
            wire.send(b"HTTP/1.1 %s\r\nX-%s: 1\r\nContent-Length: 2\r\n\r\n{}" % (status, WORD.encode()))

    upstream = upstream_of(steps)
    policy = {"unknown_routes": "pass", "watch_drift": True, "images": "shared"}
    with run_rig(policy=policy, upstream=upstream.origin, tenant_header=True) as rig:
        with httpx.Client(base_url=rig.url, trust_env=False, verify=False, timeout=30) as client:
            for number in range(times(300, 10_000)):
                word = f"{WORD}{number}"
                path = chance.choice(["/v1/images/generations", "/v1/images/edits", "/rewrite", f"/v1/{word}", f"/{word}/images"])
                method = chance.choice(["POST", "POST", "POST", "GET", "PUT", f"X{word.upper()}", "HEAD", "OPTIONS"])
                body = {"prompt": f"a doctor {word} {'x' * (number % 97)}", "model": word, word: word, "n": number % 12}
                headers = {"x-evenhand-tenant": word, "x-request-id": word, "user-agent": word, f"x-{word}": word}
                client.request(method, path, content=json.dumps(body), headers={"content-type": "application/json", **headers})
        shown = httpx.get(f"{rig.admin}/metrics", trust_env=False, verify=False).text
    series = [line for line in shown.splitlines() if line and not line.startswith("#")]
    assert 50 < len(series) <= MOST_SERIES
    assert WORD not in shown.lower()


def test_every_dialect_and_status_together_stay_below_the_limit(run_rig: Callable[..., Any], good: Any) -> None:
    """The largest number an operator's own configuration can reach, with every operation asked for by name."""
    names = ",".join(dialect.dialect for dialect in load_dialects() if dialect.usual)
    with run_rig(upstream=good.origin, dialects=names) as rig:
        operations = [operation for each in rig.live.serving.upstreams for operation in each.operations]
        for operation in operations:
            for status in range(100, 600):
                rig.meters.requests.labels(operation.id, str(status)).inc()
            for outcome in ("rewritten", "unchanged", "shadow", "bypass", "opted_out", WORD):
                rig.meters.decisions.labels(outcome, operation.id).inc()
        shown = httpx.get(f"{rig.admin}/metrics", trust_env=False, verify=False).text
    assert len(operations) > 20
    assert len([line for line in shown.splitlines() if line and not line.startswith("#")]) <= MOST_SERIES
