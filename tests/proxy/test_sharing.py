"""Rules compiled once for all who ask, and lines of several processes in one log."""

import asyncio
import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from evenhand.database import engine_of
from evenhand.proxy.admin.aside import RefusedRulesError
from evenhand.proxy.sharing import InTurn, Shelf, in_turn
from evenhand.proxy.watch.sinks import Database, RotatingFile, StandardOutput


def folder_at(place: Path) -> Path:
    (place / "rules/en").mkdir(parents=True)
    (place / "rules/policy.yaml").write_text("kind: policy\naxes: {gender: {woman: 50, man: 50}}\n")
    (place / "rules/en/wording.yaml").write_text(
        "kind: wording\nrules:\n"
        "  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}\n"
        "  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}\n"
    )
    return place / "rules"


async def test_rules_are_compiled_once_for_all_who_ask(tmp_path: Path) -> None:
    folder, shelves = folder_at(tmp_path), [Shelf(tmp_path) for _ in range(3)]
    assert await shelves[0].last_good() is None
    rules = await asyncio.gather(*(shelf.build(folder) for shelf in shelves))
    written = (tmp_path / "good").stat().st_mtime_ns
    assert len({each.revision for each in rules}) == 1
    await shelves[1].build(folder)
    assert (tmp_path / "good").stat().st_mtime_ns == written
    kept = await shelves[2].last_good()
    assert kept
    assert kept[1].revision == rules[0].revision


async def test_a_refusal_is_told_to_all_and_the_last_good_rules_stay(tmp_path: Path) -> None:
    folder, shelf = folder_at(tmp_path), Shelf(tmp_path)
    good = await shelf.build(folder)
    (folder / "policy.yaml").write_text("kind: policy\naxis: {}\n")
    for asker in (shelf, Shelf(tmp_path)):
        with pytest.raises(RefusedRulesError, match="unknown key 'axis'"):
            await asker.build(folder)
    kept = await shelf.last_good()
    assert kept
    assert kept[1].revision == good.revision
    first = (tmp_path / "refused").stat().st_mtime
    os.utime(tmp_path / "refused", (first - 60, first - 60))
    with pytest.raises(RefusedRulesError):
        await shelf.build(folder)
    assert (tmp_path / "refused").stat().st_mtime >= first, "whoever asks later wants another attempt"


def write_lines(place: str, writer: int, batches: int) -> None:
    sink = InTurn(RotatingFile(Path(place) / "log", max_bytes=4_000, files=999), Path(place) / "lock")
    for batch in range(batches):
        sink.write(
            [json.dumps({"writer": writer, "line": batch * 3 + each, "pad": "x" * 90}).encode() + b"\n" for each in range(3)]
        )
    sink.close()


def test_processes_that_write_at_once_tear_and_lose_no_line(tmp_path: Path) -> None:
    begin = multiprocessing.get_context("spawn")
    writers = [begin.Process(target=write_lines, args=(str(tmp_path), number, 60)) for number in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    files = list(tmp_path.glob("log*"))
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    found = sorted((line["writer"], line["line"]) for line in lines)
    assert found == [(writer, line) for writer in range(3) for line in range(180)]
    assert len(files) > 10
    assert max(path.stat().st_size for path in files) <= 4_000


class Failing:
    """A sink that fails once."""

    name = "failing"

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.fails = True

    def write(self, lines: Sequence[bytes]) -> None:
        if self.fails:
            self.fails = False
            raise OSError("no space")
        self.got += lines

    def told(self, fault: Exception) -> str:
        return str(fault)

    def close(self) -> None:
        """Nothing is open."""


def test_a_batch_that_broke_off_keeps_its_turn(tmp_path: Path) -> None:
    import fcntl

    sink = InTurn(Failing(), tmp_path / "lock")
    with (tmp_path / "lock").open("w") as other:
        with pytest.raises(OSError, match="no space"):
            sink.write([b"a\n"])
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sink.write([b"a\n"])
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert (sink.name, sink.told(OSError("x"))) == ("failing", "x")
    sink.close()


def test_a_database_needs_no_turns(tmp_path: Path) -> None:
    database = Database(engine_of(f"sqlite:///{tmp_path}/log.db"))
    assert in_turn(database, tmp_path / "lock") is database
    assert isinstance(in_turn(StandardOutput(), tmp_path / "lock"), InTurn)
    database.close()
