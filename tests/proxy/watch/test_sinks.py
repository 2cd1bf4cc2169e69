"""Standard output, files that fill up, SQLite, and a PostgreSQL server of our own: lines go in once, whole and in order."""

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from evenhand.database import engine_of, stored_lines
from evenhand.engine import Engine
from evenhand.errors import SettingsError
from evenhand.flow import Prompt
from evenhand.logged import Logged, read_log
from evenhand.proxy.watch.decision_log import DecisionLog, decision_log_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.sinks import Database, RotatingFile, StandardOutput, sink_of
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

PASSWORD = "hunter2-canary"


def batch(*names: str) -> list[bytes]:
    return [b'{"id":"%s"}\n' % name.encode() for name in names]


def test_standard_output_goes_on_where_a_write_broke_off() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    sink = StandardOutput(writing)
    lines = batch(*(f"d-{number:05}" for number in range(20_000)))
    arrived = bytearray()
    for _ in range(1_000):
        try:
            sink.write(lines)
            break
        except BlockingIOError:
            arrived += os.read(reading, 50_000)
    os.close(writing)
    while part := os.read(reading, 65_536):
        arrived += part
    os.close(reading)
    assert bytes(arrived) == b"".join(lines)


def test_a_file_is_for_its_owner_only_and_is_put_aside_when_full(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = RotatingFile(path, max_bytes=100, files=2)
    for number in range(40):
        sink.write(batch(f"d-{number:03}"))
    sink.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["d.jsonl", "d.jsonl.1", "d.jsonl.2"]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    kept = b"".join((tmp_path / name).read_bytes() for name in ("d.jsonl.2", "d.jsonl.1", "d.jsonl"))
    assert kept == b"".join(batch(*(f"d-{number:03}" for number in range(40 - kept.count(b"\n"), 40))))
    assert all(each.stat().st_size <= 100 for each in tmp_path.iterdir())


def test_rights_an_operator_gave_stay(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = RotatingFile(path, max_bytes=20, files=2)
    sink.write(batch("d-1"))
    path.chmod(0o640)
    sink.write(batch("d-2"))
    sink.close()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    sink = RotatingFile(path, max_bytes=1_000, files=2)
    sink.write(batch("d-1"))
    path.rename(tmp_path / "elsewhere")
    sink.write(batch("d-2"))
    path.unlink()
    sink.write(batch("d-3"))
    sink.close()
    assert path.read_bytes() == b"".join(batch("d-3"))


def test_a_line_torn_by_a_crash_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"id":"d-0"}\n{"id":"d-')
    sink = RotatingFile(path, max_bytes=1_000, files=2)
    sink.write(batch("d-1"))
    sink.close()
    assert path.read_bytes().splitlines() == [b'{"id":"d-0"}', b'{"id":"d-', b'{"id":"d-1"}']


FULL = """
import resource, signal, sys, threading, json
from pathlib import Path
from evenhand.proxy.watch.sinks import RotatingFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
sink = RotatingFile(Path(sys.argv[1]), max_bytes=100_000, files=2)
lines = [b'{"id":"d-%03d"}\\n' % number for number in range(100)]
try:
    sink.write(lines)
    raise SystemExit("the disk was not full")
except OSError as fault:
    print(sink.told(fault))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.write(lines)
sink.close()
"""


def test_a_full_disk_tears_no_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=False, env=_environment())
    assert (done.returncode, done.stdout, done.stderr) == (0, "File too large\n", "")
    assert path.read_bytes() == b"".join(batch(*(f"d-{number:03}" for number in range(100))))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent / "app")}


def test_places_that_cannot_be_written_are_told_at_the_start(tmp_path: Path) -> None:
    for place, says in (
        (tmp_path, "is no regular file"),
        (tmp_path / "no/d.jsonl", "no such file or directory; make its folder"),
    ):
        with pytest.raises(SettingsError, match=says):
            sink_of(load_settings(decision_log=str(place)))
    assert sink_of(load_settings(decision_log="stdout")).name == "stdout"


Run = Callable[..., DecisionLog]


@pytest.fixture
def run(small_rules: Ruleset) -> Run:
    """Logs `texts`, each as d-<number>, to the URL and closes."""

    def log_them(url: str, texts: list[str], *, first: int = 0, deadline_s: float = 60) -> DecisionLog:
        log = decision_log_of(load_settings(decision_log=url, decision_log_prompts=True))
        assert log is not None
        for number, entry in enumerate(entries(small_rules, texts), start=first):
            log(entry(number))
        log.close(deadline_s)
        return log

    return log_them


def entries(rules: Ruleset, texts: list[str]) -> Iterator[Callable[[int], Entry]]:
    engine = Engine(rules)
    for text in texts:
        yield lambda number, text=text: Entry(  # type: ignore[misc]
            decision=engine.decide(Prompt(text=text, id=f"d-{number}")),
            rules=rules,
            at=1_700_000_000.25 + number,
            route="rewrite",
        )


