import httpx
import pytest
from fastapi import Depends, FastAPI

from evenhand.proxy.admin.guard import add_problems, check_intent, guard
from evenhand.settings import Settings, load_settings


def app_of(settings: Settings) -> FastAPI:
    app = FastAPI(dependencies=[Depends(guard(settings))])
    add_problems(app)
    for path in ("/", "/healthz", "/readyz", "/page/app.js", "/metrics", "/pages"):
        app.get(path)(_nothing)
    app.post("/reload", dependencies=[Depends(check_intent)])(_nothing)
    app.get("/broken")(_break)
    return app


async def _nothing() -> None:
    return None


async def _break() -> None:
    raise ValueError("secret words")


async def ask(
    settings: Settings, path: str, *, host: str = "127.0.0.1:8081", method: str = "GET", **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(app_of(settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        return await client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200),
        ("localhost", 200),
        ("[::1]:8081", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8081", 403),
        ("localhost.evil.example", 403),
    ],
)
@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/"])
async def test_only_loopback_names_are_answered_without_a_token(path: str, host: str, status: int) -> None:
    assert (await ask(load_settings(), path, host=host)).status_code == status


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic t0ken", "Bearer", "bearer t0ken", "Bearer t0ken"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/page/app.js", "/metrics", "/pages"])
async def test_a_token_guards_everything_but_probes_and_page(path: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_ADMIN_TOKEN", "t0ken")
    answer = await ask(load_settings(), path, host="pod.example", **({"authorization": given} if given else {}))
    is_open = path not in ("/metrics", "/pages") or given.lower() == "bearer t0ken"
    assert answer.status_code == (200 if is_open else 401)
    if not is_open:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 403), ({"x_evenhand_console": "0"}, 403), ({"x_evenhand_console": "1"}, 200), ({"authorization": "Bearer any"}, 200)],
)
async def test_a_form_elsewhere_cannot_act(headers: dict[str, str], status: int) -> None:
    assert (await ask(load_settings(), "/reload", method="POST", **headers)).status_code == status


async def test_a_fault_tells_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    answer = await ask(load_settings(), "/broken")
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert "secret" not in "".join(capsys.readouterr())
