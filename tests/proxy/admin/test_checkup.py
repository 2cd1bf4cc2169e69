import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evenhand.errors import SettingsError
from evenhand.proxy.admin.checkup import CHECKS, Finding, checkup, refused
from evenhand.settings import Settings, load_settings

POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
WORDING = """\
kind: wording
rules:
  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}
  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}
"""
ROLES = """\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}]
    why: Anybody may do this work.
    examples: [{say: a doctor, vary: [gender]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "rules"
    (found / "en").mkdir(parents=True)
    (found / "policy.yaml").write_text(POLICY)
    (found / "en/wording.yaml").write_text(WORDING)
    (found / "en/roles.yaml").write_text(ROLES)
    return found


@pytest.fixture
def upstream(script: Callable[..., Any]) -> Any:
    return script(b"")


def settings_of(folder: Path, **more: Any) -> Settings:
    return load_settings(**{"rules": folder, "port": 0, "admin_port": 0, **more})


def by_check(findings: Iterator[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {name: [] for name in CHECKS}
    for finding in findings:
        found[finding.check].append(finding)
    return found


def test_all_is_well_and_nothing_was_sent(folder: Path, upstream: Any, tmp_path: Path) -> None:
    log = tmp_path / "decisions.log"
    findings = list(
        checkup(settings_of(folder, upstream=upstream.origin, connections=100, decision_log=str(log), secret="x" * 32))
    )
    assert [finding for finding in findings if finding.level == "fail"] == []
    assert {finding.check for finding in findings} == set(CHECKS)
    assert all(finding.fix for finding in findings if finding.level != "ok")
    assert upstream.requests == []
    assert not log.exists()


def test_ports_in_use_are_told_both(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"port": one.getsockname()[1], "admin_port": other.getsockname()[1]}
        found = by_check(checkup(settings_of(folder, **ports), timeout_s=0.1))["ports"]
    assert [finding.level for finding in found] == ["fail", "fail"]
    assert all("address already in use" in finding.says for finding in found)
    assert ["--port" in found[0].says, "--admin-port" in found[1].says] == [True, True]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("policy.yaml", POLICY.replace("axes", "axs"), "policy.yaml:1:1: key 'axes' is missing (and 1 more"),
        ("en/roles.yaml", ROLES.replace("vary: [gender]", "leave: all"), "1 of 1 examples fail: "),
    ],
)
def test_rules_that_cannot_serve(folder: Path, file: str, text: str, said: str) -> None:
    (folder / file).write_text(text)
    found = by_check(checkup(settings_of(folder), timeout_s=0.1))
    failed = [finding for finding in found["rules"] if finding.level == "fail"]
    assert len(failed) == 1
    assert said in failed[0].says
    assert found["model"][0].level == "ok"


@pytest.mark.parametrize(
    ("origin", "level", "said"),
    [
        (None, "fail", "No upstream is configured"),
        ("http://127.0.0.1:9", "fail", "can't be reached"),
        ("http://127.0.0.1:8081", "fail", "our own admin port"),
    ],
)
def test_upstreams(folder: Path, origin: str | None, level: str, said: str) -> None:
    settings = settings_of(folder).model_copy(update={"upstream": origin, "admin_port": 8081})
    found = by_check(checkup(settings, timeout_s=0.5))["upstreams"]
    assert (found[0].level, said in found[0].says) == (level, True)
    assert found[0].fix


def test_rules_that_name_an_unknown_dialect_are_a_finding(folder: Path) -> None:
    found = by_check(checkup(settings_of(folder, upstream="http://127.0.0.1:9", dialects="nonsense")))["upstreams"]
    assert "There is no dialect 'nonsense'" in found[0].says


@pytest.mark.parametrize(
    ("token", "host", "level"), [(None, "127.0.0.1", "ok"), ("short", "0.0.0.0", "warn"), ("x" * 32, "0.0.0.0", "ok")]
)
def test_admin(folder: Path, token: str | None, host: str, level: str) -> None:
    settings = settings_of(folder, admin_host=host, **({"admin_token": token} if token else {}))
    found = by_check(checkup(settings, timeout_s=0.1))["admin"]
    assert found[0].level == level
    assert token is None or token not in found[0].says


@pytest.mark.parametrize(
    ("sampling", "secret", "log", "level"),
    [
        ("request", None, None, "ok"),
        ("prompt", None, None, "fail"),
        ("prompt", "s" * 32, None, "ok"),
        ("request", None, "stdout", "warn"),
    ],
)
def test_secret(folder: Path, sampling: str, secret: str | None, log: str | None, level: str) -> None:
    (folder / "policy.yaml").write_text(POLICY + f"sampling: {{by: {sampling}}}\n")
    given = {name: value for name, value in (("secret", secret), ("decision_log", log)) if value}
    assert by_check(checkup(settings_of(folder, **given), timeout_s=0.1))["secret"][0].level == level


@pytest.mark.parametrize(
    ("place", "level", "said"),
    [
        ("stdout", "ok", "standard output"),
        ("missing/decisions.log", "fail", "does not exist"),
        ("rules", "fail", "is no regular file"),
        ("decisions.log", "ok", "can be written"),
        ("sqlite:///decisions.db", "ok", "can be written"),
        ("postgresql://user:hunter2@127.0.0.1:9/x", "fail", "at 127.0.0.1:9 can't be reached"),
    ],
)
def test_decision_log(folder: Path, place: str, level: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = by_check(checkup(settings_of(folder, decision_log=place), timeout_s=0.5))["decision log"]
    assert (found[0].level, said in found[0].says) == (level, True)
    assert "hunter2" not in f"{found[0].says} {found[0].fix}"


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_log_that_may_not_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    found = by_check(checkup(settings_of(folder, decision_log=str(tmp_path / "closed/log")), timeout_s=0.1))["decision log"]
    assert found[0].level == "fail"


@pytest.mark.parametrize(("endpoint", "said"), [("", "Tracing is off"), ("http://collector:4318", "Traces are sent")])
def test_tracing(folder: Path, endpoint: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    assert said in by_check(checkup(settings_of(folder), timeout_s=0.1))["tracing"][0].says


def test_more_connections_than_files(folder: Path) -> None:
    found = by_check(checkup(settings_of(folder, connections=65_536), timeout_s=0.1))["settings"]
    assert [finding.level for finding in found if "connections" in finding.says] == ["warn"]


def test_settings_that_cannot_be_used_are_all_told() -> None:
    found = refused(SettingsError("One is wrong.\nAnother, too."))
    assert [(finding.level, finding.says) for finding in found] == [("fail", "One is wrong."), ("fail", "Another, too.")]
