"""Routes for the rules as files: list, read, check while typing, tell what would change, save where the operator allows it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from evenhand.proxy.console.guard import ConsoleRoute, well_formed, while_wanted
from evenhand.proxy.console.preview_aside import Job, preview_aside
from evenhand.proxy.console.workshop import TEXT_BYTES, Workshop
from evenhand.proxy.live import Live
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.logs import log
from evenhand.settings import Settings

Prompts = Callable[[], list[str] | None]


def _of_bearable_size(text: str) -> str:
    size = len(well_formed(text).encode())
    if size > TEXT_BYTES:
        raise ValueError(f"the file has {size:,} bytes; at most {TEXT_BYTES:,} can be edited here")
    return text


Text = Annotated[str, AfterValidator(_of_bearable_size)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_Strict):
    path: Annotated[str, Field(max_length=512)]
    text: Text


class Saved(_Strict):
    text: Text
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="The digest of the text that was opened.")]


def rule_routes(live: Live, workshop: Workshop, prompts: Prompts) -> APIRouter:
    router = APIRouter(route_class=ConsoleRoute)
    checking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evenhand-check")
    previewing = asyncio.Lock()

    @router.get("/files")
    def files() -> JSONResponse:
        return JSONResponse({"folder": str(workshop.root), "files": workshop.names()})

    @router.get("/files/{name:path}")
    def file(name: str) -> JSONResponse:
        found = workshop.read(name)
        return JSONResponse({"path": found.name, "text": found.text, "digest": found.digest})

    @router.post("/check")
    async def check(draft: Draft, request: Request) -> JSONResponse:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(checking, workshop.problems, draft.path, draft.text)
        problems = await while_wanted(request, work)
        return JSONResponse({"problems": [workshop.problem_data(problem) for problem in problems]})

    @router.post("/preview")
    async def preview(draft: Draft, request: Request) -> JSONResponse:
        recent = prompts()
        workshop.read(draft.path)
        job = Job(folder=str(workshop.root), name=draft.path, text=draft.text, recent=recent)
        found = await while_wanted(request, asyncio.create_task(_in_turn(previewing, job)))
        return JSONResponse(found | {"serving": live.serving.revision})

    @router.put("/files/{name:path}")
    def save(name: str, saved: Saved) -> JSONResponse:
        if why_not := why_not_save(live.settings):
            raise Refusal(403, why_not, code="saving_is_off")
        done = workshop.save(name, saved.text, base=saved.base)
        log.info("rules_saved", file=name, digest=done.digest[:8])
        return JSONResponse({"path": done.name, "digest": done.digest, "revision": live.serving.revision})

    return router


def why_not_save(settings: Settings) -> str:
    """A sentence, empty where the operator lets the page save."""
    if not settings.edit_rules:
        return "Saving is switched off here; start Evenhand with EVENHAND_EDIT_RULES=true to allow it."
    if settings.rules is None:
        return "These rules came with Evenhand, and the next version would replace them; serve a folder of your own to edit it."
    return ""


async def _in_turn(lock: asyncio.Lock, job: Job) -> dict[str, Any]:
    async with lock:
        return await preview_aside(job)
