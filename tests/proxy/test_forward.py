"""The whole proxied path on real sockets: what reaches the upstream, what reaches the client, what never happens."""

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

PATH = "/v1/images/generations"
JSON = {"content-type": "application/json"}
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"data":[{"url":"u"}]}\r\n'


def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.post(url + PATH, content=body, headers={**JSON, **(headers or {})}, timeout=20, trust_env=False)


def test_only_the_prompt_changes_and_the_answer_says_so(sidecar: Any) -> None:
    sidecar.arrived()
    body = b'{ "size":"256x256",\n\t"prompt" : "a doctor, 8k" , "seed":1e400, "user":"\\u00e9", "model":"m" }'
    response = post(sidecar.url, body, {"x-evenhand-seed": "7"})
    (arrived,) = sidecar.arrived()
    before, after = b'{ "size":"256x256",\n\t"prompt" : "', b', 8k" , "seed":1e400, "user":"\\u00e9", "model":"m" }'
    sent = arrived["body"].encode()
    assert sent.startswith(before)
    assert sent.endswith(after)
    assert arrived["prompt"] != "a doctor, 8k"
    assert response.json()["data"][0]["revised_prompt"] == arrived["prompt"]
    assert response.headers["x-evenhand-decision"] == "rewritten"
    assert response.headers["x-evenhand-decision-id"].startswith("d-")
    assert len(response.headers["x-evenhand-revision"]) == 8
    assert 0 < float(response.headers["x-evenhand-overhead-ms"]) < 1000
    assert response.headers["x-request-id"].startswith("r-")
    assert response.headers["x-upstream-request-id"].startswith("req_")


def test_the_same_seed_sends_the_same_prompt(sidecar: Any) -> None:
    sidecar.arrived()
    for _ in range(3):
        sidecar.post(headers={"x-evenhand-seed": "11"})
    assert len({entry["prompt"] for entry in sidecar.arrived()}) == 1


def test_what_is_closed_goes_through_byte_for_byte(sidecar: Any) -> None:
    sidecar.arrived()
    body = b'{"prompt":"a tree\\u002e", "size":"256x256"}'
    response = post(sidecar.url, body)
    assert sidecar.arrived()[0]["body"].encode() == body
    assert response.headers["x-evenhand-decision"] == "unchanged"
    assert "revised_prompt" not in response.json()["data"][0]


@pytest.mark.parametrize(
    ("policy", "headers", "outcome", "same"),
    [
        ({}, {"x-evenhand": "off"}, "opted_out", True),
        ({"opt_out": False}, {"x-evenhand": "off"}, "rewritten", False),
        ({"mode": "shadow"}, {}, "shadow", True),
        ({"mode": "off"}, {}, "opted_out", True),
        ({"revised_prompt": False}, {}, "rewritten", False),
    ],
)
def test_modes_and_opt_out(
    run_sidecar: Callable[..., Any], policy: dict[str, Any], headers: dict[str, str], outcome: str, same: bool
) -> None:
    with run_sidecar(policy=policy, demo=True) as running:
        response = running.post(headers=headers)
        (arrived,) = running.arrived()
    assert response.headers["x-evenhand-decision"] == outcome
    assert (arrived["prompt"] == "a doctor") is same
    assert ("revised_prompt" in response.json()["data"][0]) is (not same and policy.get("revised_prompt", True))
    assert not [name for name, _ in arrived["headers"] if name.startswith("x-evenhand")]


def test_four_images_are_split_and_merged_in_order(sidecar: Any) -> None:
    sidecar.arrived()
    response = sidecar.post(n=4, headers={"idempotency-key": "key"})
    arrived = sidecar.arrived()
    data = response.json()["data"]
    assert [entry["n"] for entry in arrived] == [1, 1, 1, 1]
    assert sorted(image["revised_prompt"] for image in data) == sorted(entry["prompt"] for entry in arrived)
    assert len({entry["prompt"] for entry in arrived}) == 4
    assert response.json()["usage"]["output_tokens"] == 4 * 272
    keys = {value for entry in arrived for name, value in entry["headers"] if name == "idempotency-key"}
    assert keys == {"key-1", "key-2", "key-3", "key-4"}


def test_shared_sends_one_request(run_sidecar: Callable[..., Any]) -> None:
    with run_sidecar(policy={"images": "shared"}, demo=True) as running:
        response = running.post(n=3)
        (arrived,) = running.arrived()
    assert arrived["n"] == 3
    assert [image["revised_prompt"] for image in response.json()["data"]] == [arrived["prompt"]] * 3


