import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
PORTS = ("--port", "0", "--admin-port", "0")


def test_findings_are_told_with_their_fix(run: Run, few: Path) -> None:
    done = run("doctor", "--rules", few, "--upstream", "http://127.0.0.1:9", *PORTS)
    assert done.returncode == 1
    assert "ok    rules: " in done.text
    assert "fail  upstreams: http://127.0.0.1:9 can't be reached.\n      fix: Nothing listens on 127.0.0.1:9" in done.text
    assert done.text.splitlines()[-1].endswith("1 fail")


def test_json_counts_and_names_every_check(run: Run, few: Path) -> None:
    done = run("doctor", "--rules", few, *PORTS, "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["fail"]) == (1, 1)
    assert {"settings", "ports", "rules", "model", "upstreams", "admin", "secret", "clock"} <= {
        each["check"] for each in told["checks"]
    }
    assert [each["fix"] for each in told["checks"] if each["level"] == "fail"] != [""]


def test_all_well_is_exit_code_zero(run: Run, few: Path) -> None:
    done = run("doctor", "--rules", few, *PORTS, EVENHAND_DEMO="true")
    assert (done.returncode, " 0 fail" in done.text) == (0, True)


def test_unusable_settings_are_exit_code_two(run: Run) -> None:
    done = run("doctor", EVENHAND_PORT="many", EVENHAND_ADMIN_HOST="0.0.0.0", EVENHAND_GRACE_S="-1")
    assert done.returncode == 2
    assert "EVENHAND_PORT 'many'" in done.text
    assert "EVENHAND_GRACE_S '-1'" in done.text
    assert done.text.splitlines()[-1] == "0 ok, 0 warn, 2 fail"
