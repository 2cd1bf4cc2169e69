"""The page's API on the admin port: explain a prompt, tell the state, what happened of late, and the rules as files.

A prompt tried here is decided as in traffic, but it is no traffic: it is not counted, not logged and not kept.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from evenhand import __version__
from evenhand.casebook import head_of, heading_rules
from evenhand.engine.record import record
from evenhand.flow import MAX_IMAGES, Decision, Prompt
from evenhand.proxy.console.guard import ConsoleRoute, well_formed
from evenhand.proxy.console.history import History
from evenhand.proxy.console.rules_routes import rule_routes, why_not_save
from evenhand.proxy.console.workshop import Workshop
from evenhand.proxy.judge import LONG_CHARS
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.wishes import SEED_BITS, Wishes, seed_of
from evenhand.rules.schema import PolicyFile

Name = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9._:@/*-]*$")]
MOST_RECENT = 100


class Entries(Protocol):
    """See recent.Recent: newest first, bounded."""

    def entries(self) -> Sequence[Entry]: ...


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, Field(min_length=1), AfterValidator(well_formed)]
    images: Annotated[int, Field(ge=1, le=MAX_IMAGES, strict=True)] = 1
    seed: Annotated[int | None, Field(ge=0, lt=2**SEED_BITS, strict=True)] = None
    tenant: Name = ""
    route: Name = ""


def console_routes(live: Live, recent: Entries, history: History) -> APIRouter:
    router = APIRouter(prefix="/api", route_class=ConsoleRoute)
    workshop = Workshop(live.settings.rules)

    @router.post("/explain")
    async def explain(asked: Asked) -> JSONResponse:
        return JSONResponse(await explained(asked, live, workshop))

    @router.get("/state")
    async def state() -> JSONResponse:
        return JSONResponse(state_of(live))

    @router.get("/series")
    async def series(
        minutes: Annotated[int, Query(ge=1, le=1440)] = 60, points: Annotated[int, Query(ge=1, le=360)] = 60
    ) -> JSONResponse:
        return JSONResponse(history.series(window_s=minutes * 60, points=points) | {"now": shares_of(live.serving.rules.policy)})

    @router.get("/recent")
    async def latest(limit: Annotated[int, Query(ge=1, le=MOST_RECENT)] = 20) -> JSONResponse:
        keeps = live.settings.decision_log_prompts
        return JSONResponse(
            {"prompts": keeps, "entries": [entry_data(entry, prompts=keeps) for entry in recent.entries()[:limit]]}
        )

    router.include_router(rule_routes(live, workshop, lambda: prompts_of(recent.entries(), live)))
    return router


async def explained(asked: Asked, live: Live, workshop: Workshop) -> dict[str, Any]:
    """Raises Refusal 400 for a prompt that traffic would not be allowed either."""
    serving = live.serving
    policy = serving.policies.of(route=asked.route, tenant=asked.tenant)
    if len(asked.prompt) > policy.limits.prompt_chars:
        message = f"The prompt has {len(asked.prompt):,} characters; at most {policy.limits.prompt_chars:,} are allowed."
        raise Refusal(400, message, code="prompt_too_long")
    seed = seed_of(asked.prompt, Wishes(seed=asked.seed, tenant=asked.tenant), policy, live.settings)
    decision = await _decided(Prompt(text=asked.prompt, images=asked.images, seed=seed, id="d-console"), serving, policy)
    heads = [list(heading_rules(head_of(decision, subject), serving.rules)) for subject in decision.plan.analysis.subjects]
    return {
        "decision": record(decision, serving.rules),
        "heads": heads,
        "rules": places_of({*_named(decision), *(rule for rules in heads for rule in rules)}, serving, workshop),
        "mode": policy.mode,
        "shares": shares_of(policy),
    }


async def _decided(prompt: Prompt, serving: Serving, policy: PolicyFile) -> Decision:
    """Whatever the mode is, the page shows what the rules would do; `shadow` is told, as in traffic."""
    began = perf_counter()
    if len(prompt.text) > LONG_CHARS:
        decision = await asyncio.to_thread(serving.engine.decide, prompt, policy=policy)
    else:
        decision = serving.engine.decide(prompt, policy=policy)
    shadowed = decision.outcome == "rewritten" and policy.mode == "shadow"
    spent_ms = (perf_counter() - began) * 1000
    return replace(decision, outcome="shadow" if shadowed else decision.outcome, overhead_ms=spent_ms)


def _named(decision: Decision) -> Iterable[str]:
    yield from (finding.rule for ruling in decision.plan.rulings for finding in ruling.closed_by)
    yield from (note.rule for note in decision.plan.analysis.notes)


def places_of(rules: Iterable[str], serving: Serving, workshop: Workshop) -> dict[str, dict[str, Any] | None]:
    """None for what stands in no file, such as the language model. A setting of the policy is written with underscores."""
    known = serving.rules.places
    return {rule: workshop.place(known.get(rule) or known.get(rule.replace("-", "_"))) for rule in sorted(rules) if rule}


def shares_of(policy: PolicyFile) -> dict[str, dict[str, int]]:
    return {axis: dict(shares) for axis, shares in policy.axes.items()}


def state_of(live: Live) -> dict[str, Any]:
    rules, settings = live.serving.rules, live.settings
    policy = rules.policy
    return {
        "version": __version__,
        "revision": rules.revision,
        "rules": len(rules.why),
        "phrases": rules.phrase_count,
        "mode": policy.mode,
        "draining": live.draining,
        "reload_error": live.last_reload.error if live.last_reload else "",
        "shares": shares_of(policy),
        "tenants": sorted(policy.tenants),
        "routes": sorted(policy.routes),
        "limits": {"prompt_chars": policy.limits.prompt_chars, "images": MAX_IMAGES},
        "why_not_save": why_not_save(settings),
        "prompts": settings.decision_log_prompts,
    }


def prompts_of(entries: Iterable[Entry], live: Live) -> list[str] | None:
    """Prompts of recent decisions, each once; None where the operator does not let prompts be kept."""
    if not live.settings.decision_log_prompts:
        return None
    texts = (entry.decision.plan.analysis.prompt.text for entry in entries)
    return list(dict.fromkeys(text for text in texts if text))


def entry_data(entry: Entry, *, prompts: bool) -> dict[str, Any]:
    decision = entry.decision
    data: dict[str, Any] = {
        "id": decision.id,
        "at": entry.at,
        "outcome": decision.outcome,
        "route": entry.route,
        "status": entry.status,
        "reasons": sorted({finding.reason for ruling in decision.plan.rulings for finding in ruling.closed_by}),
        "subjects": len(decision.plan.analysis.subjects),
        "overhead_ms": round(decision.overhead_ms, 3),
    }
    prompt = decision.plan.analysis.prompt
    return data | ({"prompt": prompt.text, "seed": prompt.seed} if prompts else {})
