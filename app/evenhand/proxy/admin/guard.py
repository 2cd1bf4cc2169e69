"""Who may use the admin port: anyone on loopback under a loopback name, or whoever holds the token. Refusals are problems.

Probes and the page's own files stay open; they tell nothing but the state.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from evenhand.proxy.console.guard import HEADER, told
from evenhand.proxy.refusal import problem
from evenhand.proxy.watch.logs import log, where
from evenhand.settings import Settings, is_loopback

_OPEN = ("/healthz", "/readyz", "/")
_OPEN_BELOW = "/page/"


def guard(settings: Settings) -> Callable[[Request], Awaitable[None]]:
    token = settings.admin_token

    async def check(request: Request) -> None:
        path = request.scope["path"]
        if token is None:
            _refuse_foreign_host(request)
        elif path not in _OPEN and not path.startswith(_OPEN_BELOW) and not _holds(request, token.get_secret_value()):
            raise HTTPException(
                401, "The admin port needs 'Authorization: Bearer' and the token.", {"WWW-Authenticate": "Bearer"}
            )

    return check


async def check_intent(request: Request) -> None:
    """A form on a page elsewhere can send a POST, but neither of these headers."""
    has_bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if not has_bearer and request.headers.get(HEADER) != "1":
        raise HTTPException(403, f"Send the header '{HEADER}: 1'; without it another page could act for you.")


def _refuse_foreign_host(request: Request) -> None:
    """A page elsewhere could reach a loopback port under its own name (DNS rebinding)."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if not is_loopback(host):
        raise HTTPException(403, "The admin port answers only under a loopback name such as 127.0.0.1.")


def _holds(request: Request, token: str) -> bool:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


def add_problems(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == 404:
        detail = "There is nothing at this path of the admin port; try /readyz, /metrics, /decisions, /rules or /version."
    elif error.status_code == 405:
        detail = f"{request.method} is not allowed here; use {(error.headers or {}).get('allow', 'GET')}."
    return _answer(error.status_code, detail, headers=error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _answer(422, f"The request can't be used: {told(error)}.")


async def _fault(_: Request, error: Exception) -> JSONResponse:
    log.error("admin_fault", fault=where(error))
    return _answer(500, "A fault of the sidecar kept the answer back; its log says where.")


def _answer(status: int, detail: str, *, headers: Any = None) -> JSONResponse:
    return JSONResponse(problem(status, detail), status, headers=headers, media_type="application/problem+json")
