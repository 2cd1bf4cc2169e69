# ruff: noqa: E501
"""Tricky bodies read by several parsers: no origin may read a prompt that we did not guard.

Where a body is taken, each origin must read our prompt in the original, and the rewritten one in what we wrote.
"""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evenhand.dialects.load import dialect_of
from evenhand.dialects.reading import read, write
from evenhand.errors import BodyError
from evenhand.flow import Edit, Span

DIALECT = (
    b"dialect: d\ntitle: D\noperations: [{id: d.draw, path: /draw, prompts: [/prompt], count: {at: [/n]}, stream: /stream}]\n"
)
OPERATION = dialect_of(DIALECT, "d.yaml").operations[0]
SPELLINGS = [
    "prompt", "Prompt", "PROMPT", "promPt", "pro\\u006dpt", "\\u0070rompt", "prompt\\u0000", "prompt ", " prompt", "prompt\\ud800", "\\ud800prompt", "prompt\\u200b",
    "ｐrompt", "рrompt", "prompt\\n", "prompts", "promp", "pr\\u006Fmpt", "PROM\\u0050T", "proMpt", "ſprompt", "prompt\\udc00", "p\\u0072ompt", "prompt\\ufeff",
]  # fmt: skip
VALUES = [
    '"evil"', '"ev\\u0069l"', "null", "7", '["evil"]', '{"text":"evil"}', '"evil\\ud800"', '"\\udc00evil"', '"evil\\u0000more"', '"evil"/**/', '"evil" // x', "'evil'",
]  # fmt: skip


def bodies() -> Iterator[bytes]:
    for key in SPELLINGS:
        yield f'{{"prompt":"good","{key}":"evil"}}'.encode()
        yield f'{{"{key}":"evil","prompt":"good"}}'.encode()
        yield f'{{"{key}":"evil"}}'.encode()
    for value in VALUES:
        yield f'{{"prompt":{value}}}'.encode()
        yield f'{{"prompt":"good","prompt":{value}}}'.encode()
        yield f'{{"x":{{"prompt":{value if value.startswith(chr(34)) else 1}}},"prompt":"good"}}'.encode()
    good = b'{"prompt":"good"}'
    yield from (
        good + b'{"prompt":"evil"}',
        b"\xef\xbb\xbf" + good,
        good.decode().encode("utf-16"),
        good.decode().encode("utf-32"),
    )
    yield from (b" " + good, good + b"\n", good + b"\x00", b"\x00" + good, b"\x1e" + good, b")]}'\n" + good, b"[" + good + b"]")
    yield from (b'{"n":1e999,"prompt":"good"}', b'{"n":NaN,"prompt":"good"}', b'{"prompt":"good",}', b'{"prompt":"good" "x":1}')
    yield b'{"__proto__":{"prompt":"evil"},"prompt":"good"}'
    yield b'{"constructor":{"prompt":"evil"},"prompt":"good"}'
    yield b'{"a":"\\"prompt\\":\\"evil\\"","prompt":"good"}'
    yield b'{"a":"}","prompt":"good","b":"{\\"prompt\\":\\"evil\\"}"}'


BODIES = list(bodies())


Pairs = list[tuple[str, Any]]


def first_wins(pairs: Pairs) -> dict[str, Any]:
    return dict(reversed(pairs))


def folded(pairs: Pairs) -> dict[str, Any]:
    """As parsers that mind no case, such as Go's and .NET's."""
    return {key.casefold(): value for key, value in pairs}


def truncated(pairs: Pairs) -> dict[str, Any]:
    """As parsers in C that end a key at its first NUL."""
    return {key.split("\0")[0]: value for key, value in pairs}


READERS = [dict, first_wins, folded, truncated]


def guarded(raw: bytes) -> tuple[str, bytes] | None:
    """The prompt as we read it and the body with a word put before it; None where the body is refused."""
    try:
        reading = read(raw, OPERATION)
    except BodyError:
        return None
    return reading.prompts[0].text, bytes(write(reading, [[Edit(Span(0, 0), "our ")]]))


def test_there_are_enough_and_both_kinds() -> None:
    assert len(BODIES) >= 120
    assert 10 <= sum(guarded(raw) is not None for raw in BODIES) <= 90


@pytest.mark.parametrize("reader", READERS)
def test_no_parser_reads_a_prompt_that_was_not_guarded(reader: Callable[[Pairs], dict[str, Any]]) -> None:
    for raw in BODIES:
        if found := guarded(raw):
            told = [json.loads(each, object_pairs_hook=reader)["prompt"] for each in (raw, found[1])]
            assert told == [found[0], "our " + found[0]], raw


NODE = """
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n');
const plain = line => Buffer.from(line, 'base64').toString('utf8').replace(/^\\uFEFF/, '');
const read = line => Buffer.from(String(JSON.parse(plain(line)).prompt)).toString('base64');
console.log(lines.map(read).join('\\n'));
"""
GO = """package main

import ("bufio"; "encoding/base64"; "encoding/json"; "fmt"; "os")

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	for in.Scan() {
		raw, _ := base64.StdEncoding.DecodeString(in.Text())
		var body struct { Prompt string `json:"prompt"` }
		if err := json.Unmarshal(raw, &body); err != nil { body.Prompt = "REFUSED" }
		fmt.Println(base64.StdEncoding.EncodeToString([]byte(body.Prompt)))
	}
}
"""


def told_by(command: list[str], raws: list[bytes]) -> list[str]:
    lines = "\n".join(base64.b64encode(raw).decode() for raw in raws)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=True)
    return [base64.b64decode(line).decode() for line in done.stdout.splitlines()]


def check_origin(command: list[str], *, may_refuse: bool = False) -> None:
    found = [(raw, *pair) for raw in BODIES if (pair := guarded(raw))]
    originals, written = told_by(command, [raw for raw, _, _ in found]), told_by(command, [new for _, _, new in found])
    for (raw, text, _), before, after in zip(found, originals, written, strict=True):
        assert (before, after) == (text, "our " + text) or (may_refuse and before == after == "REFUSED"), raw


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_no_other_prompt() -> None:
    check_origin(["node", "-e", NODE])


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")
def test_go_reads_no_other_prompt(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(GO)
    check_origin(["go", "run", str(tmp_path / "main.go")], may_refuse=True)
