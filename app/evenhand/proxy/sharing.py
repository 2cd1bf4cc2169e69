"""What worker processes of one service hold in common, as files in a folder of theirs: compiled rules and whose turn it is.

Locks are the kernel's (flock), so a worker that is killed lets go of them. Nothing here outlives the service.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from evenhand.proxy.admin.aside import RefusedRulesError, rules_told, told_aside
from evenhand.proxy.admin.watching import fingerprint
from evenhand.proxy.watch.sinks import Database, LineSink
from evenhand.rules import Ruleset

LOOK_S = 0.05
# A refusal serves all workers that ask for the same change; whoever asks later wants another attempt.
REFUSAL_S = 10.0


class Shelf:
    """Rules as the process aside told them, by the fingerprint of their folder: the last good ones, and the last refusal."""

    def __init__(self, place: Path) -> None:
        self._good, self._refused, self._lock = place / "good", place / "refused", place / "compiling"

    async def build(self, folder: Path) -> Ruleset:
        """Compiles where no other worker has done so. Raises RefusedRulesError."""
        async with _turn(self._lock):
            seen = await asyncio.to_thread(fingerprint, folder)
            told = self._known(seen)
            if told is None:
                return await self._compiled(folder, seen)
        return await rules_told(told)

    async def last_good(self) -> tuple[str, Ruleset] | None:
        """The fingerprint and the rules; None where none were compiled since the start."""
        found = _read(self._good)
        if found is None:
            return None
        return found[0], await rules_told(found[1])

    def _known(self, seen: str) -> bytes | None:
        for path in (self._good, self._refused):
            found = _read(path)
            if found and found[0] == seen and (path == self._good or time.time() - path.stat().st_mtime < REFUSAL_S):
                return found[1]
        return None

    async def _compiled(self, folder: Path, seen: str) -> Ruleset:
        """Rules that changed while they were read are the asker's alone: nobody can say which they are."""
        told = await told_aside(folder)
        is_whole = await asyncio.to_thread(fingerprint, folder) == seen
        try:
            rules = await rules_told(told)
        except RefusedRulesError:
            if is_whole:
                _write(self._refused, seen, told)
            raise
        if is_whole:
            _write(self._good, seen, told)
        return rules


@asynccontextmanager
async def _turn(lock: Path) -> AsyncIterator[None]:
    """Asks again and again, since a thread that waits in the kernel could not be cancelled."""
    with lock.open("w") as held:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(LOOK_S)
        yield


def _read(path: Path) -> tuple[str, bytes] | None:
    try:
        seen, _, told = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    return seen.decode(), told


def _write(path: Path, seen: str, told: bytes) -> None:
    """Whole or not at all: a worker may be killed at any moment, and another one reads."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(seen.encode() + b"\n" + told)
    fresh.replace(path)


class InTurn:
    """A sink that several processes write to: one batch at a time, and a full file is put aside by one of them.

    A batch that broke off keeps its turn, so that no other line gets into the middle of it.
    """

    def __init__(self, sink: LineSink, lock: Path) -> None:
        self._sink = sink
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @property
    def name(self) -> str:
        return self._sink.name

    def write(self, lines: Sequence[bytes]) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._sink.write(lines)
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def told(self, fault: Exception) -> str:
        return self._sink.told(fault)

    def close(self) -> None:
        self._sink.close()
        os.close(self._lock)


def in_turn(sink: LineSink, lock: Path) -> LineSink:
    """A database looks after turns itself."""
    return sink if isinstance(sink, Database) else InTurn(sink, lock)
