"""Three replicas behind a balancer share nothing but their settings: the same draws everywhere, rules rolled through them one
after another, and one killed under load. The balancer is nginx as it is installed; without it these tests are skipped."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed; on Debian: apt-get install nginx-light")
APP = Path(__file__).parents[2] / "app"
ANSWER = b'{"created":1,"data":[{"b64_json":"aGVsbG8="}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\nsampling: {by: prompt}\n"
# A request goes to another replica only where no byte of it was sent: a POST is never sent twice (`non_idempotent` is not
# given). A replica found dead is left out for a second.
CONFIG = """\
daemon off; master_process off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  upstream replicas {{ {servers} keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream error timeout; proxy_read_timeout 30s; proxy_pass_header Server;
      add_header X-Replica $upstream_addr always;
    }}
  }}
}}
"""


class ImageApi(ThreadingHTTPServer):
    """Keeps each request's body; a client that is killed does not trouble it."""

    daemon_threads, request_queue_size = True, 128
    wait_s = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Drawing)
        self.requests: list[bytes] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever waits for the answer is gone."""


class _Drawing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ImageApi

    def do_POST(self) -> None:
        self.server.requests.append(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(self.server.wait_s)
        self.wfile.write(HEAD + ANSWER)

    def log_message(self, *_: Any) -> None:
        """Nothing to tell."""


@dataclass(kw_only=True)
class Replica:
    process: subprocess.Popen[bytes]
    rules: Path
    port: int
    admin: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.admin}/readyz", trust_env=False, timeout=30).json()
        return found

    def is_ready(self) -> bool:
        try:
            return bool(self.state()["status"] == "ready")
        except httpx.TransportError:
            return False


@dataclass(frozen=True, slots=True)
class Answer:
    number: int
    status: int
    revision: str
    replica: str


@dataclass(kw_only=True)
class Load:
    """`clients` kept connections to the balancer, one request at a time on each; none is sent a second time."""

    port: int
    clients: int = 6
    answers: list[Answer] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def more(self, count: int) -> None:
        """Waits for that many further answers."""
        wanted = len(self.answers) + count
        wait(lambda: len(self.answers) >= wanted, f"{count} more answers")

    def _client(self) -> None:
        while not self._over.is_set():
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                while not self._over.is_set():
                    number = next(self._numbers)
                    try:
                        self.answers.append(ask(connection, number))
                    except (OSError, http.client.HTTPException):
                        self.broken.append(number)
                        break


def ask(connection: http.client.HTTPConnection, number: int) -> Answer:
    body = json.dumps({"prompt": f"a doctor in picture {number}", "size": "256x256"})
    connection.request("POST", "/v1/images/generations", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    told = answer.headers
    return Answer(number, answer.status, told.get("x-evenhand-revision", ""), told.get("x-replica", ""))


def ask_at(port: int, number: int) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        return ask(connection, number)


def wait(holds: Callable[[], bool], what: str) -> None:
    for _ in range(900):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within 90 s")


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def rules_at(place: Path) -> Path:
    (place / "en").mkdir(parents=True)
    (place / "policy.yaml").write_text(POLICY)
    (place / "en/wording.yaml").write_text(
        "kind: wording\nrules:\n"
        "  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}\n"
        "  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}\n"
    )
    (place / "en/roles.yaml").write_text(
        "kind: roles\nrules:\n  - id: workers\n    match: [{one: doctor, many: doctors}]\n    why: Anybody may.\n"
        "    examples: [{say: a doctor, vary: [gender]}]\n"
    )
    return place


def replica_of(rules: Path, origin: str, running: ExitStack) -> Replica:
    port, admin = free_ports(2)
    given = {"PYTHONPATH": str(APP), "EVENHAND_SECRET": "the same on every replica", "EVENHAND_RULES": str(rules)}
    given |= {"EVENHAND_PORT": str(port), "EVENHAND_ADMIN_PORT": str(admin), "EVENHAND_UPSTREAM": origin}
    command = [sys.executable, "-m", "evenhand", "serve"]
    process = subprocess.Popen(command, env={**os.environ, **given}, stderr=subprocess.DEVNULL)
    running.callback(process.wait)
    running.callback(process.kill)
    return Replica(process=process, rules=rules, port=port, admin=admin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    port: int
    replicas: list[Replica]
    upstream: ImageApi

    def received(self) -> Counter[int]:
        """How often the image API saw each picture's number."""
        found = (re.search(rb"picture (\d+)", request) for request in list(self.upstream.requests))
        return Counter(int(each[1]) for each in found if each)