def test_an_unchanged_prompt_is_never_split(sidecar: Any) -> None:
    sidecar.arrived()
    assert len(sidecar.post("a tree", n=3).json()["data"]) == 3
    assert [entry["n"] for entry in sidecar.arrived()] == [3]


def test_one_failed_part_is_the_whole_answer(sidecar: Any) -> None:
    sidecar.arrived()
    response = sidecar.post(n=4, headers={"x-demo-status": "429", "x-demo-fail-word": "female"})
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    prompts = [entry["prompt"] for entry in sidecar.arrived() if "prompt" in entry]
    assert len(prompts) == len(set(prompts)) <= 4


BAD_BODIES = [
    (b"", "ends too early"),
    (b"prompt=a doctor", "not valid JSON"),
    (b"{}", "no prompt at '/prompt'"),
    (b'{"prompt":["a doctor"]}', "must be a string"),
    (b'{"prompt":"a doctor","prompt":"b"}', "occurs twice"),
    (b'{"prompt":"a doctor","\\u0070rompt":"b"}', "occurs twice"),
    (b'{"prompt":"a doctor","Prompt":"b"}', "misspelling"),
    (b'{"prompt":"a \xff"}', "not valid UTF-8"),
    (b'{"prompt":"a \\ud800"}', "surrogate"),
    (b'{"prompt":"a doctor","x":NaN}', "not valid JSON"),
    (b'{"prompt":"a doctor"} trailing', "after the end"),
    (b"[" * 50_000, "nesting"),
    (b'{"prompt":"' + b"a" * 33_000 + b'"}', "33,000 characters; at most 32,000"),
]


@pytest.mark.parametrize(("body", "says"), BAD_BODIES)
def test_bad_bodies_get_a_clear_400_and_nothing_is_sent(sidecar: Any, body: bytes, says: str) -> None:
    sidecar.arrived()
    response = post(sidecar.url, body)
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]
    assert "Traceback" not in response.text
    assert response.headers["x-should-retry"] == "false"
    assert sidecar.arrived() == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", PATH, {"content-type": "text/plain"}, 415),
        ("POST", PATH, {"content-encoding": "gzip"}, 400),
        ("POST", PATH, {"content-encoding": "compress"}, 415),
        ("POST", PATH, {"content-type": "application/json; charset=utf-16"}, 415),
        ("POST", PATH, {"x-evenhand-seed": "x"}, 400),
        ("POST", PATH, {"x": "y" * 40_000}, 431),
        ("GET", PATH, {}, 405),
        ("PUT", PATH, {}, 405),
        ("POST", PATH + "/", {}, 404),
        ("POST", "/v1/images/unheard-of", {}, 404),
        ("GET", "/v1/batches", {}, 404),
        ("POST", "/elsewhere", {}, 404),
        ("POST", "/v1/images/%67enerations", {}, 404),
    ],
)
def test_what_is_not_listed_is_refused(sidecar: Any, method: str, path: str, headers: dict[str, str], status: int) -> None:
    sidecar.arrived()
    response = httpx.request(
        method, sidecar.url + path, content=b'{"prompt":"a doctor"}', headers={**JSON, **headers}, trust_env=False
    )
    assert response.status_code == status
    said = response.json()["error"]["message"] if path.startswith("/v1") else response.json()["detail"]
    assert said[0].isupper()
    assert said.endswith(".")
    assert sidecar.arrived() == []


