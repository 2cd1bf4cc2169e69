"""Several workers behind one data port and one admin port: real processes, real load, real kills."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

APP = Path(__file__).parents[2] / "app"
ANSWER = b'{"created":1,"data":[{"b64_json":"aGVsbG8="}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
INTENT = {"X-Evenhand-Console": "1"}


def folder_at(place: Path) -> Path:
    (place / "rules/en").mkdir(parents=True)
    (place / "rules/policy.yaml").write_text("kind: policy\naxes: {gender: {woman: 50, man: 50}}\nsampling: {by: prompt}\n")
    (place / "rules/en/wording.yaml").write_text(
        "kind: wording\nrules:\n"
        "  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}\n"
        "  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}\n"
    )
    (place / "rules/en/roles.yaml").write_text(
        "kind: roles\nrules:\n  - id: workers\n    match: [{one: doctor, many: doctors}]\n    why: Anybody may.\n"
        "    examples: [{say: a doctor, vary: [gender]}]\n"
    )
    return place / "rules"


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
class Service:
    process: subprocess.Popen[str]
    data: int
    admin: int
    said: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.admin}{path}", trust_env=False, timeout=30)

    def reload(self) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.admin}/rules/reload", headers=INTENT, trust_env=False, timeout=120)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/readyz").json()
        return found

    def pids(self) -> list[int]:
        return [worker["pid"] for worker in self.state()["workers"]]

    def counted(self, name: str) -> float:
        """The sum over all series of a metric."""
        lines = re.findall(rf"^evenhand_{name}(?:{{.*}})? (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return sum(map(float, lines))

    def places(self) -> list[str]:
        """The workers' own admin sockets, as the log tells them."""
        return re.findall(r'"admin": "(/[^"]+)"', self.said.read_text())

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        for _ in range(600):
            if holds():
                return
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within a minute\n{self.said.read_text()}")

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def service_of(folder: Path, upstream: str, *, workers: int = 2, ends: int = 0, **environment: str) -> Iterator[Service]:
    with closing(socket.create_server(("127.0.0.1", 0))) as one, closing(socket.create_server(("127.0.0.1", 0))) as other:
        data, admin = one.getsockname()[1], other.getsockname()[1]
    given = {"PYTHONPATH": str(APP), "EVENHAND_DRAIN_DELAY_S": "0", "EVENHAND_GRACE_S": "20", "TMPDIR": str(folder.parent)}
    ports = ["--port", str(data), "--admin-port", str(admin)]
    command = [sys.executable, "-m", "evenhand", "serve", *ports, "--upstream", upstream, "--rules", str(folder)]
    said = folder.parent / "said.log"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], env={**os.environ, **given, **environment}, stderr=stderr, text=True
        )
    service = Service(process=process, data=data, admin=admin, said=said)
    try:
        service.wait(service.is_ready, "ready")
        yield service
        service.process.terminate()
        assert service.process.wait(60) == ends
    finally:
        process.kill()
        process.wait()


@dataclass(kw_only=True)
class Load:
    """`clients` kept connections, one request at a time on each; a broken one is opened anew and its request not sent again."""

    port: int
    clients: int = 8
    answers: list[tuple[int, str]] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    other: Counter[int] = field(default_factory=Counter)
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

    def _client(self) -> None:
        while not self._over.is_set():
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.connect()
                self._on(connection)

    def _on(self, connection: http.client.HTTPConnection) -> None:
        while not self._over.is_set():
            number = next(self._numbers)
            try:
                status, revision = ask(connection, number)
            except (OSError, http.client.HTTPException):
                self.broken.append(number)
                return
            if status == 200:
                self.answers.append((number, revision))
            else:
                self.other[status] += 1


