"""The admin port: is the process alive, is it ready for traffic. Loopback only unless a token is set."""

import hmac
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from evenhand.proxy.live import Live
from evenhand.settings import is_loopback


def admin_app(live: Live) -> FastAPI:
    """Probes need no token; they tell nothing but the state."""
    app = FastAPI(title="Evenhand admin", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(_guard(live))])

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        state = "draining" if live.draining else "ready"
        rules = live.serving.rules
        body = {"status": state, "revision": rules.revision, "rules": len(rules.why)}
        return JSONResponse(body, 503 if live.draining else 200)

    return app


_PROBES = ("/healthz", "/readyz")


def _guard(live: Live) -> Callable[[Request], Awaitable[None]]:
    token = live.settings.admin_token

    async def check(request: Request) -> None:
        if token is None:
            _refuse_foreign_host(request)
        elif request.scope["path"] not in _PROBES and not _holds(request, token.get_secret_value()):
            raise HTTPException(
                401, "The admin port needs 'Authorization: Bearer' and the token.", {"WWW-Authenticate": "Bearer"}
            )

    return check


def _refuse_foreign_host(request: Request) -> None:
    """A page elsewhere could reach a loopback port under its own name (DNS rebinding)."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if not is_loopback(host):
        raise HTTPException(403, "The admin port answers only under a loopback name such as 127.0.0.1.")


def _holds(request: Request, token: str) -> bool:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())
