"""The one admin port of a service of several workers: asks each worker's own, at a socket in a folder, and merges the answers.

Metrics, history, decisions, readiness and reloads speak for all workers; whatever else is asked, the first worker answers.
Every second it looks what they counted, so that a worker that is killed takes at most that with it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from evenhand.proxy.admin.guard import add_problems, check_intent, guard
from evenhand.proxy.admin.readiness import Found, readiness_of
from evenhand.proxy.console.guard import while_wanted
from evenhand.proxy.console.history import History
from evenhand.proxy.merging import SNAPSHOT, Total
from evenhand.proxy.refusal import Refusal, problem
from evenhand.settings import Settings

LOOK_S, ANSWER_S, NEWS_S = 1.0, 5.0, 30.0
GONE = "gone"
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
_NOT_CARRIED = {"host", "content-length", "connection", "transfer-encoding", "keep-alive"}
_NOBODY = "No worker is ready to answer; wait until /readyz says 200."


@dataclass(slots=True, kw_only=True)
class Seat:
    """One worker as seen from here. `told` is its last snapshot, `counts` its history by bucket and label."""

    worker: int
    generation: int
    client: httpx.AsyncClient
    told: dict[str, Any] = field(default_factory=dict)
    counts: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        self.told = told
        self.counts |= {(slot, family, label): count for slot, family, label, count in told["history"]}

    def history(self) -> list[tuple[int, str, str, int]]:
        return [(*key, count) for key, count in self.counts.items()]


class Desk:
    """`place` holds a socket `worker-NUMBER-GENERATION` for each worker as long as it runs."""

    def __init__(self, settings: Settings, place: Path) -> None:
        self.settings = settings
        self._place = place
        self._seats: dict[Path, Seat] = {}
        self._gone, self._gone_history = Total(), History()
        self._replaced: dict[int, int] = {}
        self._looking = asyncio.Lock()
        self._recall()

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def aclose(self) -> None:
        for seat in self._seats.values():
            await seat.client.aclose()

    async def look(self) -> None:
        """One look at a time, so that no older snapshot comes after a newer one."""
        async with self._looking:
            await self._seat()
            await asyncio.gather(*(self._look_at(seat) for seat in self._seats.values()))

    async def _seat(self) -> None:
        found = set(self._place.glob("worker-*-*"))
        for path in self._seats.keys() - found:
            await self._clear(self._seats.pop(path))
        for path in found - self._seats.keys():
            seat = self._seats[path] = _seat_at(path, self.settings)
            self._replaced[seat.worker] = max(seat.generation, self._replaced.get(seat.worker, 0))

    async def _clear(self, seat: Seat) -> None:
        self._gone.take(seat.told.get("metrics", []), gone=True)
        self._gone_history.add(seat.history())
        self._keep()
        await seat.client.aclose()

    def _keep(self) -> None:
        """For the desk after this one, should it be killed."""
        kept = self._place / GONE
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps({"metrics": list(self._gone.told()), "history": self._gone_history.counts()}))
        fresh.replace(kept)

    def _recall(self) -> None:
        with suppress(FileNotFoundError):
            kept = json.loads((self._place / GONE).read_text())
            self._gone.take(kept["metrics"])
            self._gone_history.add(kept["history"])

    async def _look_at(self, seat: Seat) -> None:
        since = time.time() - NEWS_S if seat.told else 0
        with suppress(httpx.HTTPError):
            seat.take((await seat.client.get(SNAPSHOT, params={"since": since})).raise_for_status().json())

    def seats(self) -> list[Seat]:
        """The youngest of each number; an older one is about to be cleared away."""
        youngest = {seat.worker: seat for seat in sorted(self._seats.values(), key=lambda seat: seat.generation)}
        return [youngest[worker] for worker in sorted(youngest)]

    async def ask(self, seat: Seat, request: Request, body: bytes) -> httpx.Response | None:
        """None where the worker does not answer."""
        headers = [(name, value) for name, value in request.headers.items() if name not in _NOT_CARRIED]
        target = request.scope["raw_path"].decode("ascii") + ("?" + request.url.query if request.url.query else "")
        try:
            return await seat.client.request(request.method, target, headers=headers, content=body, timeout=None)
        except httpx.HTTPError:
            return None

    async def ask_all(self, request: Request) -> list[httpx.Response]:
        """What the workers that answer say. Raises Refusal where none does."""
        await self._seat()
        body = await request.body()
        answers = [each for each in await asyncio.gather(*(self.ask(seat, request, body) for seat in self.seats())) if each]
        if not answers:
            raise Refusal(503, _NOBODY, code="no_worker")
        return answers

    async def ask_one(self, request: Request) -> httpx.Response:
        """What the first worker that answers says. Raises Refusal where none does."""
        await self._seat()
        body = await request.body()
        for seat in self.seats():
            answer = await while_wanted(request, asyncio.create_task(self.ask(seat, request, body)))
            if answer is not None:
                return answer
        raise Refusal(503, _NOBODY, code="no_worker")

    async def found(self) -> list[Found]:
        """The state of each worker there should be."""
        await self.look()
        seats = {seat.worker: seat for seat in self.seats()}
        return list(await asyncio.gather(*(_found(worker, seats.get(worker)) for worker in range(self.settings.workers))))

    async def registry(self) -> CollectorRegistry:
        await self.look()
        total, made = Total(), CollectorRegistry()
        total.take(self._gone.told())
        for seat in self.seats():
            total.take(seat.told.get("metrics", []))
        total.take(self._own())
        made.register(total)
        return made

    def _own(self) -> Iterable[list[Any]]:
        running = sum(bool(seat.told) for seat in self.seats())
        restarts = sum(self._replaced.values())
        for name, kind, about, value in (
            ("evenhand_workers", "gauge", "Worker processes there should be.", self.settings.workers),
            ("evenhand_workers_running", "gauge", "Worker processes that told their counts.", running),
            ("evenhand_worker_restarts", "counter", "Workers that ended unasked and were replaced.", restarts),
        ):
            yield [name, kind, about, [[f"{name}_total" if kind == "counter" else name, {}, value]]]

    async def history(self) -> History:
        await self.look()
        made = History()
        made.add(self._gone_history.counts())
        for seat in self.seats():
            made.add(seat.history())
        return made


def _seat_at(path: Path, settings: Settings) -> Seat:
    _, worker, generation = path.name.split("-")
    token = settings.admin_token
    client = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(path)),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {token.get_secret_value()}"} if token else {},
        timeout=ANSWER_S,
        trust_env=False,
    )
    return Seat(worker=int(worker), generation=int(generation), client=client)


async def _found(worker: int, seat: Seat | None) -> Found:
    if seat is None:
        return Found(worker=worker)
    about: dict[str, Any] = {}
    with suppress(httpx.HTTPError):
        about = (await seat.client.get("/readyz")).json()
    return Found(worker=worker, generation=seat.generation, pid=seat.told.get("pid"), about=about)


def desk_app(desk: Desk) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard(desk.settings))])
    add_problems(app)
    app.add_exception_handler(Refusal, _refused)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        told = readiness_of(await desk.found())
        return JSONResponse(told, 200 if told["status"] == "ready" else 503)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(await desk.registry()), headers={"content-type": media})

    _add_merged(app, desk)

    @app.api_route("/{path:path}", methods=METHODS)
    async def other(request: Request) -> Response:
        return _passed(await desk.ask_one(request))

    return app


def _add_merged(app: FastAPI, desk: Desk) -> None:
    @app.get("/decisions")
    async def decisions(request: Request) -> Response:
        answers = await desk.ask_all(request)
        return _newest(answers, "decisions", _limit(request, 50), lambda line: (line["timestamp"], line["id"]))

    @app.get("/api/recent")
    async def recent(request: Request) -> Response:
        return _newest(await desk.ask_all(request), "entries", _limit(request, 20), lambda entry: entry["at"])

    @app.get("/api/series")
    async def series(request: Request) -> Response:
        answer = await desk.ask_one(request)
        if answer.status_code != 200:
            return _passed(answer)
        asked = request.query_params
        history = await desk.history()
        told = history.series(window_s=int(asked.get("minutes", 60)) * 60, points=int(asked.get("points", 60)))
        return JSONResponse(answer.json() | told, headers={"cache-control": "no-store"})

    @app.post("/rules/reload", dependencies=[Depends(check_intent)])
    async def reload(request: Request) -> Response:
        answers = await desk.ask_all(request)
        worst = max(answers, key=lambda answer: answer.status_code)
        return JSONResponse(worst.json() | {"workers": [answer.json() for answer in answers]}, worst.status_code)


def _limit(request: Request, usual: int) -> int:
    given = request.query_params.get("limit", "")
    return int(given) if given.isdecimal() else usual


def _newest(answers: list[httpx.Response], name: str, limit: int, key: Callable[[Any], Any]) -> Response:
    """A request that is refused is refused by all in the same words."""
    worst = max(answers, key=lambda answer: answer.status_code)
    if worst.status_code != 200:
        return _passed(worst)
    merged = sorted((each for answer in answers for each in answer.json()[name]), key=key, reverse=True)
    return JSONResponse(worst.json() | {name: merged[:limit]}, headers={"cache-control": "no-store"})


def _passed(answer: httpx.Response) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name not in _NOT_CARRIED}
    return Response(answer.content, answer.status_code, headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return JSONResponse(problem(error.status, error.message), error.status, media_type="application/problem+json")
