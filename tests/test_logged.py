"""Lines are read back one by one; what can't be read is told with its number and never quoted."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.errors import EvenhandError
from evenhand.flow import Prompt
from evenhand.logged import Logged, Unread, erase, head_rules, is_known, read_line, read_lines, read_log
from evenhand.rules import Ruleset


@pytest.fixture(scope="module")
def batch_line(small_rules: Ruleset) -> dict[str, Any]:
    return dict(record(Engine(small_rules).decide(Prompt(text="a doctor", id="d-1", images=2)), small_rules, ref="7"))


def test_batch_output_is_read_like_a_log(tmp_path: Path, batch_line: dict[str, Any]) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(batch_line) + "\n\n" + json.dumps({**batch_line, "timestamp": "t", "more": 1}))
    one, other = read_log(path)
    assert isinstance(one, Logged)
    assert isinstance(other, Logged)
    assert (one.number, one.is_log, one.record["ref"], one.record["sample"]) == (1, False, "7", 1.0)
    assert (other.number, other.is_log) == (3, True)


@pytest.mark.parametrize("cut", [None, -30])
def test_archives_are_unpacked_and_a_broken_one_told(tmp_path: Path, batch_line: dict[str, Any], cut: int | None) -> None:
    path = tmp_path / "anything"
    lines = b"".join(json.dumps({**batch_line, "id": f"d-{n * 7919 % 10_007}"}).encode() + b"\n" for n in range(2_000))
    path.write_bytes(gzip.compress(lines)[:cut])
    read = list(read_log(path))
    assert len([each for each in read if isinstance(each, Logged)]) == (2_000 if cut is None else len(read) - 1)
    assert isinstance(read[-1], Unread) is (cut is not None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"prompt": "canary', "the line is no JSON"),
        (b"\xff\xfe", "the line is no JSON"),
        (b"[" * 100_000, "the line is no JSON"),
        (b'["canary"]', "the line is no JSON object"),
        (b'{"prompt": "canary"}', "'id' is missing or of another type than in a decision"),
    ],
)
def test_what_cannot_be_read_is_never_quoted(line: bytes, why: str) -> None:
    assert read_line(line, source="log", number=3) == Unread(source="log", number=3, why=why)


@pytest.mark.parametrize("number", ["NaN", "1e400", "-Infinity"])
def test_a_number_that_is_none_spoils_its_line_only(batch_line: dict[str, Any], number: str) -> None:
    for name in ("overhead_ms", "sample"):
        line = json.dumps({**batch_line, name: 0.125}).replace("0.125", number).encode()
        assert isinstance(read_line(line, source="log", number=1), Unread)


def test_a_line_too_long_is_told(batch_line: dict[str, Any]) -> None:
    good = json.dumps(batch_line).encode()
    read = list(read_lines([good, None, good], source="log"))
    assert [type(each) for each in read] == [Logged, Unread, Logged]
    assert [each.number for each in read] == [1, 2, 3]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvenhandError, match="No such file or directory; name a decision log or batch output"):
        list(read_log(tmp_path / "no.jsonl"))


@pytest.mark.parametrize(
    ("head", "known", "rules"),
    [
        ("doctor", True, {"roles/workers"}),
        ("Doctors", True, {"roles/workers"}),
        ("zorgler", False, set()),
        ("good doctor", False, set()),
    ],
)
def test_whether_a_rule_knows_a_head(small_rules: Ruleset, head: str, known: bool, rules: set[str]) -> None:
    assert (is_known(head, small_rules), head_rules(head, small_rules)) == (known, rules)


def test_erasing_keeps_what_is_named(batch_line: dict[str, Any]) -> None:
    line = json.loads(json.dumps(batch_line))
    masked = erase(line, keep=["/subjects/0/head/text"])
    assert masked == ["/prompt", "/rewrites/0", "/rewrites/1", "/subjects/0/text"]
    assert (line["subjects"][0]["text"], line["subjects"][0]["head"]["text"]) == ("", "doctor")
    assert erase(line) == ["/subjects/0/head/text"]
