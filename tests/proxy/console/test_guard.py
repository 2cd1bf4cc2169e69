import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel

from evenhand.proxy.console.guard import BODY_BYTES, ConsoleRoute, well_formed, while_wanted
from evenhand.proxy.refusal import Refusal

OURS = {"X-Evenhand-Console": "1", "Content-Type": "application/json"}


class Body(BaseModel):
    text: Annotated[str, AfterValidator(well_formed)]


@pytest.fixture
def client() -> httpx.AsyncClient:
    router = APIRouter(route_class=ConsoleRoute)

    @router.get("/look")
    async def look() -> JSONResponse:
        return JSONResponse({})

    @router.put("/change")
    async def change(body: Body) -> JSONResponse:
        if body.text == "refuse":
            raise Refusal(409, "It can't be done.", code="no")
        return JSONResponse({"text": body.text})

    app = FastAPI()
    app.include_router(router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def put(client: httpx.AsyncClient, content: bytes, headers: dict[str, str]) -> httpx.Response:
    return await client.put("/change", content=content, headers=headers)


async def test_looking_needs_no_header_and_is_not_cached(client: httpx.AsyncClient) -> None:
    answer = await client.get("/look")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({"Content-Type": "application/json"}, 403),
        ({**OURS, "X-Evenhand-Console": "0"}, 403),
        ({**OURS, "Content-Type": "text/plain"}, 415),
        ({"X-Evenhand-Console": "1"}, 415),
        ({**OURS, "Content-Length": str(BODY_BYTES + 1)}, 413),
        ({**OURS, "Content-Length": "x"}, 411),
    ],
)
async def test_changing_needs_our_header_and_json(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    answer = await put(client, b'{"text": "a"}', headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b'{"text": "refuse"}', 409, "It can't be done."),
        (b'{"text": 7}', 422, "The request can't be used: 'text': input should be a valid string."),
        (b'{"text": "\\ud800"}', 422, "half of a surrogate pair"),
        (b"{", 422, "The request can't be used"),
    ],
)
async def test_refusals_are_sentences(client: httpx.AsyncClient, body: bytes, status: int, says: str) -> None:
    answer = await put(client, body, OURS)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_a_fault_never_repeats_the_value(client: httpx.AsyncClient) -> None:
    answer = await put(client, b'{"text": {"secret prompt": 1}}', OURS)
    assert "secret" not in answer.text


def request_of(is_gone: asyncio.Event) -> Request:
    async def receive() -> dict[str, Any]:
        await is_gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_work_comes_back_with_what_it_returns_or_raises() -> None:
    async def work(answer: int) -> int:
        if not answer:
            raise Refusal(404, "No.", code="no")
        return answer

    request = request_of(asyncio.Event())
    assert await while_wanted(request, asyncio.ensure_future(work(7))) == 7
    with pytest.raises(Refusal, match="No"):
        await while_wanted(request, asyncio.ensure_future(work(0)))


async def test_whoever_left_ends_the_work_and_what_waits_never_begins() -> None:
    gone, go_on, ran = asyncio.Event(), threading.Event(), []
    with ThreadPoolExecutor(max_workers=1) as pool:
        loop = asyncio.get_running_loop()
        first = loop.run_in_executor(pool, go_on.wait, 20)
        behind = loop.run_in_executor(pool, ran.append, 1)
        slow = asyncio.ensure_future(asyncio.sleep(60))
        gone.set()
        for work in (behind, slow, first):
            with pytest.raises(Refusal) as caught:
                await while_wanted(request_of(gone), work)
            assert caught.value.status == 409
        go_on.set()
    assert (ran, slow.cancelled()) == ([], True)