def test_unknown_routes_can_pass_untouched(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    upstream = script(ANSWER)
    with run_sidecar(policy={"unknown_routes": "pass"}, upstream=upstream.origin) as running:
        body = b'{"prompt":"a doctor"}'
        url = running.url + "/v1/other/%7e?x=%20&y=a+b"
        response = httpx.post(url, content=body, headers=JSON, trust_env=False)
        spelled = httpx.post(running.url + "/v1/images/%67enerations", content=body, headers=JSON, trust_env=False)
    assert response.content == b'{"data":[{"url":"u"}]}\r\n'
    assert "x-evenhand-decision" not in response.headers
    assert upstream.requests[0].startswith(b"POST /v1/other/%7e?x=%20&y=a+b HTTP/1.1\r\n")
    assert upstream.requests[0].endswith(body)
    assert spelled.status_code == 400
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"POST http://evil.example/v1/images/generations HTTP/1.1",
        b"POST //evil.example/v1/images/generations HTTP/1.1",
        b"POST /v1/../v1/images/generations HTTP/1.1",
        b"POST /v1/images\\generations HTTP/1.1",
        b"POST /v1/images/generations#x HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
    ],
)
def test_odd_targets_reach_nobody(sidecar: Any, raw: Callable[..., bytes], line: bytes) -> None:
    sidecar.arrived()
    answer = raw(
        sidecar.port,
        line + b"\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + b'{"prompt":"a"}',
        wait_s=0.5,
    )
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert sidecar.arrived() == []


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2000000\r\nExpect: 100-continue\r\n",
        b"Content-Length: 2000000\r\n",
    ],
)
def test_too_large_is_told_before_the_body_comes(sidecar: Any, raw: Callable[..., bytes], head: bytes) -> None:
    request = b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + head + b"\r\n"
    answer = raw(sidecar.port, request, wait_s=0.5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"larger than 1,048,576 bytes" in answer
    assert b"100 Continue" not in answer


def test_a_body_that_stays_out_is_408(run_sidecar: Callable[..., Any], raw: Callable[..., bytes]) -> None:
    with run_sidecar(demo=True, body_timeout_s=0.2) as running:
        request = (
            b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        assert raw(running.port, request).startswith(b"HTTP/1.1 408 ")
        assert running.arrived() == []


UPSTREAM_HEAD = b"\r\n".join(
    [
        b"HTTP/1.1 201 Created",
        b"Server: theirs",
        b"Date: then",
        b"Set-Cookie: a=1",
        b"Connection: X-Hop",
        b"X-Hop: no",
        b"Keep-Alive: timeout=5",
        b"Set-Cookie: b=2",
        b"X-Evenhand-Decision: forged",
        b"Content-Length: 2",
    ]
)
CLIENT_HEAD = b"\r\n".join(
    [
        b"POST /v1/images/generations?api-version=1&key=k HTTP/1.1",
        b"Host: sidecar",
        b"Authorization: Bearer key",
        b"TE: trailers",
        b"Connection: close, X-Private",
        b"X-Private: 1",
        b"X-Dup: 1",
        b"X-Dup: 2",
        b"X-Request-Id: mine-1",
        b"Cookie: c=3",
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
    ]
)


def test_headers_both_ways(run_sidecar: Callable[..., Any], script: Callable[..., Any], raw: Callable[..., bytes]) -> None:
    upstream = script(UPSTREAM_HEAD + b"\r\n\r\n{}")
    request = CLIENT_HEAD + b'\r\n\r\n5\r\n{"pro\r\n11\r\nmpt":"a tree \xc3\xa9"}\r\n0\r\n\r\n'
    with run_sidecar(upstream=upstream.origin) as running:
        answer = raw(running.port, request)
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/images/generations?api-version=1&key=k HTTP/1.1"
    assert lines[1:] == [
        b"host: " + upstream.origin.removeprefix("http://").encode(),
        b"authorization: Bearer key",
        b"x-dup: 1",
        b"x-dup: 2",
        b"cookie: c=3",
        b"content-type: application/json",
        b"x-request-id: mine-1",
        b"content-length: 22",
    ]
    assert body == '{"prompt":"a tree é"}'.encode()
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    back = answer.partition(b"\r\n\r\n")[0].lower()
    for line in (b"server: theirs", b"date: then", b"x-request-id: mine-1", b"x-evenhand-decision: unchanged"):
        assert back.count(b"\r\n" + line) == 1
    assert back.index(b"set-cookie: a=1") < back.index(b"set-cookie: b=2")
    assert not [name for name in (b"x-hop", b"keep-alive", b"forged") if name in back]


def test_cookies_are_not_shared_between_callers(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    upstream = script(ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: session=alice; Path=/\r\n\r\n", 1))
    with run_sidecar(upstream=upstream.origin) as running:
        for _ in range(3):
            assert "session" in running.post().headers["set-cookie"]
    assert not any(b"cookie" in request.lower() for request in upstream.requests)


EVENTS = [
    b'event: image_generation.partial_image\ndata: {"b64_json":"AA"}\n\n',
    b": comment\r\n\r\n",
    b"data: \xc3\xa9",
    b"\n\n",
    b"data: [DONE]\n\n",
]


def test_events_stream_unchanged_and_unbuffered(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    go = threading.Semaphore(0)

    def play(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in EVENTS:
            connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            assert go.acquire(timeout=5)
        connection.sendall(b"0\r\n\r\n")

    upstream = script(play)
    body = {"prompt": "a doctor", "stream": True, "n": 2}
    got = []
    with (
        run_sidecar(upstream=upstream.origin) as running,
        httpx.stream("POST", running.url + PATH, json=body, timeout=5) as response,
    ):
        for chunk in response.iter_raw():
            got.append(chunk)
            go.release()
    assert got == EVENTS
    assert len(upstream.requests) == 1
    assert b'"n":2' in upstream.requests[0].replace(b" ", b"")


@pytest.mark.parametrize(
    ("start", "prompt"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "a tree"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "a tree"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "a doctor"),
    ],
)
def test_an_answer_that_breaks_off_never_looks_complete(
    run_sidecar: Callable[..., Any], script: Callable[..., Any], start: bytes, prompt: str
) -> None:
    def play(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        time.sleep(0.05)
        raise StopIteration

    upstream = script(play)
    with run_sidecar(upstream=upstream.origin) as running, pytest.raises(httpx.RemoteProtocolError):
        running.post(prompt)
    assert len(upstream.requests) == 1


def test_breaking_off_while_we_read_the_answer_is_a_502(sidecar: Any) -> None:
    sidecar.arrived()
    response = sidecar.post(headers={"x-demo-die": "mid-body"})
    assert (response.status_code, response.headers["x-should-retry"]) == (502, "false")
    assert len(sidecar.arrived()) == 1


@pytest.mark.parametrize(("upstream", "status"), [("http://127.0.0.1:9", 502), ("http://no-such-host.invalid", 502)])
def test_no_upstream(run_sidecar: Callable[..., Any], upstream: str, status: int) -> None:
    with run_sidecar(upstream=upstream) as running:
        response = running.post()
    assert (response.status_code, response.headers["x-should-retry"]) == (status, "false")
    assert "nothing was sent" in response.json()["error"]["message"]


def test_a_slow_upstream_is_a_504(run_sidecar: Callable[..., Any]) -> None:
    with run_sidecar(demo=True, timeout_s=0.3) as running:
        response = running.post(headers={"x-demo-delay-s": "3"})
        time.sleep(0.2)
        (arrived,) = running.arrived()
    assert (response.status_code, response.headers["x-should-retry"]) == (504, "false")
    assert arrived["gone"]


@pytest.mark.parametrize("n", [1, 3])
def test_a_client_that_leaves_cancels_the_upstream(sidecar: Any, n: int) -> None:
    sidecar.arrived()
    body = {"prompt": "a doctor", "n": n, "size": "256x256"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(sidecar.url + PATH, json=body, headers={"x-demo-delay-s": "5"}, timeout=0.3, trust_env=False)
    time.sleep(0.5)
    assert [entry["gone"] for entry in sidecar.arrived()] == [True] * n
    assert sidecar.post().status_code == 200


def test_a_client_that_leaves_mid_stream_closes_the_upstream(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    def play(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"8\r\ndata: x\n\r\n")
            time.sleep(0.01)

    upstream = script(play)
    with run_sidecar(upstream=upstream.origin) as running:
        with httpx.stream("POST", running.url + PATH, json={"prompt": "a tree", "stream": True}, trust_env=False) as response:
            next(response.iter_raw())
        assert upstream.closed_early.wait(2)


def test_a_large_answer_passes_without_a_revised_prompt(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    body = b'{"data":[{"b64_json":"' + b"A" * 200_000 + b'"}]}'
    upstream = script(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with run_sidecar(upstream=upstream.origin, answer_bytes=70_000) as running:
        assert running.post().content == body


def test_answers_that_cannot_be_merged_are_a_502(run_sidecar: Callable[..., Any], script: Callable[..., Any]) -> None:
    upstream = script(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    with run_sidecar(upstream=upstream.origin) as running:
        response = running.post(n=2)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "unmergeable_answers")


CANARY = "canary-1f3a"


def test_no_credential_and_no_prompt_is_ever_logged(run_sidecar: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    from evenhand.proxy.watch.logs import configure
    from evenhand.settings import load_settings

    configure(load_settings(log_level="debug"))
    headers = dict.fromkeys(("authorization", "api-key", "x-goog-api-key", "cookie", "x-api-key"), f"Bearer {CANARY}")
    with run_sidecar(demo=True, log_level="debug") as running:
        for extra in ({}, {"x-demo-status": "500"}, {"x-demo-die": "mid-body"}, {"x-evenhand-seed": CANARY}):
            post(
                running.url,
                json.dumps({"prompt": f"a doctor at work, {CANARY}", "size": "256x256"}).encode(),
                {**headers, **extra},
            )
        httpx.get(f"{running.url}/v1/models?key={CANARY}", headers=headers, trust_env=False)
        post(running.url, f'{{"prompt":"{CANARY}'.encode(), headers)
        httpx.post(f"{running.url}/rewrite", json={"prompt": CANARY, "images": "x"}, headers=headers, trust_env=False)
    told = capfd.readouterr()
    lines = [json.loads(line) for line in told.err.splitlines()]
    assert len([line for line in lines if line["event"] == "request"]) == 6
    assert CANARY not in told.err + told.out
