"""Finished chunks in, files out: the output, the side file of bad rows, and a journal to go on from after a kill.

The output grows as OUT.partial and takes its name only when it is whole. A pipe takes what comes and keeps no journal.
"""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from evenhand.batch.journal import Progress, load, save
from evenhand.batch.work import Done
from evenhand.errors import SettingsError

SAVED_EVERY_S = 1.0
Finish = Callable[[Path, Path], None]  # turns the partial file into the output


class Sink(Protocol):
    progress: Progress

    def add(self, done: Done) -> None: ...

    def close(self, *, whole: bool) -> None: ...


def added(before: Progress, done: Done, *, seconds: float) -> Progress:
    return Progress(
        rows=before.rows + done.rows,
        output_bytes=before.output_bytes + len(done.data),
        bad_bytes=before.bad_bytes + len(done.bad),
        seconds=seconds,
        tally=dict(sorted((Counter(before.tally) + done.tally).items())),
    )


class PipeSink:
    """Both streams are flushed chunk by chunk."""

    def __init__(self, out: BinaryIO, bad: BinaryIO, *, head: bytes) -> None:
        self._out, self._bad = out, bad
        self._began = time.monotonic()
        self.progress = Progress(output_bytes=len(head))
        self._out.write(head)

    def add(self, done: Done) -> None:
        for stream, data in ((self._out, done.data), (self._bad, done.bad)):
            stream.write(data)
            stream.flush()
        self.progress = added(self.progress, done, seconds=time.monotonic() - self._began)

    def close(self, *, whole: bool) -> None:
        try:
            self._out.close()
        finally:
            self._bad.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The output and the side file, and what stands beside them while a run goes on."""

    out: Path
    bad: Path

    @property
    def partial(self) -> Path:
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def journal(self) -> Path:
        return self.out.with_name(f"{self.out.name}.progress")


class FileSink:
    """Goes on where an interrupted run of the same `identity` stopped.

    Raises:
        SettingsError: finished or foreign files stand in the way and `force` is not set, or another run writes here.
    """

    def __init__(self, files: Files, *, identity: Mapping[str, object], head: bytes, finish: Finish, force: bool) -> None:
        self._files, self._identity, self._finish = files, identity, finish
        found = None if force else self._found()
        self.progress = found or Progress()
        if found is None:
            save(files.journal, self.progress, identity)  # first, so that no file of ours ever stands without it
        self._renamed = self.progress.whole and not files.partial.exists()
        with ExitStack() as stack:  # what is opened is closed again where this run can't begin
            self._out = stack.enter_context(open_locked(files.partial))
            self._bad = stack.enter_context(files.bad.open("r+b" if files.bad.exists() else "w+b"))
            if not self._renamed:
                self._cut()
            stack.pop_all()
        if not self.progress.output_bytes:
            self._out.write(head)
            self.progress = replace(self.progress, output_bytes=len(head))
        self._began = time.monotonic() - self.progress.seconds
        self._saved = float("-inf")  # the first chunk is told at once

    def _found(self) -> Progress | None:
        found = load(self._files.journal, self._identity)
        standing = [path for path in (self._files.out, self._files.partial, self._files.bad) if path.exists()]
        if found is None and standing:
            raise SettingsError(f"{standing[0]} is there already; move it away, name another output, or say --force")
        return found

    def _cut(self) -> None:
        """Drops what was written behind the last good offsets."""
        sizes = (self._out, self.progress.output_bytes), (self._bad, self.progress.bad_bytes)
        for file, size in sizes:
            if os.fstat(file.fileno()).st_size < size:
                raise SettingsError(f"{file.name} is shorter than {self._files.journal} says; start anew with --force")
            file.truncate(size)
            file.seek(size)

    def add(self, done: Done) -> None:
        self._out.write(done.data)
        self._bad.write(done.bad)
        now = time.monotonic()
        self.progress = added(self.progress, done, seconds=now - self._began)
        if now - self._saved >= SAVED_EVERY_S:
            self._save()
            self._saved = now

    def _save(self) -> None:
        for file in (self._out, self._bad):
            file.flush()
            os.fsync(file.fileno())
        save(self._files.journal, self.progress, self._identity)

    def close(self, *, whole: bool) -> None:
        """Where the run is not `whole`, its files wait for the next one, if they hold anything."""
        self.progress = replace(self.progress, whole=whole)
        self._save()
        self._bad.close()
        if whole and not self._renamed:
            self._finish(self._files.partial, self._files.out)
        if whole or not self.progress.rows:
            self._clear(keep_bad=whole and self.progress.bad_bytes > 0)
        self._out.close()

    def _clear(self, *, keep_bad: bool) -> None:
        """The journal goes last, so that a kill in between leaves nothing nobody knows."""
        if not keep_bad:
            self._files.bad.unlink(missing_ok=True)
        self._files.partial.unlink(missing_ok=True)
        self._files.journal.unlink()


def open_locked(path: Path) -> BinaryIO:
    """Opened for one run at a time. Raises SettingsError where another one has it."""
    file = path.open("r+b" if path.exists() else "w+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(f"{path}: another run is writing here; wait for it, or name another output") from None
    return file
