"""How the console's routes answer: problem details for whatever is refused, nothing cached, and no request from other pages.

A page elsewhere can't set our header without asking first, and nobody answers it. Bodies are bounded before they are read.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from evenhand.proxy.refusal import Refusal, problem

HEADER = "X-Evenhand-Console"
BODY_BYTES = 16_777_216
T = TypeVar("T")


class ConsoleRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                check_request(request)
                answer = await handle(request)
            except Refusal as refusal:
                answer = problem_response(refusal.status, refusal.message, code=refusal.code)
            except RequestValidationError as error:
                answer = problem_response(422, f"The request can't be used: {told(error)}.", code="invalid_request")
            answer.headers["Cache-Control"] = "no-store"
            answer.headers["X-Content-Type-Options"] = "nosniff"
            answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            return answer

        return guarded


def check_request(request: Request) -> None:
    """Raises Refusal for a request with a body that does not come from our own page or a program that means it."""
    if request.method in ("GET", "HEAD"):
        return
    if request.headers.get(HEADER) != "1":
        raise Refusal(403, f"Send the header '{HEADER}: 1'; without it another page could act for you.", code="foreign_page")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "Send JSON, with 'Content-Type: application/json'.", code="unsupported_content")
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise Refusal(411, "Send the body's length in Content-Length.", code="length_required")
    if int(length) > BODY_BYTES:
        raise Refusal(413, f"The body has {int(length):,} bytes; at most {BODY_BYTES:,} are read.", code="body_too_large")


def told(error: RequestValidationError) -> str:
    """Names each field and its fault, never the value: it may be a prompt."""
    faults = [
        f"'{'.'.join(map(str, each['loc'][1:])) or 'body'}': {each['msg'][0].lower()}{each['msg'][1:]}" for each in error.errors()
    ]
    return "; ".join(faults[:5])


def problem_response(status: int, detail: str, **more: Any) -> JSONResponse:
    return JSONResponse(problem(status, detail, **more), status, media_type="application/problem+json")


def well_formed(text: str) -> str:
    """Raises ValueError for half of a surrogate pair, which JSON can carry and UTF-8 can't."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("the text holds half of a surrogate pair, which is no character")
    return text


async def while_wanted(request: Request, work: asyncio.Future[T]) -> T:
    """Raises whatever `work` raises, and Refusal 409 where the client leaves first: work is then cancelled.

    Typing asks anew before the last answer is there, and the page ends its older request.
    """
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=0.2)
            if not work.done() and await request.is_disconnected():
                work.cancel()
    finally:
        work.cancel()
    if work.cancelled():
        raise Refusal(409, "The request was dropped, since whoever asked has left.", code="dropped")
    return work.result()
