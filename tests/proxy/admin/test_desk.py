"""The one admin port before workers' own: each played by a real server at a socket in the folder."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from evenhand.proxy.admin.desk import Desk, desk_app
from evenhand.proxy.console.history import History
from evenhand.proxy.listeners import Beside
from evenhand.proxy.merging import told_metrics
from evenhand.proxy.watch.meters import Meters
from evenhand.settings import load_settings

TOKEN = {"authorization": "Bearer let-me-in"}
SETTINGS = load_settings(port=0, admin_port=0, workers=2, upstream="http://up.example", admin_token="let-me-in")


class Worker:
    """Answers as a worker's admin port does; `asked` holds what came, with its authorization."""

    def __init__(self, *, decisions: int, stamps: list[str], reload_status: int = 200) -> None:
        meters = Meters()
        for _ in range(decisions):
            meters.requests.labels("rewrite", "200").inc()
        slot = int(History()._slot())
        self.asked: list[tuple[str, str]] = []
        self._answers: dict[str, tuple[int, Any]] = {
            "/worker": (
                200,
                {"pid": 1, "metrics": told_metrics(meters.registry), "history": [[slot, "outcome", "rewritten", decisions]]},
            ),
            "/readyz": (200, {"status": "ready", "revision": "aa", "age_s": 1.0, "last_reload": None, "remarks": []}),
            "/decisions": (200, {"prompts": False, "decisions": [{"timestamp": each, "id": each} for each in stamps]}),
            "/api/recent": (200, {"prompts": False, "entries": [{"at": float(each)} for each in stamps]}),
            "/api/series": (200, {"now": {"gender": {"woman": 50}}, "series": {}}),
            "/rules/reload": (reload_status, {"revision": "aa", "ok": reload_status == 200}),
            "/version": (200, {"version": "x", "of": stamps}),
        }

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        headers = dict(scope["headers"])
        self.asked.append((f"{scope['method']} {scope['path']}", headers.get(b"authorization", b"").decode()))
        status, told = self._answers.get(scope["path"], (404, {"detail": "nothing"}))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@asynccontextmanager
async def desk_of(place: Path, workers: dict[str, Worker]) -> AsyncIterator[tuple[Desk, httpx.AsyncClient]]:
    beside, desk = Beside(SETTINGS), Desk(SETTINGS, place)
    for name, worker in workers.items():
        port = socket.socket(socket.AF_UNIX)
        port.bind(str(place / name))
        beside.open(port, worker)
    transport = httpx.ASGITransport(desk_app(desk))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=TOKEN) as client:
        for _ in range(100):
            await desk.look()
            if all(seat.told for seat in desk.seats()):
                break
            await asyncio.sleep(0.02)
        try:
            yield desk, client
        finally:
            await desk.aclose()
            await beside.aclose()


@pytest.fixture
def two() -> dict[str, Worker]:
    return {"worker-0-0": Worker(decisions=3, stamps=["3", "1"]), "worker-1-4": Worker(decisions=4, stamps=["4", "2"])}


async def total(client: httpx.AsyncClient, name: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"evenhand_{name}"))


async def test_workers_are_merged(tmp_path: Path, two: dict[str, Worker]) -> None:
    async with desk_of(tmp_path, two) as (_, client):
        assert (await total(client, "requests_total"), await total(client, "worker_restarts_total")) == (7, 4)
        told = (await client.get("/decisions?limit=3")).json()
        assert (told["prompts"], [each["id"] for each in told["decisions"]]) == (False, ["4", "3", "2"])
        assert [each["at"] for each in (await client.get("/api/recent")).json()["entries"]] == [4, 3, 2, 1]
        series = (await client.get("/api/series")).json()
        assert (series["now"], series["totals"]) == ({"gender": {"woman": 50}}, {"outcome": {"rewritten": 7}})
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["revision"]) == (200, "ready", "aa")
        assert (await client.get("/version")).json()["of"] == ["3", "1"], "the first worker speaks for all"
        assert (await client.get("/nothing")).status_code == 404
        reloaded = await client.post("/rules/reload")
        assert (reloaded.status_code, len(reloaded.json()["workers"])) == (200, 2)
    assert all(("POST /rules/reload", TOKEN["authorization"]) in worker.asked for worker in two.values())
    assert {authorization for worker in two.values() for _, authorization in worker.asked} == {TOKEN["authorization"]}


async def test_a_reload_that_one_worker_refuses_is_refused(tmp_path: Path) -> None:
    workers = {"worker-0-0": Worker(decisions=0, stamps=[]), "worker-1-0": Worker(decisions=0, stamps=[], reload_status=409)}
    async with desk_of(tmp_path, workers) as (_, client):
        reloaded = await client.post("/rules/reload")
    assert (reloaded.status_code, reloaded.json()["ok"]) == (409, False)


async def test_what_a_worker_counted_outlives_it_and_the_desk(tmp_path: Path, two: dict[str, Worker]) -> None:
    async with desk_of(tmp_path, two) as (desk, client):
        (tmp_path / "worker-1-4").unlink()
        await desk.look()
        assert (await total(client, "requests_total"), await total(client, "workers_running")) == (7, 1)
        assert (await client.get("/readyz")).json()["status"] == "incomplete"
        assert (await client.get("/api/series")).json()["totals"]["outcome"] == {"rewritten": 7}
    (tmp_path / "worker-0-0").unlink()
    async with desk_of(tmp_path, {"worker-0-1": Worker(decisions=1, stamps=[])}) as (_, client):
        assert await total(client, "requests_total") == 5


async def test_without_workers_it_says_so(tmp_path: Path) -> None:
    async with desk_of(tmp_path, {}) as (_, client):
        answers = [await client.get(path) for path in ("/healthz", "/readyz", "/version", "/decisions", "/metrics")]
        assert [answer.status_code for answer in answers] == [200, 503, 503, 503, 200]
        assert answers[1].json()["status"] == "starting"
        assert "No worker is ready" in answers[2].json()["detail"]


async def test_it_guards_what_it_passes_on(tmp_path: Path, two: dict[str, Worker]) -> None:
    async with desk_of(tmp_path, two) as (_, client):
        asked = {name: len(worker.asked) for name, worker in two.items()}
        for path in ("/metrics", "/decisions", "/version", "/worker"):
            assert (await client.get(path, headers={"authorization": "Bearer wrong"})).status_code == 401
        assert {name: len(worker.asked) for name, worker in two.items()} == asked