ODD = ["a doctor \u0000 with a NUL", 'a "doctor" \\ %s :name', "half a pair \ud800", "\u533b\u8005 \U0001f469\u200d\u2695\ufe0f"]
STORED = [text.replace("\0", "\ufffd").replace("\ud800", "\ufffd") for text in ODD]


def test_sqlite_holds_each_decision_once(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/d.db"
    assert run(url, ODD).written == 4
    assert run(url, ODD).written == 4, "the same again is let be"
    records = [json.loads(line) for line in stored_lines(url)]
    assert [record["prompt"] for record in records] == STORED
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


@dataclass(kw_only=True)
class Cluster:
    """A PostgreSQL server with a folder, a port and a password of its own."""

    binaries: Path
    folder: Path
    port: int
    user: str | None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://evenhand:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        (self.folder / "password").write_text(PASSWORD)
        if self.user:
            for path in (self.folder, self.folder / "password"):
                shutil.chown(path, self.user)
        self._call(
            "initdb", "-D", "data", "-U", "evenhand", "--pwfile=password", "--auth=scram-sha-256", "-EUTF8", "--no-sync"
        ).wait()

    def start(self) -> None:
        """Does nothing where it runs already: a slice of the tests may begin anywhere."""
        if self.process:
            return
        quick = ("-c", "fsync=off", "-c", "unix_socket_directories=")
        self.process = self._call("postgres", "-D", "data", "-p", str(self.port), *quick)
        tick = threading.Event()
        for _ in range(600):
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                tick.wait(0.1)
        raise AssertionError("PostgreSQL did not start")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(2)
            self.process.wait(30)
            self.process = None

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def _call(self, name: str, *words: str) -> "subprocess.Popen[bytes]":
        command = [str(self.binaries / name), *words]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, user=self.user, stdout=quiet, stderr=quiet, env={"LC_ALL": "C"})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    found = [Path(path).parent for path in sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))]
    on_path = shutil.which("initdb")
    if not (found or on_path):
        pytest.skip("PostgreSQL is not installed; Debian's package `postgresql` brings it")
    user = "nobody" if os.geteuid() == 0 else None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="evenhand-postgres-"))
    made = Cluster(binaries=found[-1] if found else Path(str(on_path)).parent, folder=folder, port=port, user=user)
    made.create()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


def test_postgresql_down_at_first_gets_every_line_once_it_is_up(
    cluster: Cluster, small_rules: Ruleset, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.stop()
    log = decision_log_of(load_settings(decision_log=cluster.url, decision_log_prompts=True))
    assert log is not None
    made = [entry(number) for number, entry in enumerate(entries(small_rules, ODD))]
    for entry in made:
        log(entry)
    cluster.start()
    log.close(60)
    assert (log.written, log.dropped) == (4, 0)
    query = "select id, outcome, extract(epoch from timestamp)::float8, line ->> 'outcome' from evenhand_decisions order by id"
    assert cluster.ask(query)[0] == ("d-0", "rewritten", 1_700_000_000.25, "rewritten")
    assert [json.loads(line)["prompt"] for line in stored_lines(cluster.url)] == STORED
    assert cluster.ask("select line ->> 'prompt' from evenhand_decisions order by id") == [(text,) for text in STORED]
    shown = capsys.readouterr()
    assert PASSWORD not in shown.out + shown.err
    assert "postgresql://127.0.0.1" in shown.out + shown.err


def test_postgresql_restarts_under_the_log(cluster: Cluster, small_rules: Ruleset, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.start()
    sink = Database(engine_of(cluster.url))
    log = DecisionLog(sink, key=b"key", retry_s=0.05)
    made = list(entries(small_rules, ["a doctor"] * 30))
    for number in range(100, 110):
        log(made[number - 100](number))
    cluster.stop()
    for number in range(110, 120):
        log(made[number - 100](number))
    cluster.start()
    for number in range(115, 130):
        log(made[number - 100](number))
    log.close(60)
    assert (log.written, log.dropped) == (35, 0)
    assert cluster.ask("select count(*) from evenhand_decisions where id >= 'd-100' and id < 'd-130'") == [(30,)]
    assert PASSWORD not in "".join(capsys.readouterr())


def test_a_wrong_password_is_told_without_it(cluster: Cluster) -> None:
    cluster.start()
    wrong = cluster.url.replace(PASSWORD, "wrong-canary")
    sink = Database(engine_of(wrong))
    with pytest.raises(Exception, match="password authentication failed") as caught:
        sink.write(batch("d-1"))
    assert sink.told(caught.value) != ""
    assert "password authentication failed" in sink.told(caught.value)
    assert "canary" not in sink.told(caught.value)
    sink.close()


def test_lines_of_a_file_can_be_read_back(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "d.jsonl"
    run(str(path), ODD)
    read = [line for line in read_log(path) if isinstance(line, Logged)]
    assert [line.record["prompt"] for line in read] == ODD
