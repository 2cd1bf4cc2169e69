"""One canary a place in which a secret or a prompt may stand; none of them in anything the service writes or shows."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

# Place in a request -> its header; beside them the query, the body, the path and the service's own secrets.
HEADERS = {
    "bearer": ("authorization", "Bearer {}"),
    "api-key": ("api-key", "{}"),
    "x-api-key": ("x-api-key", "{}"),
    "x-goog-api-key": ("x-goog-api-key", "{}"),
    "x-key": ("x-key", "{}"),
    "xi-api-key": ("xi-api-key", "{}"),
    "cookie": ("cookie", "session={}"),
    "proxy-authorization": ("proxy-authorization", "Basic {}"),
    "idempotency": ("idempotency-key", "{}"),
    "amz-token": ("x-amz-security-token", "{}"),
    "organisation": ("openai-organization", "{}"),
    "unknown": ("x-custom-secret", "{}"),
    "user-agent": ("user-agent", "{}"),
}
OWN = ("secret", "admin-token", "database-user", "database-password")
ELSEWHERE = ("prompt", "body-member", "body-key", "query", "file")
PLACES = (*HEADERS, *OWN, *ELSEWHERE)


def canary(place: str) -> str:
    return f"canary{PLACES.index(place):02d}f3a9"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@contextmanager
def sidecar(folder: Path, app: Path, told: Path, **environment: str) -> Iterator[tuple[str, str, "subprocess.Popen[bytes]"]]:
    """The real command in a process of its own; `told` takes all it writes to stdout and stderr."""
    data, admin = free_port(), free_port()
    given = {
        "EVENHAND_PORT": str(data),
        "EVENHAND_ADMIN_PORT": str(admin),
        "EVENHAND_RULES": str(folder),
        "EVENHAND_LOG_LEVEL": "debug",
        "EVENHAND_SECRET": canary("secret"),
        "EVENHAND_ADMIN_TOKEN": canary("admin-token"),
        "EVENHAND_TIMEOUT_S": "1",
        "PYTHONPATH": str(app),
        **environment,
    }
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-m", "evenhand", "serve"]
    with told.open("wb") as out, subprocess.Popen(command, env={**os.environ, **given}, stdout=out, stderr=out) as process:
        try:
            _wait_ready(f"http://127.0.0.1:{admin}")
            yield f"http://127.0.0.1:{data}", f"http://127.0.0.1:{admin}", process
        finally:
            process.kill()


def _wait_ready(admin: str) -> None:
    for _ in range(400):
        try:
            if httpx.get(f"{admin}/readyz", trust_env=False, verify=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the sidecar did not get ready in 40 s")


def body(**more: Any) -> bytes:
    member = {canary("body-key"): 1, "user": canary("body-member")}
    return json.dumps({"prompt": f"a doctor, {canary('prompt')}", "size": "256x256", **member, **more}).encode()


BOUND = "b0und"
FORM = (
    f'--{BOUND}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na doctor {canary("prompt")}\r\n'
    f'--{BOUND}\r\nContent-Disposition: form-data; name="image"; filename="{canary("file")}.png"\r\n\r\n'
    f"{canary('file')}\r\n--{BOUND}--\r\n"
).encode()
Ask = tuple[str, str, dict[str, str], bytes]
JSON = {"content-type": "application/json"}
PATH = "/v1/images/generations"


def asks() -> Iterator[Ask]:
    """Success, every kind of error, a timeout, broken bodies, and our own API; all with every canary."""
    for extra in (
        {},
        {"x-demo-status": "400"},
        {"x-demo-status": "401"},
        {"x-demo-status": "429"},
        {"x-demo-status": "500"},
        {"x-demo-die": "mid-body"},
        {"x-demo-delay-s": "3"},
        {"x-evenhand": "off"},
        {"x-evenhand": canary("unknown")},
        {"x-evenhand-seed": canary("unknown")},
        {"x-evenhand-tenant": canary("unknown") + " "},
        {"content-encoding": canary("unknown")},
        {"content-type": canary("unknown")},
    ):
        yield "POST", PATH, {**JSON, **extra}, body()
    yield "POST", PATH, JSON, body(n=3)
    yield "POST", PATH, {**JSON, "x-demo-status": "500"}, body(n=3)
    yield "POST", PATH, JSON, body()[:-3]
    yield "POST", PATH, JSON, body().replace(b'"prompt"', b'"prompt":"x","prompt"')
    yield "POST", PATH, JSON, body(prompt=[canary("prompt")])
    yield "POST", PATH, JSON, body(prompt=canary("prompt") * 4_000)
    yield "POST", "/v1/images/edits", {"content-type": f"multipart/form-data; boundary={BOUND}"}, FORM
    yield "POST", "/v1/images/edits", {"content-type": f"multipart/form-data; boundary={BOUND}"}, FORM[:-9]
    yield "GET", "/v1/models", {}, b""
    yield "DELETE", PATH, {}, b""
    yield "POST", "/rewrite", JSON, json.dumps({"prompt": canary("prompt")}).encode()
    yield "POST", "/rewrite", JSON, json.dumps({"prompt": canary("prompt"), "images": canary("body-member")}).encode()
    yield "POST", "/rewrite/batch", JSON, json.dumps({"items": [{"prompt": f"a doctor {canary('prompt')}"}]}).encode()
    yield "POST", "/integrations/litellm", JSON, body()


def ask_all(url: str, *, more: Callable[[], Iterator[Ask]] = asks) -> list[int]:
    secrets = {name: text.format(canary(place)) for place, (name, text) in HEADERS.items()}
    statuses = []
    with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=30) as client:
        for method, path, headers, content in more():
            target = f"{path}?key={canary('query')}&api-version=1"
            try:
                got = client.request(method, target, headers={**secrets, **headers}, content=content)
            except httpx.TransportError:
                statuses.append(0)
                continue
            statuses.append(got.status_code)
    return statuses


ADMIN_PAGES = ("/metrics", "/decisions?limit=500", "/rules", "/readyz", "/healthz", "/version", "/")


def shown(admin: str) -> str:
    """Every page of the admin port, with the token."""
    headers = {"authorization": f"Bearer {canary('admin-token')}"}
    with httpx.Client(base_url=admin, headers=headers, trust_env=False, verify=False) as client:
        pages = [
            client.get(path) for path in ("/metrics", "/decisions?limit=500", "/rules", "/readyz", "/healthz", "/version", "/")
        ]
        pages += [client.get(f"/nowhere?{canary('query')}"), client.get("/decisions?limit=x")]
    assert pages[0].status_code == pages[1].status_code == 200
    return "".join(page.text for page in pages)


def found_in(text: str) -> list[str]:
    return [place for place in PLACES if canary(place) in text]


@pytest.mark.parametrize("kind", ["file", "sqlite", "postgresql that is down"])
def test_no_canary_in_anything_written_or_shown(small_folder: Path, app_folder: Path, tmp_path: Path, kind: str) -> None:
    log, told = tmp_path / "decisions", tmp_path / "told"
    postgres = f"postgresql+psycopg://{canary('database-user')}:{canary('database-password')}@127.0.0.1:9/db"
    place = {"file": str(log), "sqlite": f"sqlite:///{log}", "postgresql that is down": postgres}[kind]
    environment = {"EVENHAND_DEMO": "true", "EVENHAND_DECISION_LOG": place, "EVENHAND_TENANT_HEADER": "true"}
    with sidecar(small_folder, app_folder, told, **environment) as (url, admin, process):
        statuses = ask_all(url)
        pages = shown(admin)
        wrong = {"authorization": f"Bearer {canary('bearer')}"}
        refused = httpx.get(f"{admin}/decisions", headers=wrong, trust_env=False, verify=False)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    written = told.read_bytes() + b"".join(path.read_bytes() for path in tmp_path.glob("decisions*"))
    assert {200, 400, 401, 429, 502, 504} <= set(statuses)
    assert found_in(pages) == []
    assert found_in(refused.text) == []
    assert found_in(written.decode("utf-8", "replace")) == []
    assert b"Traceback" not in written
    assert told.read_bytes().count(b'"event": "request"') > 20


def broken_asks() -> Iterator[Ask]:
    for _ in range(3):
        yield "POST", PATH, JSON, body()
        yield "POST", PATH, JSON, body(n=2)


def test_no_canary_where_nobody_listens_and_settings_are_wrong(small_folder: Path, app_folder: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    with sidecar(small_folder, app_folder, told, EVENHAND_UPSTREAM="http://127.0.0.1:9") as (url, _, process):
        assert set(ask_all(url, more=broken_asks)) == {502}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert found_in(told.read_text()) == []
    for wrong in (
        {"EVENHAND_DECISION_LOG": f"mysql://{canary('database-user')}:{canary('database-password')}@h/d"},
        {"EVENHAND_DECISION_LOG": f"postgresql://{canary('database-user')}:{canary('database-password')}@[h/d"},
        {"EVENHAND_PORT": "no"},
    ):
        given = {**os.environ, "PYTHONPATH": str(app_folder), "EVENHAND_SECRET": canary("secret"), **wrong}
        given["EVENHAND_ADMIN_TOKEN"] = canary("admin-token")
        command = [sys.executable, "-m", "evenhand", "serve", "--demo"]
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert found_in(done.stdout + done.stderr) == []
        assert "Traceback" not in done.stderr


def test_no_canary_when_the_engine_fails(
    run_rig: Callable[..., Any], small_rules: Any, good: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from evenhand.engine import Engine
    from evenhand.proxy.watch.logs import configure
    from evenhand.settings import load_settings

    class Broken(Engine):
        def decide(self, prompt: Any, *, policy: Any = None) -> Any:
            raise RuntimeError(prompt.text)

    configure(load_settings(log_level="debug"))
    with run_rig(engine=Broken(small_rules), upstream=good.origin) as rig:
        ask_all(rig.url, more=broken_asks)
        pages = httpx.get(f"{rig.admin}/decisions", trust_env=False, verify=False).text
    told = "".join(capfd.readouterr())
    assert "engine_fault" in told
    assert found_in(told + pages) == []
