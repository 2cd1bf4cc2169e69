"""Plug-ins for gateways people already run: LiteLLM's generic guardrail and Portkey's webhook, under `/integrations/`.

Each answers what its gateway's own source expects, never with a block. What is no request for images comes back as it was.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from evenhand.dialects.load import load_dialects
from evenhand.proxy.call import call_of
from evenhand.proxy.live import Live
from evenhand.proxy.plugins.litellm import GuardrailRequest, guarded
from evenhand.proxy.plugins.portkey import DIALECT, hooked

LITELLM_PATH = "/integrations/litellm/beta/litellm_basic_guardrail_api"
PORTKEY_PATH = "/integrations/portkey"


def integration_routes(live: Live) -> APIRouter:
    router = APIRouter(tags=["integrations"])
    dialects = load_dialects(live.settings.dialect_folder)
    operations = [each for dialect in dialects if dialect.id == DIALECT for each in dialect.operations]

    @router.post(LITELLM_PATH, summary="LiteLLM: generic guardrail API")
    async def litellm(request: Request, asked: GuardrailRequest) -> Response:
        return await guarded(asked, call_of(request.scope), live)

    @router.post(PORTKEY_PATH, summary="Portkey: webhook guardrail", openapi_extra=_PORTKEY_BODY)
    async def portkey(request: Request) -> Response:
        return await hooked(await request.body(), call_of(request.scope), live, operations)

    return router


_PORTKEY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "example": {
                    "eventType": "beforeRequestHook",
                    "requestType": "imageGenerate",
                    "request": {"json": {"model": "gpt-image-1", "prompt": "a doctor"}},
                }
            }
        },
    }
}
