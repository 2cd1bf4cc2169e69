"""The `fal-client` library: run at once and through the queue.

It reaches fal.run by https only, and learns other hosts from FAL_RUN_HOST and FAL_QUEUE_RUN_HOST when it is imported: so it
runs in a process of its own, and TLS ends just before the sidecar, as at an ingress.
"""

import importlib.util
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

if importlib.util.find_spec("fal_client") is None:
    pytest.skip("the client library 'fal-client' is not installed", allow_module_level=True)
trustme = pytest.importorskip("trustme", reason="makes the certificates for TLS before the sidecar")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
APP = "fal-ai/flux/dev"
SCRIPT = """
import json, sys, fal_client
kind, app, arguments = json.loads(sys.argv[1])
answer = getattr(fal_client, kind)(app, arguments=arguments)
print(json.dumps(answer))
"""


@pytest.fixture
def upstream(serve_app: Any, picture: Any) -> Any:
    """fal.run below an app's name; queue.fal.run below "queued", with absolute URLs of its own."""
    app = FastAPI()

    def drawn(origin: str) -> dict[str, Any]:
        image = {"url": f"{origin}out.png", "content_type": "image/png", "width": 96, "height": 96}
        return {"images": [image], "seed": 1, "has_nsfw_concepts": [False]}

    @app.get("/out.png")
    async def fetch() -> Response:
        return Response(picture(), media_type="image/png")

    @app.get("/{path:path}/status")
    async def status() -> Response:
        return JSONResponse({"status": "COMPLETED", "logs": None, "metrics": {}, "inference_time": 0.1})

    @app.get("/{path:path}")
    async def result(request: Request) -> Response:
        return JSONResponse(drawn(str(request.base_url)))

    @app.post("/{path:path}")
    async def run(path: str, request: Request) -> Response:
        origin = str(request.base_url)
        if not path.startswith("queued"):
            return JSONResponse(drawn(origin))
        own = f"{origin}{path}/requests/r-1"
        urls = {"response_url": own, "status_url": f"{own}/status", "cancel_url": f"{own}/cancel"}
        return JSONResponse({"status": "IN_QUEUE", "request_id": "r-1", "queue_position": 0, **urls})

    return serve_app(app)


@pytest.fixture
def line(run_sidecar: Callable[..., Any], upstream: Any, tap: Any) -> Iterator[Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ExitStack() as stack:
        sidecar = stack.enter_context(run_sidecar(upstream=upstream.origin, dialects="fal"))
        made = tap(sidecar.url, context=context)
        made.authority = stack.enter_context(authority.cert_pem.tempfile())
        yield made


def ask(line: Any, kind: str, app: str, **arguments: Any) -> Any:
    host = line.origin.removeprefix("https://")
    here = {"FAL_RUN_HOST": host, "FAL_QUEUE_RUN_HOST": host, "FAL_KEY": "k:s", "SSL_CERT_FILE": line.authority, "NO_PROXY": "*"}
    command = [sys.executable, "-c", SCRIPT, json.dumps([kind, app, arguments])]
    done = subprocess.run(command, env={**os.environ, **here}, cwd=Path(__file__).parent, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return json.loads(done.stdout)


def asked(upstream: Any) -> list[Any]:
    return [each for each in upstream.arrived if each.method == "POST"]


@pytest.mark.parametrize(("kind", "app"), [("run", APP), ("subscribe", f"queued/{APP}")], ids=["at once", "through the queue"])
def test_a_picture(line: Any, upstream: Any, is_picture: Any, kind: str, app: str) -> None:
    answer = ask(line, kind, app, prompt=OPEN, num_images=1)
    (arrived,) = asked(upstream)
    assert arrived.path == f"/{app}"
    assert arrived.headers["authorization"] == "Key k:s"
    assert arrived.json["prompt"] != OPEN
    assert is_picture(httpx.get(answer["images"][0]["url"], trust_env=False).content)


@pytest.mark.parametrize(
    ("app", "arguments"),
    [
        (APP, {"prompt": CLOSED}),
        ("fal-ai/any-llm", {"prompt": OPEN}),
        ("fal-ai/nano-banana/edit", {"prompt": OPEN, "image_urls": ["https://pictures.example/1.png"]}),
        ("fal-ai/birefnet", {"image_url": "https://pictures.example/1.png"}),
    ],
    ids=["nothing open", "a language model", "an edit", "no prompt"],
)
def test_what_arrives_byte_for_byte(line: Any, upstream: Any, app: str, arguments: dict[str, Any]) -> None:
    ask(line, "run", app, **arguments)
    (arrived,) = asked(upstream)
    assert arrived.json == arguments


def test_polling_through_the_sidecar_passes(run_sidecar: Callable[..., Any], upstream: Any) -> None:
    with run_sidecar(upstream=upstream.origin, dialects="fal") as sidecar:
        for path, status in ((f"/{APP}/requests/r-1/status", 200), (f"/{APP}/requests/r-1", 200), (f"/{APP}", 405)):
            assert httpx.get(sidecar.url + path, trust_env=False).status_code == status
    assert [each.path for each in upstream.arrived] == [f"/{APP}/requests/r-1/status", f"/{APP}/requests/r-1"]
