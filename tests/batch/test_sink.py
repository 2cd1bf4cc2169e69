"""Outputs that survive a kill."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from evenhand.batch.sink import Files, FileSink, PipeSink
from evenhand.batch.work import Done
from evenhand.errors import SettingsError

RUN = {"rules": "abc"}
DONE = [
    Done(first=1, rows=2, data=b"1\n2\n", bad=b"", tally=Counter(rows=2), position=0),
    Done(first=3, rows=2, data=b"4\n", bad=b"bad 3\n", tally=Counter({"rows": 2, "bad/json": 1}), position=0),
    Done(first=5, rows=1, data=b"5\n", bad=b"", tally=Counter(rows=1), position=0),
]


def move(partial: Path, out: Path) -> None:
    partial.replace(out)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(out=tmp_path / "out", bad=tmp_path / "out.bad")


@pytest.fixture
def sink(files: Files) -> Callable[..., FileSink]:
    def opened(*, force: bool = False, run: dict[str, str] = RUN) -> FileSink:
        return FileSink(files, identity=run, head=b"head\n", finish=move, force=force)

    return opened


def names(files: Files) -> list[str]:
    return sorted(path.name for path in files.out.parent.iterdir())


def killed(sink: FileSink) -> None:
    """What a kill leaves: nothing is flushed, closed or told, but the lock is gone."""
    sink._out.close()
    sink._bad.close()


def test_a_whole_run(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    for done in DONE:
        one.add(done)
    assert names(files) == ["out.bad", "out.partial", "out.progress"]
    one.close(whole=True)
    assert files.out.read_bytes() == b"head\n1\n2\n4\n5\n"
    assert files.bad.read_bytes() == b"bad 3\n"
    assert names(files) == ["out", "out.bad"]
    assert (one.progress.rows, one.progress.tally) == (5, {"bad/json": 1, "rows": 5})


def test_no_bad_row_no_side_file(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    one.add(DONE[0])
    one.close(whole=True)
    assert names(files) == ["out"]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
@pytest.mark.parametrize("tail", [b"", b"half a li"])
def test_a_killed_run_goes_on(files: Files, sink: Callable[..., FileSink], after: int, tail: bytes) -> None:
    one = sink()
    for done in DONE[:after]:
        one.add(done)
    one._save()
    for file in (one._out, one._bad):
        file.write(tail)
    killed(one)
    other = sink()
    assert other.progress.rows == sum(done.rows for done in DONE[:after])
    for done in DONE[after:]:
        other.add(done)
    other.close(whole=True)
    assert files.out.read_bytes() == b"head\n1\n2\n4\n5\n"
    assert files.bad.read_bytes() == b"bad 3\n"
    assert other.progress.tally == {"bad/json": 1, "rows": 5}


def test_a_run_killed_before_its_files_stood(files: Files, sink: Callable[..., FileSink]) -> None:
    killed(sink())
    files.partial.unlink()
    files.bad.unlink()
    one = sink()
    one.add(DONE[0])
    one.close(whole=True)
    assert files.out.read_bytes() == b"head\n1\n2\n"


@pytest.mark.parametrize("renamed", [False, True])
def test_a_run_killed_while_it_finished(files: Files, sink: Callable[..., FileSink], renamed: bool) -> None:
    def fail(partial: Path, out: Path) -> None:
        if renamed:
            partial.replace(out)
        raise KeyboardInterrupt

    one = FileSink(files, identity=RUN, head=b"head\n", finish=fail, force=False)
    one.add(DONE[1])
    with pytest.raises(KeyboardInterrupt):
        one.close(whole=True)
    one._out.close()
    other = sink()
    assert other.progress.rows == 2
    other.close(whole=True)
    assert files.out.read_bytes() == b"head\n4\n"
    assert names(files) == ["out", "out.bad"]


def test_a_run_that_stopped_waits_for_the_next(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    one.add(DONE[0])
    one.close(whole=False)
    assert names(files) == ["out.bad", "out.partial", "out.progress"]


def test_a_run_that_did_nothing_leaves_nothing(files: Files, sink: Callable[..., FileSink]) -> None:
    sink().close(whole=False)
    assert names(files) == []


@pytest.mark.parametrize("name", ["out", "out.bad", "out.partial"])
def test_finished_and_foreign_files_stay(files: Files, sink: Callable[..., FileSink], name: str) -> None:
    path = files.out.with_name(name)
    path.write_text("mine")
    with pytest.raises(SettingsError, match=f"{name} is there already; move it away, name another output, or say --force"):
        sink()
    assert path.read_text() == "mine"
    assert names(files) == [name]
    one = sink(force=True)
    one.close(whole=True)
    assert files.out.read_bytes() == b"head\n"


def test_another_run_does_not_go_on_here(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    one.add(DONE[0])
    one.close(whole=False)
    before = files.partial.read_bytes()
    with pytest.raises(SettingsError, match=r"other settings was broken off here \(rules\)"):
        sink(run={"rules": "abd"})
    assert files.partial.read_bytes() == before


def test_two_runs_at_once(sink: Callable[..., FileSink]) -> None:
    one = sink()
    with pytest.raises(SettingsError, match="another run is writing here"):
        sink()
    one.close(whole=True)


def test_an_output_that_was_cut(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    one.add(DONE[0])
    one.close(whole=False)
    files.partial.write_bytes(b"he")
    with pytest.raises(SettingsError, match=r"out.partial is shorter than .*out.progress says; start anew with --force"):
        sink()


def test_the_journal_never_promises_more_than_stands(files: Files, sink: Callable[..., FileSink]) -> None:
    one = sink()
    one.add(DONE[0])
    told = json.loads(files.journal.read_text())["progress"]
    assert files.partial.stat().st_size >= told["output_bytes"]
    one.close(whole=True)


def test_a_pipe_takes_what_comes(tmp_path: Path) -> None:
    out, bad = (tmp_path / "1").open("wb"), (tmp_path / "2").open("wb")
    sink = PipeSink(out, bad, head=b"head\n")
    for done in DONE:
        sink.add(done)
    sink.close(whole=True)
    assert (out.closed, bad.closed) == (True, True)
    assert ((tmp_path / "1").read_bytes(), (tmp_path / "2").read_bytes()) == (b"head\n1\n2\n4\n5\n", b"bad 3\n")
    assert sink.progress.rows == 5
