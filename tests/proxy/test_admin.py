import httpx
import pytest

from evenhand.dialects.spec import load_dialects
from evenhand.proxy.admin import admin_app
from evenhand.proxy.live import Live, serving_of
from evenhand.rules import Ruleset
from evenhand.settings import Settings, load_settings


@pytest.fixture
def live(small_rules: Ruleset) -> Live:
    return live_of(small_rules, load_settings())


def live_of(rules: Ruleset, settings: Settings) -> Live:
    return Live(settings=settings, serving=serving_of(rules, load_dialects(), settings))


async def get(live: Live, path: str, *, host: str = "127.0.0.1:8081", token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(admin_app(live)), base_url=f"http://{host}") as client:
        return await client.get(path, headers=headers)


async def test_probes(live: Live) -> None:
    assert (await get(live, "/healthz")).json() == {"status": "ok"}
    ready = await get(live, "/readyz")
    assert (ready.status_code, ready.json()["revision"]) == (200, live.serving.revision)
    assert ready.json()["rules"] > 0


async def test_draining_is_not_ready_but_healthy(live: Live) -> None:
    live.draining = True
    assert (await get(live, "/readyz")).status_code == 503
    assert (await get(live, "/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:8081", 200), ("localhost", 200), ("[::1]:8081", 200), ("evil.example", 403)]
)
async def test_only_loopback_names_are_answered_without_a_token(live: Live, host: str, status: int) -> None:
    assert (await get(live, "/readyz", host=host)).status_code == status


async def test_a_token_guards_everything_but_the_probes(small_rules: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_ADMIN_TOKEN", "t0ken")
    live = live_of(small_rules, load_settings())
    assert (await get(live, "/readyz", host="pod.example")).status_code == 200
    statuses = [(await get(live, "/elsewhere", host="pod.example", token=token)).status_code for token in ("", "wrong", "t0ken")]
    assert statuses == [404, 404, 404]
