"""Hundreds of documents: taken or refused like the strictest parser, and never taken where Python's or node's refuses."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evenhand.dialects.scan import BOM, Node, scan
from evenhand.errors import BodyError


def _documents() -> list[tuple[bytes, bool]]:
    spec = importlib.util.spec_from_file_location("documents", Path(__file__).parent / "documents.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.documents())


DOCUMENTS = _documents()
WANTED = Node.of(["/prompt", "/n", "/data/*/b"])


def taken(raw: bytes) -> bool:
    try:
        scan(raw, WANTED)
    except BodyError:
        return False
    return True


def test_there_are_enough() -> None:
    assert len({raw for raw, _ in DOCUMENTS}) >= 300


def test_taken_or_refused_like_the_strictest_parser() -> None:
    assert [(raw[:80], good) for raw, good in DOCUMENTS if taken(raw) != good] == []


def refuse_constant(name: str) -> Any:
    raise ValueError(name)


def test_python_reads_whatever_is_taken() -> None:
    for raw in (raw for raw, _ in DOCUMENTS if taken(raw)):
        json.loads(raw.removeprefix(BOM).decode("utf-8"), parse_constant=refuse_constant)


NODE = """
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n');
const read = line => { try { JSON.parse(Buffer.from(line, 'base64').toString('utf8')); return 1 } catch { return 0 } };
console.log(lines.map(read).join(''));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_whatever_is_taken() -> None:
    import base64

    good = [raw.removeprefix(BOM) for raw, _ in DOCUMENTS if taken(raw)]
    lines = "\n".join(base64.b64encode(raw).decode() for raw in good)
    done = subprocess.run(["node", "-e", NODE], input=lines, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1" * len(good)
