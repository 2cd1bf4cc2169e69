"""LiteLLM's generic guardrail contract: the texts of a request come in, the same texts, some of them rewritten, go out.

A request for images arrives as one text without messages; an edit of a picture looks the same, but was sent as a form. Texts
of a chat are left alone unless the policy has a part for `integrations.litellm.chat`, for models that draw in a chat; then
the user's last message is the prompt.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, Field

from evenhand.flow import Decision, Remark
from evenhand.proxy.call import Call, our_headers
from evenhand.proxy.errand import Errand
from evenhand.proxy.live import Live
from evenhand.proxy.texts import Noted, decided, weaker
from evenhand.proxy.wishes import Wishes, wishes_of
from evenhand.rules.schema import PolicyFile
from evenhand.text import like

ROUTE = "integrations.litellm"
CHAT = "integrations.litellm.chat"
MAX_TEXTS = 1_000
# LiteLLM shows that a header was there by this value; the headers named in its `extra_headers` come as they are.
_HIDDEN = "[present]"
_TOLD_BY_CLIENT = ("x-evenhand", "x-evenhand-seed")


class Caller(BaseModel):
    """Who asks, as LiteLLM found out from its own keys."""

    user_api_key_team_id: str | None = None
    user_api_key_team_alias: str | None = None
    user_api_key_org_id: str | None = None

    @property
    def names(self) -> list[str]:
        given = (self.user_api_key_team_id, self.user_api_key_team_alias, self.user_api_key_org_id)
        return [name for name in given if name]


class GuardrailRequest(BaseModel):
    """What is used of a contract that grows; the rest is ignored."""

    input_type: Literal["request", "response"] = "request"
    texts: Annotated[list[str] | None, Field(max_length=MAX_TEXTS)] = None
    structured_messages: list[dict[str, Any]] | None = None
    images: list[Any] | None = None
    tools: list[Any] | None = None
    tool_calls: list[Any] | None = None
    model: str | None = None
    litellm_call_id: Annotated[str | None, Field(max_length=256)] = None
    request_data: Caller = Caller()
    request_headers: dict[str, str] | None = None

    @property
    def is_chat(self) -> bool:
        return bool(self.structured_messages or self.tools or self.tool_calls)

    @property
    def has_picture(self) -> bool:
        """Whether a picture came along that may fix who is shown."""
        kind = next((value for name, value in (self.request_headers or {}).items() if name.lower() == "content-type"), "")
        return bool(self.images) or kind.lower().startswith("multipart/form-data")


async def guarded(asked: GuardrailRequest, call: Call, live: Live) -> Response:
    """Raises Refusal as `POST /rewrite` does."""
    texts, serving = list(asked.texts or ()), live.serving
    route = _route(asked, serving.rules.policy)
    wishes = _wishes(asked, call, live)
    policy = serving.policies.of(route=route, tenant=wishes.tenant)
    remarks: tuple[Remark, ...] = ("input_image",) if asked.has_picture else ()
    mode = weaker(policy.mode, policy.input_images) if asked.has_picture else policy.mode
    ref = asked.litellm_call_id or None
    note = Noted(
        route=CHAT if asked.is_chat else ROUTE, tenant=wishes.tenant, ref=ref, request_id=call.request_id, remarks=remarks
    )
    decisions: list[Decision] = []
    for index in _prompts(asked) if route else []:
        decision = await decided(texts[index], live, serving, wishes=wishes, policy=policy, mode=mode, note=note)
        decisions.append(decision)
        if decision.outcome == "rewritten":
            texts[index] = decision.texts[0]
    call.errand = Errand(bodies=(), decisions=tuple(decisions))
    return _answer(texts, call)


def _answer(texts: Sequence[str], call: Call) -> Response:
    changed = any(decision.outcome == "rewritten" for decision in call.decisions)
    told = {"action": "GUARDRAIL_INTERVENED", "texts": texts} if changed else {"action": "NONE"}
    answer = Response(json.dumps(told), media_type="application/json")
    answer.raw_headers += our_headers(call)
    return answer


def _route(asked: GuardrailRequest, policy: PolicyFile) -> str:
    """The policy's part for this request; empty where it is none for us. A part may name a model behind a slash."""
    if asked.input_type == "response" or not asked.texts:
        return ""
    base = CHAT if asked.is_chat else ROUTE
    exact = f"{base}/{asked.model or ''}"
    named = [pattern for pattern in policy.routes if pattern.startswith(f"{base}/") and like(pattern, exact)]
    if named:
        return exact
    if base == CHAT:
        return CHAT if CHAT in policy.routes else ""
    return ROUTE if len(asked.texts) == 1 else ""


def _prompts(asked: GuardrailRequest) -> list[int]:
    """Which of the texts are prompts: the only one, or those of the last message of a chat that is the user's."""
    texts = asked.texts or []
    if not asked.is_chat:
        return [index for index, text in enumerate(texts) if text.strip()]
    said = [message.get("content") for message in asked.structured_messages or [] if message.get("role") == "user"]
    wanted = [text for text in _said(said[-1] if said else None) if text.strip()]
    return sorted({len(texts) - 1 - texts[::-1].index(text) for text in wanted if text in texts})


def _said(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _wishes(asked: GuardrailRequest, call: Call, live: Live) -> Wishes:
    """Headers of LiteLLM's own request first, then what it passes on of its client's; its team where tenants are believed."""
    ours = {name for name, _ in call.pairs}
    told = {name.lower(): value for name, value in (asked.request_headers or {}).items() if value != _HIDDEN}
    more = [(name.encode(), told[name].encode()) for name in _TOLD_BY_CLIENT if name in told and name.encode() not in ours]
    policy = live.serving.rules.policy
    wishes = wishes_of([*call.pairs, *more], live.settings, policy)
    names = asked.request_data.names
    if wishes.tenant or not names or not live.settings.tenant_header:
        return wishes
    return replace(wishes, tenant=next((name for name in names if name in policy.tenants), names[0]))
