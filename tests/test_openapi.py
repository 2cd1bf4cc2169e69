"""What our OpenAPI documents say, held against running ports by schemathesis: whatever is sent, the answer is as documented.

The admin port publishes no document; its routes are taken from the app, and checked for what is right of any API, not for
statuses and types that nobody was told of. HYPOTHESIS_PROFILE=nightly sends 200 times as much.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings

from evenhand.dialects.load import load_dialects
from evenhand.proxy.admin.app import admin_app
from evenhand.proxy.live import Live, serving_of
from evenhand.rules import Ruleset
from evenhand.settings import load_settings

EXAMPLES = max(5, settings.default.max_examples // 20) if settings.default else 5
TOLD = ["status_code", "content_type", "response_headers", "response_schema", "allow_header"]


def held(place: str, *more: str, cwd: Path) -> str:
    """What schemathesis says in the end; it leaves with 1 where an answer is wrong."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", place, *more, "--checks", "all", "--continue-on-failure"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    return done.stdout


def test_the_data_port_answers_as_documented(run_sidecar: Callable[..., Any], tmp_path: Path) -> None:
    with run_sidecar(demo=True) as sidecar:
        said = held(f"{sidecar.url}/openapi.json", cwd=tmp_path)
    assert "Tested: 4" in said


def test_the_admin_port_takes_whatever_comes(
    run_sidecar: Callable[..., Any], small_rules: Ruleset, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENHAND_RULES", str(small_folder))
    flags = load_settings(upstream="http://127.0.0.1:9")
    app = admin_app(Live(settings=flags, serving=serving_of(small_rules, load_dialects(), flags)))
    (tmp_path / "admin.json").write_text(json.dumps(app.openapi()))
    excluded = ",".join(f"{name}_conformance" for name in TOLD)
    more = ["--exclude-checks", excluded, "--header", "X-Evenhand-Console: 1"]
    with run_sidecar(demo=True) as sidecar:
        said = held("admin.json", "--url", sidecar.admin, *more, cwd=tmp_path)
        assert httpx.get(f"{sidecar.admin}/readyz", trust_env=False, timeout=60).json()["status"] == "ready"
    assert f"Tested: {len(app.openapi()['paths']) + 1}" in said  # one path has two methods
