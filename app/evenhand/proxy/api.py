"""`POST /rewrite` and `POST /rewrite/batch`: prompts in, decisions out, for programs that call the image API themselves.

Errors are problem details (RFC 9457) that name the field and the fix.
"""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from evenhand.engine.record import DecisionRecord, record
from evenhand.flow import MAX_IMAGES, Prompt
from evenhand.proxy.examples import BATCH_EXAMPLES, REWRITE_EXAMPLES, documented, with_answers
from evenhand.proxy.ids import new_id
from evenhand.proxy.judge import judge, undecided
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.meters import Meters
from evenhand.proxy.refusal import Refusal, problem, refusal_body, refusal_headers
from evenhand.proxy.wishes import Wishes, seed_of

MAX_ITEMS = 1_000
MAX_SEED = 2**63 - 1

PromptText = Annotated[str, Field(min_length=1, description="The prompt as the user wrote it.")]
Images = Annotated[
    int, Field(ge=1, le=MAX_IMAGES, strict=True, description="How many images will be drawn; each gets a rewrite.")
]
Seed = Annotated[
    int | None, Field(ge=0, le=MAX_SEED, strict=True, description="The same seed draws the same; random where missing.")
]
Name = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._:@/-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RewriteRequest(_Strict):
    prompt: PromptText
    images: Images = 1
    seed: Seed = None
    tenant: Name = ""
    route: Name = ""
    ref: Annotated[str | None, Field(max_length=256, description="Your own identifier, echoed.")] = None


class BatchItem(_Strict):
    prompt: PromptText
    images: Images = 1
    seed: Seed = None
    ref: Annotated[str | None, Field(max_length=256)] = None


class BatchRequest(_Strict):
    items: Annotated[list[BatchItem], Field(min_length=1, max_length=MAX_ITEMS)]
    tenant: Name = ""


def rewrite_app(live: Live, meters: Meters) -> FastAPI:
    app = FastAPI(title="Evenhand", version="1", redoc_url=None, description=_ABOUT)
    _add_routes(app, live, meters)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(Exception, _fault)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        return with_answers(plain(), live.serving)

    app.openapi = openapi  # type: ignore[method-assign]
    return app


_ABOUT = "Rewrites image prompts only where they leave open who is drawn, and says why. `POST /v1/images/generations` is proxied."


def _add_routes(app: FastAPI, live: Live, meters: Meters) -> None:
    @app.post("/rewrite", summary="Decide one prompt", openapi_extra=documented(REWRITE_EXAMPLES))
    async def rewrite(asked: RewriteRequest) -> JSONResponse:
        return JSONResponse(await _decide(asked, live, meters, asked.tenant))

    @app.post("/rewrite/batch", summary="Decide up to 1,000 prompts", openapi_extra=documented(BATCH_EXAMPLES))
    async def rewrite_batch(asked: BatchRequest) -> JSONResponse:
        decisions = []
        for item in asked.items:
            decisions.append(await _decide(item, live, meters, asked.tenant))
            await asyncio.sleep(0)
        return JSONResponse({"decisions": decisions})


async def _decide(asked: RewriteRequest | BatchItem, live: Live, meters: Meters, tenant: str) -> DecisionRecord:
    serving = live.serving
    policy = serving.rules.policy
    _check_length(asked.prompt, serving)
    seed = seed_of(asked.prompt, Wishes(seed=asked.seed, tenant=tenant), policy, live.settings)
    prompt = Prompt(text=asked.prompt, images=asked.images, seed=seed, id=new_id("d"))
    decision = undecided(serving, prompt, "opted_out") if policy.mode == "off" else await judge(serving, prompt, meters)
    return record(decision, serving.rules, ref=asked.ref)


def _check_length(text: str, serving: Serving) -> None:
    limit = serving.rules.policy.limits.prompt_chars
    if len(text) > limit:
        raise Refusal(400, f"The prompt has {len(text):,} characters; at most {limit:,} are allowed.", code="prompt_too_long")


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        return _problem(400, "The body is not valid JSON.")
    faults = [{"pointer": "/" + "/".join(map(str, each["loc"][1:])), "detail": each["msg"]} for each in found]
    said = "; ".join(f"'{fault['pointer']}': {fault['detail'][0].lower()}{fault['detail'][1:]}" for fault in faults[:5])
    return _problem(422, f"The request can't be used: {said}.", errors=faults[:50])


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = "The body can't be read; send JSON encoded as UTF-8." if error.status_code == 400 else f"{error.detail}."
    return _problem(error.status_code, detail, headers=error.headers)


async def _fault(_: Request, error: Exception) -> JSONResponse:
    return _problem(500, "A fault of the sidecar kept the answer back; its log says where.")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    body = refusal_body(error, "problem")
    answer = Response(body, error.status)
    answer.raw_headers = refusal_headers(error, "problem", body)
    return answer


_MEDIA = "application/problem+json"


def _problem(status: int, detail: str, *, headers: Any = None, **more: Any) -> JSONResponse:
    return JSONResponse(problem(status, detail, **more), status, headers=headers, media_type=_MEDIA)
