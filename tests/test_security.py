"""SECURITY.md keeps its word: every promise names a test that is really collected, and every file it points to is there."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^\| ([^|]+) \| `(tests/[^`]+)` \|$", TEXT, re.MULTILINE)


@cache
def collected() -> frozenset[str]:
    """The names of all tests in the files that SECURITY.md names, as pytest finds them."""
    files = sorted({test.partition("::")[0] for _, test in PROMISES})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    everything = {**os.environ, "EVENHAND_TESTS": "all"}
    done = subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, text=True, check=False)
    return frozenset(line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line)


def test_every_row_of_the_last_table_is_a_promise() -> None:
    rows = TEXT.partition("| Promise | Test |")[2].strip().splitlines()
    rows = [row for row in rows[1:] if row.startswith("|")]
    assert len(rows) == len(PROMISES) >= 20
    assert len({promise for promise, _ in PROMISES}) == len(PROMISES)


@pytest.mark.parametrize(("promise", "test"), PROMISES, ids=[test for _, test in PROMISES])
def test_its_test_is_collected(promise: str, test: str) -> None:
    assert test in collected(), promise


def test_one_test_proves_one_promise() -> None:
    tests = [test for _, test in PROMISES]
    assert sorted(tests) == sorted(set(tests))


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
