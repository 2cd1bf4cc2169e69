"""The `replicate` library: run that waits, run that polls, files, and what passes beside them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

replicate = pytest.importorskip("replicate", reason="the client library 'replicate' is not installed")

OPEN, CLOSED = "a doctor reading", "a lighthouse at dusk"
MODEL = "black-forest-labs/flux-schnell"


@pytest.fixture
def upstream(serve_app: Any, picture: Any) -> Any:
    """Answers at once to `Prefer: wait`, else after a poll; its URLs are absolute and its own."""
    app = FastAPI()
    made: dict[str, dict[str, Any]] = {}

    @app.get("/v1/predictions/{name}")
    async def poll(name: str, request: Request) -> Response:
        own = f"{request.base_url}out.png"
        return JSONResponse({**made[name], "status": "succeeded", "output": [own]})

    @app.get("/out.png")
    async def fetch() -> Response:
        return Response(picture(), media_type="image/png")

    @app.post("/v1/files")
    async def keep(request: Request) -> Response:
        origin = str(request.base_url)
        about = {"id": "f-1", "name": "in.png", "content_type": "image/png", "size": 1, "etag": "e", "checksums": {}}
        dates = {"created_at": "2026-01-01T00:00:00Z", "expires_at": None}
        return JSONResponse({**about, **dates, "metadata": {}, "urls": {"get": f"{origin}v1/files/f-1"}}, status_code=201)

    @app.post("/v1/{path:path}")
    async def predict(path: str, request: Request) -> Response:
        body, origin = await request.json(), str(request.base_url)
        waits = "wait" in request.headers.get("prefer", "")
        made["p1"] = {
            "id": "p1",
            "model": MODEL,
            "version": "v1",
            "input": body["input"],
            "output": [f"{origin}out.png"] if waits else None,
            "status": "processing" if waits else "starting",
            "error": None,
            "logs": "",
            "created_at": "2026-01-01T00:00:00Z",
            "urls": {"get": f"{origin}v1/predictions/p1", "cancel": f"{origin}v1/predictions/p1/cancel"},
        }
        return JSONResponse(made["p1"], status_code=201)

    return serve_app(app)


@pytest.fixture
def client_of(run_sidecar: Callable[..., Any], upstream: Any, tap: Any) -> Iterator[Callable[..., Any]]:
    """client_of() -> a client and a tap on what it sends."""
    with ExitStack() as stack:

        def make(**more: Any) -> Any:
            sidecar = stack.enter_context(run_sidecar(upstream=upstream.origin, dialects="replicate", **more))
            line = tap(sidecar.url)
            client = replicate.Client(api_token="r8_1", base_url=line.origin)
            client.poll_interval = 0.01
            stack.callback(client._client.close)
            return client, line

        yield make


def asked(upstream: Any) -> list[Any]:
    return [each for each in upstream.arrived if each.path.endswith("/predictions")]


@pytest.mark.parametrize(
    ("model", "path"),
    [(MODEL, f"/v1/models/{MODEL}/predictions"), (f"{'5c7d5dc6' * 8}", "/v1/predictions")],
    ids=["model", "version"],
)
@pytest.mark.parametrize("wait", [True, False], ids=["waits", "polls"])
def test_run(client_of: Any, upstream: Any, is_picture: Any, model: str, path: str, wait: bool) -> None:
    client, _ = client_of()
    if "/" not in model:
        prediction = client.predictions.create(version=model, input={"prompt": OPEN, "seed": 4}, wait=wait)
        prediction.wait()
        output = prediction.output
    else:
        output = client.run(model, input={"prompt": OPEN, "seed": 4}, wait=wait)
    (arrived,) = asked(upstream)
    assert arrived.path == path
    assert arrived.headers["authorization"] == "Bearer r8_1"
    assert arrived.json["input"]["prompt"] != OPEN
    assert arrived.json["input"]["seed"] == 4
    assert [is_picture(httpx.get(url, trust_env=False).content) for url in output] == [True]


def test_the_url_to_poll_is_the_upstream_s_own(client_of: Any, upstream: Any) -> None:
    client, line = client_of()
    prediction = client.models.predictions.create(model=MODEL, input={"prompt": OPEN})
    assert prediction.urls["get"] == f"{upstream.origin}/v1/predictions/p1"
    assert client.predictions.get("p1").status == "succeeded"
    assert line.carried(b"GET /v1/predictions/p1")
    assert [each.path for each in upstream.arrived][1:] == ["/v1/predictions/p1"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (MODEL, {"prompt": CLOSED, "num_outputs": 1}),
        ("meta/meta-llama-3-8b-instruct", {"prompt": OPEN}),
        ("acme/own-writer", {"prompt": OPEN, "max_tokens": 64}),
        ("black-forest-labs/flux-kontext-pro", {"prompt": OPEN, "input_image": "https://pictures.example/1.png"}),
    ],
    ids=["nothing open", "a language model", "another language model", "an edit"],
)
def test_what_arrives_byte_for_byte(client_of: Any, upstream: Any, model: str, fields: dict[str, Any]) -> None:
    client, line = client_of()
    client.run(model, input=fields)
    (arrived,) = asked(upstream)
    assert arrived.json["input"] == fields
    assert line.carried(arrived.body)


def test_an_upload_passes(client_of: Any, upstream: Any, picture: Any, tmp_path: Any) -> None:
    client, _ = client_of()
    (tmp_path / "in.png").write_bytes(picture())
    with (tmp_path / "in.png").open("rb") as file:
        client.run(MODEL, input={"prompt": OPEN, "image": file}, file_encoding_strategy="url")
    upload, predicted = upstream.arrived
    assert picture() in upload.body
    assert predicted.json["input"] == {"prompt": OPEN, "image": f"{upstream.origin}/v1/files/f-1"}


async def test_the_async_client(client_of: Any, upstream: Any, is_picture: Any) -> None:
    client, _ = client_of()
    (url,) = await client.async_run(MODEL, input={"prompt": OPEN})
    await client._async_client.aclose()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert is_picture((await http.get(url)).content)
    assert asked(upstream)[0].json["input"]["prompt"] != OPEN