def ask(connection: http.client.HTTPConnection, number: int) -> tuple[int, str]:
    body = json.dumps({"prompt": f"a doctor in picture {number}", "size": "256x256"})
    connection.request("POST", "/v1/images/generations", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers.get("x-evenhand-revision", "")


def ask_anew(service: Service, number: int) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", service.data, timeout=30)) as connection:
        return ask(connection, number)


def received(upstream: ImageApi) -> Counter[str]:
    """How often the image API saw each picture's number."""
    return Counter(found[1].decode() for request in list(upstream.requests) if (found := re.search(rb"picture (\d+)", request)))


@pytest.fixture
def upstream() -> Iterator[ImageApi]:
    with ImageApi() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def is_alive(pid: int) -> bool:
    """A zombie counts as alive: somebody should have waited for it."""
    return Path(f"/proc/{pid}").exists()


def children_of(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def test_two_workers_tell_as_one(tmp_path: Path, upstream: ImageApi) -> None:
    with service_of(folder_at(tmp_path), upstream.origin) as service:
        for number in range(40):
            assert ask_anew(service, number % 10)[0] == 200
        each = []
        for place in service.places():
            with httpx.Client(transport=httpx.HTTPTransport(uds=place)) as client:
                families = client.get("http://localhost/worker").json()["metrics"]
            each.append(sum(sample[2] for name, *_, samples in families if name == "evenhand_decisions" for sample in samples))
        assert (len(each), sum(each), service.counted("decisions_total")) == (2, 40, 40)
        assert min(each) > 0, "one worker had no request"
        assert (service.counted("overhead_seconds_count"), service.counted("workers_running")) == (40, 2)
        lines = service.get("/decisions?limit=30").json()["decisions"]
        stamps = [line["timestamp"] for line in lines]
        assert (len(lines), stamps) == (30, sorted(stamps, reverse=True))
        assert len(service.get("/api/recent?limit=100").json()["entries"]) == 40
        assert service.get("/api/series").json()["totals"]["outcome"] == {"rewritten": 40}
        assert service.get("/rules").json()["revision"] == service.state()["revision"]
        assert (service.get("/nothing").status_code, service.get("/decisions?limit=0").status_code) == (404, 422)
    drawn = set(upstream.requests)
    assert len(drawn) == 10, f"{drawn}: the workers do not share a secret: the same prompt was drawn in two ways"


def test_a_killed_worker_costs_only_what_it_had_in_hand(tmp_path: Path, upstream: ImageApi) -> None:
    with service_of(folder_at(tmp_path), upstream.origin) as service:
        before = service.pids()
        with Load(port=service.data).running() as load:
            service.wait(lambda: len(load.answers) > 100, "load")
            counted = [service.counted("requests_total")]
            os.kill(before[0], signal.SIGKILL)
            service.wait(lambda: service.counted("worker_restarts_total") == 1 and service.is_ready(), "replaced")
            counted += [service.counted("requests_total") for _ in range(3)]
            enough = len(load.answers) + 100
            service.wait(lambda: len(load.answers) > enough, "more load")
        assert len(load.broken) <= load.clients
        assert not load.other, "a request that the dead worker did not have was refused"
        assert counted == sorted(counted), "a sum fell: it would be taken for a restart"
        after = service.state()["workers"]
        assert [worker["replaced"] for worker in after] == [1, 0]
        assert (after[0]["pid"] != before[0], after[1]["pid"]) == (True, before[1])
        assert not is_alive(before[0])
        assert '"how": "signal 9"' in service.said.read_text()
    assert max(received(upstream).values()) == 1
    assert {number for number, _ in load.answers} <= {int(number) for number in received(upstream)}


def test_new_rules_reach_every_worker_and_those_that_come_later(tmp_path: Path, upstream: ImageApi) -> None:
    folder = folder_at(tmp_path)
    with service_of(folder, upstream.origin) as service:
        old = service.state()["revision"]
        policy = folder / "policy.yaml"
        policy.write_text(policy.read_text().replace("50, man: 50", "60, man: 40"))
        told = service.reload()
        new = told.json()["revision"]
        assert (told.status_code, {each["revision"] for each in told.json()["workers"]}, new != old) == (200, {new}, True)
        assert {ask_anew(service, number) for number in range(20)} == {(200, new)}
        policy.write_text("kind: policy\naxis: {}\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait(lambda: [_went_well(each) for each in service.state()["workers"]] == [False, False], "refused by both")
        refused = service.reload()
        assert (refused.status_code, "unknown key 'axis'" in refused.json()["error"]) == (409, True)
        os.kill(service.pids()[1], signal.SIGKILL)
        service.wait(lambda: service.counted("worker_restarts_total") == 1 and service.is_ready(), "replaced")
        assert {each["revision"] for each in service.state()["workers"]} == {new}, "a new worker went back to old rules"
        assert {ask_anew(service, number) for number in range(20)} == {(200, new)}


def _went_well(worker: dict[str, Any]) -> bool | None:
    return worker.get("last_reload") and worker["last_reload"]["ok"]


def test_no_line_of_the_log_is_torn_or_lost_while_files_are_put_aside(tmp_path: Path, upstream: ImageApi) -> None:
    log = tmp_path / "decisions.log"
    environment = {
        "EVENHAND_DECISION_LOG": str(log),
        "EVENHAND_DECISION_LOG_BYTES": "65536",
        "EVENHAND_DECISION_LOG_FILES": "999",
    }
    with service_of(folder_at(tmp_path), upstream.origin, **environment) as service:
        with Load(port=service.data).running() as load:
            service.wait(lambda: len(load.answers) > 600, "load")
        service.wait(lambda: service.counted("decision_log_written_total") == len(load.answers), "written")
    files = sorted(tmp_path.glob("decisions.log*"))
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert len(files) > 5
    assert max(path.stat().st_size for path in files) <= 65_536
    assert (len(lines), len({line["id"] for line in lines})) == (len(load.answers), len(load.answers))


def test_sigterm_drains_all_and_leaves_nothing_behind(tmp_path: Path, upstream: ImageApi) -> None:
    upstream.wait_s = 1.5
    got: list[tuple[int, str]] = []
    with service_of(folder_at(tmp_path), upstream.origin, EVENHAND_DRAIN_DELAY_S="0.5") as service:
        pids = [service.process.pid, *children_of(service.process.pid)]
        asking = [threading.Thread(target=lambda number=number: got.append(ask_anew(service, number))) for number in range(8)]
        for thread in asking:
            thread.start()
        service.wait(lambda: len(upstream.requests) == 8, "under way")
        service.process.send_signal(signal.SIGTERM)
        service.wait(lambda: service.get("/readyz").json()["status"] == "draining", "draining")
        assert service.get("/readyz").status_code == 503
        for thread in asking:
            thread.join()
        assert service.process.wait(30) == 0
    assert [status for status, _ in got] == [200] * 8
    assert len(pids) == 4
    assert not [pid for pid in pids if is_alive(pid)]
    assert not list(tmp_path.glob("evenhand-*"))
    for port in (service.data, service.admin):
        socket.create_server(("127.0.0.1", port)).close()
    assert "Traceback" not in service.said.read_text()


def test_children_end_with_their_parent_however_it_ends(tmp_path: Path, upstream: ImageApi) -> None:
    with service_of(folder_at(tmp_path), upstream.origin, ends=-signal.SIGKILL) as service:
        children = children_of(service.process.pid)
        service.process.kill()
    for _ in range(300):
        if not any(map(is_alive, children)):
            break
        time.sleep(0.1)
    assert len(children) == 3
    assert not [pid for pid in children if is_alive(pid)]
    assert not list(tmp_path.glob("evenhand-*"))
    socket.create_server(("127.0.0.1", service.data)).close()


def test_the_admin_port_comes_back_with_what_was_counted(tmp_path: Path, upstream: ImageApi) -> None:
    with service_of(folder_at(tmp_path), upstream.origin) as service:
        assert {ask_anew(service, number)[0] for number in range(10)} == {200}
        workers = service.pids()
        assert service.counted("requests_total") == 10
        os.kill(workers[0], signal.SIGKILL)
        service.wait(lambda: service.counted("worker_restarts_total") == 1 and service.is_ready(), "replaced")
        [desk] = set(children_of(service.process.pid)) - set(service.pids())
        os.kill(desk, signal.SIGKILL)
        service.wait(lambda: not is_alive(desk) and service.is_ready(), "the admin port is back")
        assert (service.counted("requests_total"), service.counted("worker_restarts_total")) == (10, 1)
        assert service.pids()[1] == workers[1], "workers go on without the admin port"


def test_one_worker_is_one_process(tmp_path: Path, upstream: ImageApi) -> None:
    with service_of(folder_at(tmp_path), upstream.origin, workers=1) as service:
        assert ask_anew(service, 1)[0] == 200
        assert "workers" not in service.state()
        assert not children_of(service.process.pid)


@pytest.mark.parametrize(
    ("policy", "environment", "said"),
    [
        ("kind: policy\n", {}, "policy.yaml:1:1"),
        ("", {"EVENHAND_DECISION_LOG": "/nowhere/decisions.log"}, "can't be written"),
        ("", {"EVENHAND_WORKERS": "0"}, "EVENHAND_WORKERS '0': input should be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_used_ends_in_a_sentence(tmp_path: Path, policy: str, environment: dict[str, str], said: str) -> None:
    folder = folder_at(tmp_path)
    if policy:
        (folder / "policy.yaml").write_text(policy)
    given = {"EVENHAND_WORKERS": "2", "EVENHAND_PORT": "0", "EVENHAND_ADMIN_PORT": "0", "EVENHAND_RULES": str(folder)}
    given |= {"PYTHONPATH": str(APP), "TMPDIR": str(tmp_path), **environment}
    command = [sys.executable, "-m", "evenhand", "serve", "--upstream", "http://127.0.0.1:9"]
    done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert not list(tmp_path.glob("evenhand-*"))
