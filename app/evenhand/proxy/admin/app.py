"""The admin port: probes, metrics, recent decisions, rules in service, the console. Loopback only unless a token is set.

Errors are problem details (RFC 9457). The words of a prompt are shown only where the operator lets prompts be kept.
"""

import platform
import time
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client.exposition import choose_encoder

from evenhand import __version__
from evenhand.casebook import rules_met
from evenhand.proxy.admin.guard import add_problems, check_intent, guard
from evenhand.proxy.admin.reach import Lookout
from evenhand.proxy.admin.recent import Recent, Test, reasons_of
from evenhand.proxy.admin.reload import Reloader
from evenhand.proxy.console.history import History
from evenhand.proxy.console.page_routes import page_routes
from evenhand.proxy.console.routes import console_routes
from evenhand.proxy.live import Live, Reload
from evenhand.proxy.watch.decision_log import line_of
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset

MOST_DECISIONS = 500
Text = Annotated[str | None, Query(max_length=200)]


def admin_app(
    live: Live,
    *,
    meters: Meters | None = None,
    recent: Recent | None = None,
    history: History | None = None,
    reloader: Reloader | None = None,
    lookout: Lookout | None = None,
) -> FastAPI:
    """Probes need no token; they tell nothing but the state. Without a `reloader` rules can't be read anew."""
    recent, history = recent or Recent(), history or History()
    app = FastAPI(
        title="Evenhand admin", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard(live.settings))]
    )
    add_problems(app)
    app.include_router(_state_routes(live, lookout or Lookout()))
    app.include_router(_metric_routes(meters or Meters()))
    app.include_router(_decision_routes(live, recent))
    app.include_router(_rule_routes(live, reloader))
    app.include_router(console_routes(live, recent, history))
    app.include_router(page_routes())
    return app


def starting_app() -> FastAPI:
    """What stands at the admin port until the rules are loaded: alive, not ready."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_problems(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        return JSONResponse({"status": "starting"}, 503)

    return app


def _state_routes(live: Live, lookout: Lookout) -> APIRouter:
    router = APIRouter()
    started = time.time()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        return JSONResponse(readiness(live, lookout), 503 if live.draining else 200)

    @router.get("/version")
    async def version() -> dict[str, Any]:
        return {"version": __version__, "python": platform.python_version(), "started_at": round(started, 3)}

    return router


def readiness(live: Live, lookout: Lookout) -> dict[str, Any]:
    """Ages in seconds. Only draining makes a process unready: the last good rules serve, and upstreams are others' business."""
    rules = live.serving.rules
    return {
        "status": "draining" if live.draining else "ready",
        "revision": rules.revision,
        "rules": len(rules.why),
        "age_s": round(time.time() - live.loaded_at, 1),
        "last_reload": _reload(live.last_reload),
        "upstreams": list(_upstreams(live, lookout)),
        "remarks": [*live.remarks, *live.serving.remarks],
    }


def _reload(last: Reload | None) -> dict[str, Any] | None:
    if last is None:
        return None
    told = {"at": round(last.at, 3), "ok": last.ok, "result": last.result, "cause": last.cause, "took_s": last.took_s}
    return told | ({"error": last.error} if last.error else {})


def _upstreams(live: Live, lookout: Lookout) -> Iterator[dict[str, Any]]:
    found = lookout.look(upstream.origin for upstream in live.serving.upstreams)
    for upstream in live.serving.upstreams:
        told: dict[str, Any] = {"id": upstream.id, "path": upstream.path, "origin": upstream.origin, "reachable": "unknown"}
        if reached := found[upstream.origin]:
            told |= {"reachable": not reached.error, "checked_s_ago": round(time.monotonic() - reached.at, 1)}
            told |= {"error": reached.error} if reached.error else {}
        yield told


def _metric_routes(meters: Meters) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(meters.registry), headers={"content-type": media})

    return router


def _decision_routes(live: Live, recent: Recent) -> APIRouter:
    router = APIRouter()

    @router.get("/decisions")
    async def decisions(
        outcome: Text = None,
        route: Text = None,
        tenant: Text = None,
        reason: Text = None,
        rule: Text = None,
        limit: Annotated[int, Query(ge=1, le=MOST_DECISIONS)] = 50,
    ) -> JSONResponse:
        asked = {"outcome": outcome, "route": route, "tenant": tenant, "reason": reason, "rule": rule}
        shows = live.settings.decision_log_prompts
        key = live.settings.secret.get_secret_value().encode()
        found = recent.find(_tests(asked), limit=limit)
        return JSONResponse({"prompts": shows, "decisions": [line_of(entry, key=key, prompts=shows) for entry in found]})

    return router


def _tests(asked: dict[str, str | None]) -> Iterator[Test]:
    """Every filter that was given must hold."""
    for name, wanted in asked.items():
        if wanted is not None:
            yield _FILTERS[name](wanted)


_FILTERS: dict[str, Any] = {
    "outcome": lambda wanted: lambda entry: entry.decision.outcome == wanted,
    "route": lambda wanted: lambda entry: entry.route == wanted,
    "tenant": lambda wanted: lambda entry: entry.tenant == wanted,
    "reason": lambda wanted: lambda entry: wanted in reasons_of(entry.decision),
    "rule": lambda wanted: lambda entry: wanted in rules_met(entry.decision),
}


def _rule_routes(live: Live, reloader: Reloader | None) -> APIRouter:
    router = APIRouter()

    @router.get("/rules")
    async def rules(kind: Text = None, q: Text = None) -> JSONResponse:
        found = live.serving.rules
        listed = list(_listed(found, kind or "", (q or "").lower()))
        about = {"revision": found.revision, "loaded_at": round(live.loaded_at, 3), "phrases": found.phrase_count}
        return JSONResponse({**about, "policy": effective_policy(found), "total": len(listed), "rules": listed})

    @router.post("/rules/reload", dependencies=[Depends(check_intent)])
    async def reload() -> JSONResponse:
        if reloader is None:
            return JSONResponse({"status": "unavailable"}, 503)
        outcome = await reloader.ask("request")
        return JSONResponse({"revision": outcome.revision, **(_reload(outcome) or {})}, 200 if outcome.ok else 409)

    return router


def _listed(rules: Ruleset, kind: str, words: str) -> Iterator[dict[str, Any]]:
    for name, why in sorted(rules.why.items()):
        place = rules.places.get(name)
        is_wanted = (not kind or name.partition("/")[0] == kind) and words in f"{name} {why}".lower()
        if is_wanted and name not in rules.policy.disable:
            yield {"id": name, "kind": name.partition("/")[0], "at": str(place) if place else None, "why": why}


def effective_policy(rules: Ruleset) -> dict[str, dict[str, Any]]:
    """Every setting of the policy with the place that says it; None where it is the default."""
    places = {key: rules.places.get(f"policy/{key}") for key in type(rules.policy).model_fields}
    values = rules.policy.model_dump(mode="json")
    return {key: {"value": values[key], "at": str(place) if place else None} for key, place in places.items()}
