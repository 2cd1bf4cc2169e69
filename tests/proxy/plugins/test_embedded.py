"""What middleware and transport share; and that both give the bytes that the proxy gives."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evenhand
from evenhand.dialects.spec import Operation
from evenhand.proxy.call import Call
from evenhand.proxy.demo.upstream import demo_app
from evenhand.proxy.plugins.embedded import Embedded, onward, outward, refused
from evenhand.proxy.plugins.middleware import EvenhandMiddleware
from evenhand.proxy.plugins.transport import EvenhandTransport
from evenhand.proxy.refusal import Refusal
from evenhand.rules import Ruleset

IMAGES = b"/v1/images/generations"


@contextmanager
def served(app: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def call_of(path: bytes = IMAGES, *pairs: tuple[bytes, bytes]) -> Call:
    given = [(b"content-type", b"application/json"), (b"content-length", b"21"), *pairs]
    return Call(method="POST", path=path, query=b"", pairs=given, request_id="r-1", began=0)


async def settled(embedded: Embedded, *pairs: tuple[bytes, bytes]) -> Call:
    call = call_of(IMAGES, *pairs)
    assert embedded.knows(call)
    await embedded.settle(call, b'{"prompt":"a doctor"}')
    return call


@pytest.fixture(scope="module")
def embedded(small_rules: Ruleset) -> Embedded:
    return Embedded(rules=small_rules)


@pytest.mark.parametrize(
    ("options", "origin", "path", "operation"),
    [
        ({}, "http://nowhere.invalid", "/v1/images/generations", "openai.images.generations"),
        ({}, "http://nowhere.invalid", "/v1/embeddings", None),
        ({}, "https://api.x.ai", "/v1/images/generations", "xai.images.generations"),
        ({"dialects": "together"}, "https://api.x.ai", "/v1/images/generations", "together.images.generations"),
        ({"prefix": "/llm/"}, "http://nowhere.invalid", "/llm/v1/images/generations", "openai.images.generations"),
        ({"prefix": "/llm"}, "http://nowhere.invalid", "/v2/images/generations", None),
    ],
)
def test_host_path_and_names_tell_the_operation(
    small_rules: Ruleset, options: dict[str, str], origin: str, path: str, operation: str | None
) -> None:
    call = call_of(path.encode())
    known = Embedded(rules=small_rules, **options).knows(call, origin=origin)
    assert (known, call.operation and call.operation.id) == (operation is not None, operation)


def test_what_is_known_of_hosts_is_bounded(embedded: Embedded) -> None:
    assert all(embedded.knows(call_of(), origin=f"http://h{number}.test") for number in range(600))


@pytest.mark.parametrize(
    ("pairs", "kept"),
    [
        ((), ["content-type", "accept-encoding", "content-length"]),
        (((b"x-evenhand-seed", b"7"), (b"digest", b"d")), ["content-type", "accept-encoding", "content-length"]),
        (((b"x-request-id", b"mine"),), ["content-type", "x-request-id", "accept-encoding", "content-length"]),
    ],
)
async def test_a_request_goes_on_without_our_fields(embedded: Embedded, pairs: Any, kept: list[str]) -> None:
    call = await settled(embedded, *pairs)
    headers = onward(call, length=40, decoded=False)
    assert [name.decode() for name, _ in headers] == kept
    assert dict(headers)[b"content-length"] == b"40"


async def test_an_answer_keeps_its_own_request_id(embedded: Embedded) -> None:
    headers = dict(outward(await settled(embedded), [(b"x-request-id", b"req_1"), (b"x-evenhand-decision", b"forged")]))
    assert headers[b"x-request-id"] == b"req_1"
    assert headers[b"x-evenhand-decision"] == b"rewritten"


async def test_a_refusal_has_the_form_of_the_api(embedded: Embedded) -> None:
    call = call_of()
    embedded.knows(call)
    headers, body = refused(call, Refusal(400, "No.", code="invalid_body"))
    assert json.loads(body)["error"]["code"] == "invalid_body"
    assert dict(headers)[b"x-should-retry"] == b"false"


@pytest.mark.parametrize(
    ("status", "headers", "reads"),
    [
        (200, {"content-type": "application/json"}, True),
        (200, {"content-type": "text/event-stream"}, False),
        (200, {"content-type": "application/json", "content-length": "99999999999"}, False),
        (400, {"content-type": "application/json", "content-length": "90"}, True),
        (400, {"content-type": "application/json"}, False),
        (500, {"content-type": "application/json", "content-length": "90"}, False),
    ],
)
async def test_only_answers_with_something_to_say_are_read(
    embedded: Embedded, status: int, headers: dict[str, str], reads: bool
) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert embedded.reads(await settled(embedded), status, pairs) == reads


async def test_what_the_api_refused_is_told_to_the_ledger(small_rules: Ruleset) -> None:
    told: list[Any] = []
    embedded = Embedded(rules=small_rules, sinks=[told.append])
    call = await settled(embedded)
    call.status = 400
    assert embedded.read(call, 400, b'{"error":{"code":"moderation_blocked"}}') is None
    embedded.tell(call)
    assert [(entry.refused, entry.status, entry.route) for entry in told] == [(True, 400, "openai.images.generations")]


async def test_an_answer_of_another_shape_stays(embedded: Embedded) -> None:
    call = await settled(embedded)
    assert all(embedded.read(call, 200, body) in (None, body) for body in (b"[]", b"{", b'{"data":7}'))


async def test_a_fault_of_ours_lets_the_original_go_on(small_rules: Ruleset) -> None:
    embedded = Embedded(rules=small_rules)
    errand = await embedded.settle(faulty(embedded), b'{"prompt":"a doctor"}')
    assert [decision.outcome for decision in errand.decisions] == ["bypass"]
    assert bytes(errand.bodies[0]) == b'{"prompt":"a doctor"}'


async def test_a_fault_of_ours_sends_nothing_where_the_policy_rejects(small_rules: Ruleset) -> None:
    embedded = Embedded(rules=_with(small_rules, on_error="reject"))
    with pytest.raises(Refusal) as caught:
        await embedded.settle(faulty(embedded), b'{"prompt":"a doctor"}')
    assert (caught.value.status, caught.value.retry) == (503, True)


def faulty(embedded: Embedded) -> Call:
    """A call of an operation that breaks whoever reads by it."""
    call = call_of()
    assert embedded.knows(call)
    assert call.operation is not None
    call.operation = Operation.model_construct(**{**dict(call.operation), "when": None, "prompts": None})
    return call


def _with(rules: Ruleset, **changes: Any) -> Ruleset:
    return replace(rules, policy=rules.policy.model_copy(update=changes))


def test_rules_come_from_a_folder_too(small_folder: Path) -> None:
    assert Embedded(rules=str(small_folder)).live.serving.revision == Embedded(rules=small_folder).live.serving.revision


def test_both_are_doors_of_the_package() -> None:
    assert evenhand.EvenhandMiddleware is EvenhandMiddleware
    assert evenhand.EvenhandTransport is EvenhandTransport


def test_importing_the_package_loads_no_web_framework_and_no_model() -> None:
    code = "import sys, evenhand; print(sorted({'fastapi', 'httpx', 'spacy', 'httptools', 'pydantic'} & set(sys.modules)))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout == b"[]\n"


@pytest.fixture
def ways(small_rules: Ruleset, run_sidecar: Callable[..., Any]) -> Iterator[Callable[[bytes, int], list[str]]]:
    """ways(body, seed) -> what reached the demo upstream by proxy, by transport and through the middleware."""
    transport = EvenhandTransport(httpx.HTTPTransport(), rules=small_rules)
    with (
        run_sidecar(policy={"images": "shared"}, demo=True) as sidecar,
        served(EvenhandMiddleware(demo_app(), rules=small_rules)) as guarded,
        httpx.Client(transport=transport) as client,
        httpx.Client(trust_env=False) as plain,
    ):

        def send(body: bytes, seed: int) -> list[str]:
            headers = {"content-type": "application/json", "x-evenhand-seed": str(seed)}
            path = IMAGES.decode()
            plain.post(sidecar.url + path, content=body, headers=headers).raise_for_status()
            client.post(sidecar.demo + path, content=body, headers=headers).raise_for_status()
            plain.post(guarded + path, content=body, headers=headers).raise_for_status()
            found = [entry["body"] for entry in [*_log(plain, sidecar.demo), *_log(plain, guarded)]]
            assert len(found) == 3
            return found

        yield send


def _log(client: httpx.Client, origin: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{origin}/demo/log").json()["requests"]
    client.delete(f"{origin}/demo/log")
    return found


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    who=st.lists(
        st.sampled_from(["a doctor", "two nurses", 'an "engineer"', "ein Ärztehaus 🏥", "a tree"]), min_size=1, max_size=3
    ),
    number=st.integers(1, 2),
    seed=st.integers(0, 2**53),
    ascii_only=st.booleans(),
)
def test_proxy_transport_and_middleware_send_the_same_bytes(
    ways: Callable[[bytes, int], list[str]], who: list[str], number: int, seed: int, ascii_only: bool
) -> None:
    asked = {"size": "256x256", "n": number, "prompt": " and ".join(who), "x": 1.50}
    by_proxy, by_transport, by_middleware = ways(json.dumps(asked, ensure_ascii=ascii_only).encode(), seed)
    assert by_proxy == by_transport == by_middleware
