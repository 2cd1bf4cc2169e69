"""A working OpenAI images API without a model: each picture is a card of the prompt that arrived. For quickstart and tests.

Request headers ask for trouble: `x-demo-status: 429`, `x-demo-delay-s: 2`, `x-demo-die: mid-body`,
`x-demo-fail-word: man` (fail only such prompts), `x-demo-refuse-word: nurse` (refuse prompts with any of these words),
`x-demo-revise: nurse=doctor` (say that another word was drawn). The last two may be repeated.
`GET /demo/log` tells what arrived, `DELETE /demo/log` forgets it.
"""

import asyncio
import base64
import json
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from evenhand.proxy.demo.card import card
from evenhand.proxy.demo.request import DemoError, ImageRequest, image_request_of
from evenhand.proxy.incoming import Receive, Scope, Send

_KEPT_PICTURES = 64
_STATUS_SAYS = {
    401: ("Incorrect API key provided.", "invalid_api_key"),
    429: ("Rate limit reached for images per minute.", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", None),
}


class Gallery:
    """Pictures to fetch by URL, and the log of requests."""

    def __init__(self) -> None:
        self.pictures: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self.log: deque[dict[str, Any]] = deque(maxlen=10_000)

    def keep(self, picture: bytes, output_format: str) -> str:
        name = f"{secrets.token_hex(8)}.{output_format}"
        self.pictures[name] = (f"image/{output_format}", picture)
        while len(self.pictures) > _KEPT_PICTURES:
            self.pictures.popitem(last=False)
        return name


def demo_app() -> FastAPI:
    app = FastAPI(title="Evenhand demo upstream", docs_url=None, redoc_url=None, openapi_url=None)
    gallery = Gallery()
    _add_images(app, gallery)
    _add_log(app, gallery)
    return app


def _add_images(app: FastAPI, gallery: Gallery) -> None:
    @app.post("/v1/images/generations")
    async def generate(request: Request) -> Response:
        entry: dict[str, Any] = {"method": "POST", "gone": False}
        gallery.log.append(entry)
        try:
            return await _generate(request, gallery, entry)
        except DemoError as fault:
            return JSONResponse(fault.body, fault.status)

    @app.get("/demo/images/{name}")
    async def picture(name: str) -> Response:
        if name not in gallery.pictures:
            return JSONResponse({"error": {"message": "No such picture."}}, 404)
        media, content = gallery.pictures[name]
        return Response(content, media_type=media)


def _add_log(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/demo/log")
    async def log() -> dict[str, Any]:
        return {"requests": list(gallery.log)}

    @app.delete("/demo/log")
    async def forget() -> dict[str, Any]:
        gallery.log.clear()
        return {"requests": []}


async def _generate(request: Request, gallery: Gallery, entry: dict[str, Any]) -> Response:
    body = await request.body()
    entry["body"] = body.decode("utf-8", "replace")
    entry["headers"] = [
        [name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw if name != b"authorization"
    ]
    asked = image_request_of(body)
    entry |= {"prompt": asked.prompt, "n": asked.n}
    await _misbehave(request, entry)
    if asked.stream:
        return StreamingResponse(_events(asked), media_type="text/event-stream")
    data = [await _image(asked, number, request, gallery) for number in range(1, asked.n + 1)]
    answer = json.dumps({"created": int(time.time()), "data": data, "usage": _usage(asked)}).encode()
    if request.headers.get("x-demo-die") == "mid-body":
        return _BrokenResponse(answer, media_type="application/json")
    return Response(answer, media_type="application/json", headers={"x-request-id": f"req_{secrets.token_hex(8)}"})


async def _misbehave(request: Request, entry: dict[str, Any]) -> None:
    """Raises DemoError where a header asks for one; notes a client that left during the delay."""
    ends = time.monotonic() + float(request.headers.get("x-demo-delay-s", "0"))
    while time.monotonic() < ends and not entry["gone"]:
        await asyncio.sleep(0.02)
        entry["gone"] = await request.is_disconnected()
    for word in _listed(request, "x-demo-refuse-word"):
        if _holds(entry["prompt"], word):
            raise DemoError(400, "Your request was rejected by our safety system.", code="content_policy_violation")
    failing = request.headers.get("x-demo-fail-word")
    if failing and failing not in entry["prompt"]:
        return
    status = int(request.headers.get("x-demo-status", "200"))
    if status != 200:
        message, code = _STATUS_SAYS.get(status, ("The demo upstream was asked to fail.", None))
        raise DemoError(status, message, code=code)


def _listed(request: Request, name: str) -> list[str]:
    """A header that may be repeated, or hold several with commas between (RFC 9110 §5.3)."""
    values = ",".join(request.headers.getlist(name))
    return [value.strip() for value in values.split(",") if value.strip()]


def _holds(prompt: str, word: str) -> bool:
    return re.search(_whole(word), prompt, re.IGNORECASE) is not None


def _whole(word: str) -> str:
    return rf"(?<!\w){re.escape(word)}(?!\w)"


def _revised(request: Request, prompt: str) -> dict[str, str]:
    pairs = [value.partition("=") for value in _listed(request, "x-demo-revise")]
    for word, _, other in pairs:
        prompt = re.sub(_whole(word), other.replace("\\", ""), prompt, flags=re.IGNORECASE)
    return {"revised_prompt": prompt} if pairs else {}


async def _image(asked: ImageRequest, number: int, request: Request, gallery: Gallery) -> dict[str, Any]:
    picture, revised = await _drawn(asked, number, 1.0), _revised(request, asked.prompt)
    if asked.answers_url:
        return {"url": f"{request.base_url}demo/images/{gallery.keep(picture, asked.output_format)}", **revised}
    return {"b64_json": base64.b64encode(picture).decode(), **revised}


async def _drawn(asked: ImageRequest, number: int, progress: float) -> bytes:
    return await asyncio.to_thread(
        card,
        asked.prompt,
        width=asked.width,
        height=asked.height,
        number=number,
        output_format=asked.output_format,
        progress=progress,
    )


async def _events(asked: ImageRequest) -> AsyncIterator[bytes]:
    common = {
        "created_at": int(time.time()),
        "size": f"{asked.width}x{asked.height}",
        "quality": "low",
        "background": "opaque",
        "output_format": asked.output_format,
    }
    for index in range(asked.partial_images):
        picture = await _drawn(asked, 1, (index + 1) / (asked.partial_images + 1))
        yield _event("image_generation.partial_image", picture, {**common, "partial_image_index": index})
    for number in range(1, asked.n + 1):
        picture = await _drawn(asked, number, 1.0)
        yield _event("image_generation.completed", picture, {**common, "usage": _usage(asked)})


def _event(kind: str, picture: bytes, more: dict[str, Any]) -> bytes:
    data = json.dumps({"type": kind, "b64_json": base64.b64encode(picture).decode(), **more})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _usage(asked: ImageRequest) -> dict[str, Any]:
    words, drawn = len(asked.prompt.split()), 272 * asked.n
    details = {"text_tokens": words, "image_tokens": 0}
    return {"total_tokens": words + drawn, "input_tokens": words, "output_tokens": drawn, "input_tokens_details": details}


class _BrokenResponse(Response):
    """Sends half of its body and leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
        await asyncio.sleep(0.05)
