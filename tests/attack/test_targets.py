"""Request targets, methods and environments that try to reach another host: every connection goes to the configured origin."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.errors import SettingsError
from evenhand.proxy.live import serving_of
from evenhand.rules import Ruleset
from evenhand.rules.schema import UpstreamRule
from evenhand.settings import load_settings

PATH = "/v1/images/generations"
ENTRIES = (PATH, "/v1/models", "/elsewhere", "/rewrite", "")
FORMS = [
    "http://TRAP{entry}",
    "https://TRAP{entry}",
    "HTTP://TRAP{entry}",
    "ftp://TRAP{entry}",
    "gopher://TRAP{entry}",
    "file:///etc/passwd",
    "http:TRAP{entry}",
    "http:/TRAP{entry}",
    "http:///TRAP{entry}",
    "http://user:pass@TRAP{entry}",
    "http://[::1]{entry}",
    "http://0x7f000001{entry}",
    "http://2130706433{entry}",
    "http://169.254.169.254{entry}",
    "//TRAP{entry}",
    "///TRAP{entry}",
    "/\\TRAP{entry}",
    "\\\\TRAP{entry}",
    "/\\/TRAP{entry}",
    "@TRAP{entry}",
    "/@TRAP{entry}",
    ":80@TRAP{entry}",
    ".TRAP{entry}",
    ":443{entry}",
    "/:80@TRAP{entry}",
    "/%2F%2FTRAP{entry}",
    "/%2f/TRAP{entry}",
    "/%5C%5CTRAP{entry}",
    "/..//TRAP{entry}",
    "/.%2e/TRAP{entry}",
    "/%2e%2e/TRAP{entry}",
    "{entry}/../../TRAP",
    "{entry}/%2e%2e/%2e%2e/TRAP",
    "{entry}/..%2f..%2fTRAP",
    "{entry}/.;/TRAP",
    "{entry}/..;/TRAP",
    "{entry}?url=http://TRAP/",
    "{entry}?@TRAP/",
    "{entry}?//TRAP/",
    "{entry}#@TRAP/",
    "{entry}%23@TRAP/",
    "{entry}%3f@TRAP/",
    "{entry}%0d%0aHost:%20TRAP",
    "{entry}%0aHost:%20TRAP",
    "{entry}%00.TRAP",
    "{entry}%20HTTP/1.1%0d%0aX:%20y",
    "{entry}\tHTTP/1.1",
    "{entry}%u002f%u002fTRAP",
    "{entry}%c0%af%c0%afTRAP",
    "{entry}%ff",
    "{entry}%",
    "{entry}%zz",
]


def targets(trap: str) -> Iterator[str]:
    for form, entry in itertools.product(FORMS, ENTRIES):
        yield form.format(entry=entry).replace("TRAP", trap)
    for host in (trap, "localhost", "127.0.0.1", "[::1]", "0.0.0.0"):
        yield host
        yield f"{host}:443"


@pytest.fixture
def trap(script: Callable[..., Any]) -> Any:
    return script(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrap")


@pytest.fixture(scope="module", params=["deny", "pass"])
def reached(request: pytest.FixtureRequest, serve: Callable[..., Any], attacked: Any) -> Any:
    return attacked if request.param == "deny" else serve(attacked.parser, policy={"unknown_routes": "pass"})


@pytest.fixture
def connected() -> Iterator[list[Any]]:
    """Every address that a socket of this process connects to while the test runs."""
    found: list[Any] = []
    listening = True

    def hear(event: str, given: tuple[Any, ...]) -> None:
        if listening and event == "socket.getaddrinfo":
            found.append(("resolve", given[0]))
        elif listening and event == "socket.connect":
            found.append(("connect", given[1]))

    sys.addaudithook(hear)
    yield found
    listening = False


async def test_every_target_ends_at_the_origin_or_nowhere(reached: Any, trap: Any, connected: list[Any]) -> None:
    reached.upstream.take()
    names = list(targets(trap.origin.removeprefix("http://")))
    assert len(names) >= 200
    body = b'{"prompt":"a tree"}'
    fields = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n" + body
    said = await reached.send_all([b"POST " + name.encode() + fields for name in names])
    assert trap.requests == []
    assert not reached.upstream.faults
    for arrived in reached.upstream.take():
        target = arrived.split(b" ")[1].decode()
        assert target in names, target
        assert arrived.count(b"\r\nhost: " + reached.upstream.origin.removeprefix("http://").encode() + b"\r\n") == 1
    # Our own paths answer 422 to a body of the image API.
    assert {int(each.split(b" ")[1]) for each in said if each} <= {200, 400, 404, 405, 422}
    own = {("127.0.0.1", reached.port), ("127.0.0.1", int(reached.upstream.origin.rpartition(":")[2]))}
    assert {what for kind, what in connected if kind == "connect"} <= own
    assert {what for kind, what in connected if kind == "resolve"} <= {"127.0.0.1", None}


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MKCOL", "PURGE", "LINK")
ROUTES = (
    PATH,
    "/v1/images/edits",
    "/v1/models",
    "/v1/files",
    "/elsewhere",
    "/",
    "*",
    "/rewrite",
    "/metrics",
    "/decisions",
    "/rules",
    "/healthz",
)


async def test_only_listed_pairs_of_method_and_route_pass(attacked: Any) -> None:
    attacked.upstream.take()
    pairs = [*itertools.product(METHODS, ROUTES), ("CONNECT", "evil.example:443"), ("CONNECT", PATH), ("OPTIONS", "*")]
    head = "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
    said = await attacked.send_all([head.format(*pair).encode() + b'{"prompt":"a tree"}' for pair in pairs])
    arrived = {tuple(one.decode().split(" ")[:2]) for one in attacked.upstream.take()}
    operations = [operation for dialect in load_dialects() if dialect.usual for operation in dialect.operations]
    passings = [passing for dialect in load_dialects() if dialect.usual for passing in dialect.passings]
    listed = {(m, p) for m, p in pairs for each in (*operations, *passings) if each.method == m and each.matches(p.encode())}
    assert arrived <= listed
    assert ("POST", PATH) in arrived
    refused = [int(each.split(b" ")[1]) for pair, each in zip(pairs, said, strict=True) if pair not in listed and each]
    # POST /rewrite is ours; what stands in its body is not what it wants, but it reads it.
    assert set(refused) <= {200, 400, 404, 405, 422}
    assert refused.count(200) <= 1


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
@pytest.mark.parametrize("path", [PATH, "/elsewhere"])
async def test_some_methods_are_never_forwarded(reached: Any, method: str, path: str) -> None:
    reached.upstream.take()
    said = await reached.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert said[9:12] in (b"400", b"404", b"405")
    assert reached.upstream.take() == []


@pytest.mark.parametrize("fields", ["Host: x\r\nHost: y", "X: y", "Host: x\r\n" + "X: y\r\n" * 100 + "X: y"])
async def test_our_own_paths_check_their_heads_alike(attacked: Any, fields: str) -> None:
    body = b'{"prompt":"a doctor"}'
    head = f"POST /rewrite HTTP/1.1\r\n{fields}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert (await attacked.send(head.encode() + body))[9:12] in (b"400", b"431")


SELF = [
    *[
        f"http://{host}:18081"
        for host in ("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.0.0.2", "127.1.2.3", "[::1]")
    ],
    *[f"http://{host}:18080" for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::]", "127.255.255.254", "ip6-localhost")],
    "https://127.0.0.1:18081",
    "http://[::ffff:127.0.0.1]:18081",
    "http://[0:0:0:0:0:0:0:1]:18081",
    "http://2130706433:18081",
    "http://0x7f.0.0.1:18081",
    "http://127.1:18081",
    "http://0:18081",
]


@pytest.mark.parametrize("origin", SELF)
def test_an_upstream_that_is_ourselves_is_refused_when_the_rules_are_loaded(small_rules: Ruleset, origin: str) -> None:
    settings = load_settings(port=18080, admin_port=18081)
    rules = replace(small_rules, upstreams=(UpstreamRule(id="own", path="/v1", origin=origin),))
    with pytest.raises(SettingsError, match="is our own"):
        serving_of(rules, load_dialects(), settings)
    with pytest.raises(SettingsError, match="is our own"):
        load_settings(port=18080, admin_port=18081, upstream=origin)


CODE = """
import sys, asyncio, httpx
from evenhand.proxy.client.transport import UpstreamTransport
async def main():
    async with UpstreamTransport(connections=4, timeout_s=5, connect_timeout_s=5) as transport:
        request = httpx.Request("POST", sys.argv[1], headers={"host": "x"}, content=b"{}")
        answer = await transport.handle_async_request(request)
        print(answer.status_code)
        await answer.aclose()
asyncio.run(main())
"""
PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "SOCKS_PROXY", "WS_PROXY"]


def test_no_proxy_of_the_environment_is_asked(script: Callable[..., Any], trap: Any, tmp_path: Path) -> None:
    upstream = script(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    (tmp_path / ".netrc").chmod(0o600)
    environment = {
        **os.environ,
        **dict.fromkeys(PROXIES, trap.origin),
        "no_proxy": "",
        "NO_PROXY": "",
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "PYTHONPATH": str(Path(__file__).parents[2] / "app"),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE, upstream.origin], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), len(upstream.requests)) == ("201", 1), done.stderr
    assert trap.requests == []
    assert b"authorization" not in upstream.requests[0].lower()