@pytest.fixture
def upstream() -> Iterator[ImageApi]:
    with ImageApi() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def service(tmp_path: Path, upstream: ImageApi) -> Iterator[Service]:
    """Three replicas with a folder of rules each, behind nginx, in front of an image API that takes 20 ms."""
    upstream.wait_s = 0.02
    with ExitStack() as running:
        replicas = [replica_of(rules_at(tmp_path / f"rules-{each}"), upstream.origin, running) for each in range(3)]
        for replica in replicas:
            wait(replica.is_ready, "ready")
        yield Service(port=_balancer(replicas, tmp_path, running), replicas=replicas, upstream=upstream)


def _balancer(replicas: list[Replica], place: Path, running: ExitStack) -> int:
    [port] = free_ports(1)
    servers = " ".join(f"server {replica.address} max_fails=1 fail_timeout=1s;" for replica in replicas)
    config = place / "nginx.conf"
    config.write_text(CONFIG.format(place=place, servers=servers, port=port))
    process = subprocess.Popen([str(NGINX), "-c", str(config)], stderr=subprocess.DEVNULL)
    running.callback(process.wait)
    running.callback(process.kill)
    wait(lambda: _listens(port), "nginx listens")
    return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_every_replica_draws_the_same_for_the_same_prompt(service: Service) -> None:
    for replica in service.replicas:
        assert {ask_at(replica.port, number).status for number in range(12)} == {200}
    bodies = service.upstream.requests
    assert len(bodies) == 36
    assert set(Counter(bodies).values()) == {3}, "one prompt, one draw, wherever it goes"
    assert {b"female" in body for body in bodies} == {True, False}
    assert len({replica.state()["revision"] for replica in service.replicas}) == 1


def test_a_policy_rolls_through_without_a_lost_request_or_a_mixed_answer(service: Service) -> None:
    old = service.replicas[0].state()["revision"]
    with Load(port=service.port).running() as load:
        load.more(60)
        for replica in service.replicas:
            (replica.rules / "policy.yaml").write_text(POLICY.replace("50, man: 50", "60, man: 40"))
            wait(lambda replica=replica: replica.state()["revision"] != old, "the new revision")  # type: ignore[misc]
            load.more(30)
        rolled = len(load.answers)
        load.more(60)
    [new] = {replica.state()["revision"] for replica in service.replicas}
    assert (load.broken, {answer.status for answer in load.answers}) == ([], {200})
    assert {answer.revision for answer in load.answers} == {old, new}
    assert {answer.revision for answer in load.answers[rolled + load.clients :]} == {new}
    for replica in service.replicas:
        told = [answer.revision for answer in load.answers if answer.replica == replica.address]
        assert {old, new} == set(told), "each replica had its part of the load before and after"
        assert told.count(old) >= told.index(new) >= told.count(old) - load.clients, "a replica never goes back"
    assert set(service.received().values()) == {1}


def test_a_killed_replica_costs_at_most_what_it_had_in_hand(service: Service) -> None:
    victim = service.replicas[1]
    with Load(port=service.port).running() as load:
        load.more(90)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        killed = len(load.answers)
        load.more(120)
    failed = [answer for answer in load.answers if answer.status != 200]
    assert not load.broken, "the balancer answers every client"
    assert {answer.status for answer in failed} <= {502}
    assert {answer.replica for answer in failed} <= {victim.address}, "only requests that the dead replica had may fail"
    assert len(failed) <= load.clients
    late = load.answers[killed + load.clients :]
    assert {answer.status for answer in late} == {200}
    assert {answer.replica.split(", ")[-1] for answer in late} == {
        each.address for each in service.replicas if each is not victim
    }
    received = service.received()
    assert max(received.values()) == 1, "a picture was paid for twice"
    assert {answer.number for answer in load.answers if answer.status == 200} <= set(received)
