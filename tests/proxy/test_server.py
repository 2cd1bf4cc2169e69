"""The process as a whole: ports, signals, draining."""

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
