"""An image API that does what the header `x-soak` asks for: answers, streams, fails, breaks off, is slow, or sends megabytes."""

import asyncio
import json

from aiohttp import web

PICTURE = "iVBORw0KGgo" * 200
ANSWER = json.dumps({"created": 1764000000, "data": [{"b64_json": PICTURE}], "usage": {"total_tokens": 297}}).encode()
LARGE = json.dumps({"created": 1764000000, "data": [{"b64_json": PICTURE * 2000}]}).encode()
EVENT = b'event: image_generation.partial_image\ndata: {"b64_json":"' + PICTURE.encode() * 10 + b'"}\n\n'
SLOW_S = 0.4


async def draw(request: web.Request) -> web.StreamResponse:
    await request.read()
    wish = request.headers.get("x-soak", "")
    if wish == "slow":
        await asyncio.sleep(SLOW_S)
    if wish == "stream":
        return await _stream(request)
    if wish == "die":
        return await _die(request)
    if wish in ("429", "500"):
        return web.json_response({"error": {"message": "The image API was asked to fail."}}, status=int(wish))
    return web.Response(body=LARGE if wish == "large" else ANSWER, content_type="application/json")


async def _stream(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await answer.prepare(request)
    for _ in range(5):
        await answer.write(EVENT)
        await asyncio.sleep(SLOW_S / 10)
    await answer.write_eof()
    return answer


async def _die(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(ANSWER))})
    await answer.prepare(request)
    await answer.write(ANSWER[: len(ANSWER) // 2])
    assert request.transport is not None
    request.transport.abort()
    return answer


async def start(port: int) -> web.AppRunner:
    """Runs until its `cleanup` is called."""
    app = web.Application(client_max_size=2**28)
    app.router.add_post("/v1/images/{kind}", draw)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner
