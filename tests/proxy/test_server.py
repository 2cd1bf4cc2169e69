"""The process as a whole: ports, signals, draining."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from evenhand.errors import SettingsError
from evenhand.proxy.server import bind
from evenhand.settings import load_settings

CODE = "from evenhand.proxy.server import run; from evenhand.settings import load_settings; run(load_settings(demo=True))"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def process_of(folder: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    data, admin = free_port(), free_port()
    given = {"EVENHAND_PORT": str(data), "EVENHAND_ADMIN_PORT": str(admin), "EVENHAND_RULES": str(folder), **environment}
    app = str(Path(__file__).parents[2] / "app")
    with subprocess.Popen(
        [sys.executable, "-c", CODE], env={**os.environ, "PYTHONPATH": app, **given}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _wait_ready(admin)
            yield process, data, admin
        finally:
            process.kill()


def _wait_ready(admin: int) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the sidecar did not get ready in 20 s")


def test_a_port_in_use_is_told_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127.0.0.1:{port}: address already in use. Choose another port with --port"):
            bind(load_settings(port=port, admin_port=0))


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(SettingsError, match="has no address here"):
        bind(load_settings(host="no-such-host.invalid", port=0, admin_port=0))


def test_sigterm_drains_and_lets_requests_finish(small_folder: Path) -> None:
    with process_of(small_folder, EVENHAND_DRAIN_DELAY_S="0.5", EVENHAND_GRACE_S="10") as (process, data, admin):
        got: list[httpx.Response] = []
        asking = Thread(target=lambda: got.append(_ask(data, delay_s=1.5)))
        asking.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).status_code == 503
        assert _ask(data).status_code == 200
        asking.join()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert got[0].status_code == 200
    assert got[0].json()["data"][0]["b64_json"]


def test_a_second_signal_ends_at_once(small_folder: Path) -> None:
    with process_of(small_folder, EVENHAND_GRACE_S="60") as (process, data, _):
        got: list[httpx.Response] = []
        asking = Thread(target=lambda: got.append(_ask(data, delay_s=30)))
        asking.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        asking.join()
    assert got[0].status_code in (502, 503)
    assert got[0].headers["x-should-retry"] == "false"


def _ask(port: int, *, delay_s: float = 0) -> httpx.Response:
    url = f"http://127.0.0.1:{port}/v1/images/generations"
    body: dict[str, Any] = {"prompt": "a doctor", "size": "256x256"}
    return httpx.post(url, json=body, headers={"x-demo-delay-s": str(delay_s)}, timeout=20, trust_env=False)


def _state(admin: int) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).json()
    return found


def _folder(tmp_path: Path, example: str = "vary: [gender]") -> Path:
    (tmp_path / "rules/en").mkdir(parents=True)
    (tmp_path / "rules/policy.yaml").write_text("kind: policy\naxes: {gender: {woman: 50, man: 50}}\n")
    (tmp_path / "rules/en/wording.yaml").write_text(
        "kind: wording\nrules:\n"
        "  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}\n"
        "  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}\n"
    )
    (tmp_path / "rules/en/roles.yaml").write_text(
        "kind: roles\nrules:\n  - id: workers\n    match: [{one: doctor, many: doctors}]\n    why: Anybody may.\n"
        f"    examples: [{{say: a doctor, {example}}}]\n"
    )
    return tmp_path / "rules"


def test_sighup_reads_the_rules_anew_and_the_next_answer_shows_it(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    with process_of(folder) as (process, data, admin):
        before = _ask(data).headers["x-evenhand-revision"]
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text() + "# new\n")
        process.send_signal(signal.SIGHUP)
        for _ in range(600):
            state = _state(admin)
            if state["last_reload"]:
                break
            time.sleep(0.05)
        assert (state["last_reload"]["ok"], state["revision"] != before) == (True, True)
        assert _ask(data).headers["x-evenhand-revision"] == state["revision"]


def test_ending_while_rules_are_compiled_tells_who_asked(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    with process_of(folder) as (process, _, admin):
        (folder / "policy.yaml").write_text((folder / "policy.yaml").read_text() + "# new\n")
        got: list[httpx.Response] = []
        asking = Thread(target=lambda: got.append(_reload(admin)))
        asking.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        asking.join()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert got[0].status_code in (200, 409)


def _reload(admin: int) -> httpx.Response:
    url = f"http://127.0.0.1:{admin}/rules/reload"
    return httpx.post(url, headers={"X-Evenhand-Console": "1"}, timeout=60, trust_env=False)


def test_the_decision_log_holds_what_the_admin_port_shows(tmp_path: Path) -> None:
    log = tmp_path / "decisions.log"
    with process_of(_folder(tmp_path), EVENHAND_DECISION_LOG=str(log)) as (process, data, admin):
        decision = _ask(data).headers["x-evenhand-decision-id"]
        shown = httpx.get(f"http://127.0.0.1:{admin}/decisions", trust_env=False).json()["decisions"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["id"] for line in lines] == [line["id"] for line in shown] == [decision]


@pytest.mark.parametrize("environment", [{"EVENHAND_DECISION_LOG": "/nowhere/decisions.log"}, {"EVENHAND_DIALECTS": "nonsense"}])
def test_what_cannot_be_used_ends_in_a_sentence_before_any_request(tmp_path: Path, environment: dict[str, str]) -> None:
    done = _started_badly(_folder(tmp_path), **environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_rules_that_cannot_be_used_end_it_at_the_start(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "policy.yaml").write_text("kind: policy\n")
    done = _started_badly(folder)
    assert (done.returncode, "policy.yaml:1:1" in done.stderr) == (2, True)


def _started_badly(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {"EVENHAND_PORT": "0", "EVENHAND_ADMIN_PORT": "0", "EVENHAND_RULES": str(folder), **environment}
    given["PYTHONPATH"] = str(Path(__file__).parents[2] / "app")
    command = [sys.executable, "-m", "evenhand", "serve", "--upstream", "http://127.0.0.1:9"]
    return subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=False)
