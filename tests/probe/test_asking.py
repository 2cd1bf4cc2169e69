"""Requests as they arrive on a real socket, and answers as they come back or don't."""

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.errors import SettingsError
from evenhand.probe.asking import Api, ask_for, cheapest, client_of, operation_of, path_of
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer

OPENAI = operation_of("openai.images.generations")
PNG = b"\x89PNG rest"
ASK = Ask(key="k1", half="guarded", set="s", axis="gender", value="man", carrier="{term}", prompt="a man")


def http(status: int, body: Any, *lines: str) -> bytes:
    raw = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(raw)}", "connection: close", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + raw


def answer_from(origin: str, ask: Ask = ASK, **fields: Any) -> Answer:
    api = Api(url=f"{origin}/v1/images/generations", operation=OPENAI, **{"fields": {"size": "256x256"}, **fields})
    with client_of(api) as client:
        return ask_for(ask, api, client)


@pytest.mark.parametrize(("half", "switched"), [("guarded", False), ("raw", True)])
def test_one_request_as_it_arrives(script: Callable[..., Any], half: Any, switched: bool) -> None:
    upstream = script(http(200, {"data": []}))
    ask = Ask(key="k", half=half, set="", axis="", value="", carrier="", prompt="a \u201cman\u201d")
    answer_from(upstream.origin, ask, headers={"authorization": "Bearer canary", "x-a": "1"})
    (request,) = upstream.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/images/generations HTTP/1.1\r\n")
    assert json.loads(body) == {"size": "256x256", "prompt": "a \u201cman\u201d"}
    assert (b"x-evenhand: off" in head.lower()) == switched
    assert b"Bearer canary" in head


def test_a_drawn_picture_is_kept_only_where_told(script: Callable[..., Any], tmp_path: Path) -> None:
    upstream = script(http(200, {"data": [{"b64_json": base64.b64encode(PNG).decode()}, {"url": "http://x/"}]}))
    assert answer_from(upstream.origin) == Answer(outcome="drawn", status=200)
    assert answer_from(upstream.origin, keep=tmp_path / "a/b").outcome == "drawn"
    assert [(path.name, path.read_bytes()) for path in tmp_path.rglob("*.*")] == [("k1-0.png", PNG)]


def test_a_picture_that_cannot_be_kept_loses_nothing_else(script: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    upstream = script(http(200, {"data": [{"b64_json": "AAAA"}]}))
    assert answer_from(upstream.origin, keep=tmp_path / "file") == Answer(outcome="drawn", status=200, code="not_kept")


def test_a_broken_picture_is_not_kept(script: Callable[..., Any], tmp_path: Path) -> None:
    upstream = script(http(200, {"data": [{"b64_json": "A"}]}))
    assert answer_from(upstream.origin, keep=tmp_path).outcome == "drawn"
    assert not list(tmp_path.iterdir())


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert answer_from(f"http://127.0.0.1:{port}") == Answer(outcome="again", status=0, code="unreachable")


def test_an_answer_that_breaks_off_or_never_comes(script: Callable[..., Any]) -> None:
    broken = script(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{")
    assert answer_from(broken.origin, timeout_s=5).code in ("broken_off", "timeout")
    silent = script(lambda connection, request: connection.recv(1))
    assert answer_from(silent.origin, timeout_s=0.2) == Answer(outcome="error", status=0, code="timeout")


def test_a_key_that_the_api_repeats_is_not_kept(script: Callable[..., Any]) -> None:
    upstream = script(http(500, {"error": {"code": "canary"}}))
    assert answer_from(upstream.origin, headers={"authorization": "Bearer canary"}) == Answer(outcome="error", status=500)


CHEAPEST = [
    ("dall-e-2", False, {"n": 1, "size": "256x256"}),
    ("dall-e-2", True, {"n": 1, "size": "256x256", "response_format": "b64_json"}),
    ("gpt-image-1-mini", True, {"n": 1, "size": "1024x1024", "quality": "low", "output_format": "jpeg"}),
    ("other", True, {"n": 1}),
]


@pytest.mark.parametrize(("model", "keeps", "fields"), CHEAPEST)
def test_the_cheapest_picture(model: str, keeps: bool, fields: dict[str, Any]) -> None:
    assert cheapest(model, OPENAI, keeps=keeps) == fields


def test_operations() -> None:
    assert path_of(OPENAI, None) == "/v1/images/generations"
    assert path_of(OPENAI, "/x/y") == "/x/y"
    for name in ("nope", "openai.chat.completions"):
        with pytest.raises(SettingsError, match=f"--operation '{name}' can't be probed"):
            operation_of(name)
    for path in ("v1", "/{a}", "/a b", "/\u00e9"):
        with pytest.raises(SettingsError, match="write it out with --path"):
            path_of(OPENAI, path)
