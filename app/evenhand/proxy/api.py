"""`POST /rewrite` and `POST /rewrite/batch`: prompts in, decisions out, for programs that call the image API themselves.

Errors are problem details (RFC 9457) that name the field and the fix.
"""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.exceptions import HTTPException

from evenhand.engine.record import DecisionRecord, record
from evenhand.flow import MAX_IMAGES
from evenhand.proxy.examples import BATCH_EXAMPLES, REWRITE_EXAMPLES, documented, with_answers
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.plugins.routes import integration_routes
from evenhand.proxy.refusal import Refusal, problem, refusal_body, refusal_headers
from evenhand.proxy.texts import Noted, decided
from evenhand.proxy.wishes import Wishes

MAX_ITEMS = 1_000
SEED_BOUND = 2**63


def _whole(value: Any) -> Any:
    """In JSON Schema 2.0 is an integer, too; a word or true is none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PromptText = Annotated[str, Field(min_length=1, description="The prompt as the user wrote it.")]
Images = Annotated[
    Annotated[int, Field(ge=1, le=MAX_IMAGES, strict=True)],
    BeforeValidator(_whole),
    Field(description="How many images will be drawn; each gets a rewrite."),
]
Seed = Annotated[
    Annotated[int, Field(ge=0, lt=SEED_BOUND, strict=True)] | None,
    BeforeValidator(_whole),
    Field(description="The same seed draws the same; random where missing."),
]
Name = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._:@/-]*$")]


_MEDIA = "application/problem+json"
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "The request can't be used; the problem details (RFC 9457) name the field and the fix.",
        "content": {_MEDIA: {"schema": _PROBLEM}},
    }
}


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


def rewrite_app(live: Live) -> FastAPI:
    app = FastAPI(title="Evenhand", version="1", redoc_url=None, description=_ABOUT, responses=_REFUSALS)
    _add_routes(app, live)
    app.include_router(integration_routes(live))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(Exception, _fault)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        return with_answers(_exact(plain()), live.serving)

    app.openapi = openapi  # type: ignore[method-assign]
    return app


_ABOUT = "Rewrites image prompts only where they leave open who is drawn, and says why. `POST /v1/images/generations` is proxied."


def _exact(told: Any) -> Any:
    """FastAPI tells bounds as floats, whose digits in JSON are rounded; a power of two is still exact as a float."""
    if isinstance(told, dict):
        return {key: _exact(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_exact(value) for value in told]
    return int(told) if isinstance(told, float) and told.is_integer() else told


def _add_routes(app: FastAPI, live: Live) -> None:
    @app.post("/rewrite", summary="Decide one prompt", openapi_extra=documented(REWRITE_EXAMPLES))
    async def rewrite(asked: RewriteRequest) -> JSONResponse:
        return JSONResponse(await _decide(asked, live, live.serving, tenant=asked.tenant, route=asked.route))

    @app.post("/rewrite/batch", summary="Decide up to 1,000 prompts", openapi_extra=documented(BATCH_EXAMPLES))
    async def rewrite_batch(asked: BatchRequest) -> JSONResponse:
        decisions, serving = [], live.serving
        for item in asked.items:
            decisions.append(await _decide(item, live, serving, tenant=asked.tenant))
            await asyncio.sleep(0)
        return JSONResponse({"decisions": decisions})


async def _decide(
    asked: RewriteRequest | BatchItem, live: Live, serving: Serving, *, tenant: str, route: str = ""
) -> DecisionRecord:
    policy = serving.policies.of(route=route, tenant=tenant)
    wishes = Wishes(seed=asked.seed, tenant=tenant)
    note = Noted(route=route or "rewrite", tenant=tenant, ref=asked.ref)
    decision = await decided(asked.prompt, live, serving, wishes=wishes, policy=policy, note=note, images=asked.images)
    return record(decision, serving.rules, ref=asked.ref)


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


def _problem(status: int, detail: str, *, headers: Any = None, **more: Any) -> JSONResponse:
    return JSONResponse(problem(status, detail, **more), status, headers=headers, media_type=_MEDIA)
