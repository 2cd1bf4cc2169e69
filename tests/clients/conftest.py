"""Image APIs for real clients to talk to: any ASGI app on a socket of its own, with a log of what arrived there."""

import base64
import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image

from evenhand.proxy.demo.card import card


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class Log:
    """An app behind a recorder; `origin` is where it listens, `arrived` what it was sent, in order."""

    app: Any
    origin: str = ""
    arrived: list[Arrived] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        self.arrived.append(Arrived(method=scope["method"], path=scope["path"], query=query, headers=headers, body=body))
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)

    @property
    def prompts(self) -> list[str]:
        """What stands at "prompt" in each JSON body that was posted."""
        return [each.json["prompt"] for each in self.arrived if each.method == "POST"]


@pytest.fixture
def serve_app() -> Iterator[Callable[[Any], Log]]:
    """serve_app(app) -> a Log; the app runs until the test ends."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: Any) -> Log:
        listener = socket.create_server(("127.0.0.1", 0))
        log = Log(app=app, origin=f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(log, lifespan="off", ws="none", log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        return log

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """picture(prompt) -> a small PNG of it."""
    return lambda prompt="a photo": card(prompt, width=96, height=96, number=1)


@pytest.fixture(scope="session")
def is_picture() -> Callable[[bytes | str | None], bool]:
    """is_picture(bytes, or their base64) -> whether they decode."""

    def check(data: bytes | str | None) -> bool:
        raw = base64.b64decode(data) if isinstance(data, str) else data or b""
        with Image.open(io.BytesIO(raw)) as image:
            image.load()
            return image.size == (96, 96)

    return check


@pytest.fixture
def openai_like(serve_app: Callable[[Any], Log], picture: Callable[..., bytes]) -> Log:
    """A server of pictures in OpenAI's shape at every path; with `stream`, as events."""
    app = FastAPI()

    @app.post("/{path:path}")
    async def draw(path: str, request: Request) -> Response:
        asked = await _asked(request)
        encoded = base64.b64encode(picture(str(asked["prompt"]))).decode()
        if str(asked.get("stream")).lower() == "true":
            name = "image_edit" if path.endswith("edits") else "image_generation"
            return StreamingResponse(_events(name, encoded), media_type="text/event-stream")
        data = [{"index": index, "type": "b64_json", "b64_json": encoded} for index in range(int(asked.get("n") or 1))]
        return JSONResponse({"id": "i-1", "model": "m", "object": "list", "created": 1, "data": data})

    return serve_app(app)


async def _asked(request: Request) -> dict[str, Any]:
    if not request.headers["content-type"].startswith("multipart/"):
        return dict(await request.json())
    async with request.form() as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _events(name: str, encoded: str) -> Iterator[str]:
    shared = {
        "b64_json": encoded,
        "created_at": 1,
        "size": "auto",
        "quality": "low",
        "background": "auto",
        "output_format": "png",
    }
    for kind, more in (("partial_image", {"partial_image_index": 0}), ("completed", {"usage": None})):
        yield f"event: {name}.{kind}\ndata: {json.dumps({'type': f'{name}.{kind}', **shared, **more})}\n\n"


@dataclass(kw_only=True)
class Tap:
    """Stands between a client and a server and keeps every byte that the client sends. `authority` is a CA file for TLS."""

    port: int
    target: tuple[str, int]
    context: ssl.SSLContext | None = None
    authority: str = ""
    sent: bytearray = field(default_factory=bytearray)

    @property
    def origin(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def carried(self, body: bytes) -> bool:
        """Whether a client sent these very bytes at a stretch."""
        return bool(body) and body in self.sent

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            near = self.context.wrap_socket(client, server_side=True) if self.context else client
        except OSError:
            client.close()
            return
        far = socket.create_connection(self.target)
        back = threading.Thread(target=_pump, args=(far, near, None), daemon=True)
        back.start()
        _pump(near, far, self.sent)
        back.join(10)
        near.close()
        far.close()


def _pump(source: socket.socket, target: socket.socket, kept: bytearray | None) -> None:
    try:
        while data := source.recv(65_536):
            if kept is not None:
                kept += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


@pytest.fixture
def tap() -> Iterator[Callable[..., Tap]]:
    """tap(url of a server, context=TLS or none) -> a Tap before it."""
    listeners: list[socket.socket] = []

    def start(url: str, *, context: ssl.SSLContext | None = None) -> Tap:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        host, _, port = url.removeprefix("http://").partition(":")
        made = Tap(port=listener.getsockname()[1], target=(host, int(port)), context=context)
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        return made

    yield start
    for listener in listeners:
        listener.close()
