"""A plain pass-through as most people write it: a FastAPI path operation and an httpx client that streams. UPSTREAM names the
origin."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

HOP = {"host", "content-length", "connection", "transfer-encoding"}
LIMITS = httpx.Limits(max_connections=4_096, max_keepalive_connections=256)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=600, limits=LIMITS) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/{path:path}")
async def passed(path: str, request: Request) -> StreamingResponse:
    client: httpx.AsyncClient = request.app.state.client
    headers = [(name, value) for name, value in request.headers.items() if name not in HOP]
    going = client.build_request("POST", f"/{path}", headers=headers, content=await request.body())
    answer = await client.send(going, stream=True)
    kept = {name: value for name, value in answer.headers.items() if name not in {"connection", "transfer-encoding"}}
    return StreamingResponse(answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose))
