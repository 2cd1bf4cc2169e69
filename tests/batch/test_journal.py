"""How far a run has come, on disk."""

import json
import os
from pathlib import Path

import pytest

from evenhand.batch.journal import SAMPLED_BYTES, Progress, fingerprint, load, save
from evenhand.errors import SettingsError

PROGRESS = Progress(rows=512, output_bytes=9_000, bad_bytes=7, seconds=1.5, tally={"rows": 512, "bad/json": 1})
RUN = {"rules": "abc", "job": {"seed": 1, "keep": ("a", "b")}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "j", PROGRESS, RUN)
    assert load(tmp_path / "j", RUN) == PROGRESS
    assert os.listdir(tmp_path) == ["j"]


def test_no_journal_is_no_progress(tmp_path: Path) -> None:
    assert load(tmp_path / "j", RUN) is None


def test_another_run_is_named(tmp_path: Path) -> None:
    save(tmp_path / "j", PROGRESS, RUN)
    with pytest.raises(SettingsError, match=r"broken off here \(job, rules\); repeat it as it was, or say --force"):
        load(tmp_path / "j", {"rules": "abd", "job": {"seed": 2}})


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"version": 1, "identity": {}, "progress": {"more": 1}}', "\x00\xff"]
)
def test_what_is_no_journal(tmp_path: Path, content: str) -> None:
    (tmp_path / "j").write_text(content, encoding="latin-1")
    with pytest.raises(SettingsError, match=r"this is no journal of a run|broken off here"):
        load(tmp_path / "j", RUN)


def test_a_journal_of_another_version(tmp_path: Path) -> None:
    save(tmp_path / "j", PROGRESS, RUN)
    (tmp_path / "j").write_text(json.dumps(json.loads((tmp_path / "j").read_text()) | {"version": 99}))
    with pytest.raises(SettingsError, match="the version of the journal"):
        load(tmp_path / "j", RUN)


@pytest.mark.parametrize("edit", ["first", "last", "size", "time"])
def test_every_edit_of_the_input_is_seen(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "in"
    data = bytearray(3 * SAMPLED_BYTES)
    path.write_bytes(data)
    os.utime(path, ns=(5, 5))
    before = fingerprint(str(path))
    data[{"first": 0, "last": -1}.get(edit, 0)] = 1 if edit in ("first", "last") else 0
    path.write_bytes(data + (b"x" if edit == "size" else b""))
    os.utime(path, ns=(6, 6) if edit == "time" else (5, 5))
    assert fingerprint(str(path)) != before


def test_a_pipe_has_no_fingerprint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert fingerprint(str(tmp_path / "pipe")) == {}


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.jsonl: No such file or directory; name a file that can be read"):
        fingerprint(str(tmp_path / "none.jsonl"))
