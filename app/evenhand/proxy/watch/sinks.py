"""Where lines of the decision log go: standard output, a file that is put aside when it is full, or a database.

A sink writes a batch or raises; the same batch may then come again and is carried on, never doubled. It may block: only the
log's own thread calls it.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evenhand.errors import SettingsError
from evenhand.proxy.watch.logs import where
from evenhand.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class LineSink(Protocol):
    """`name` and `told` go to the service's log: no credential, no prompt."""

    @property
    def name(self) -> str: ...

    def write(self, lines: Sequence[bytes]) -> None: ...

    def told(self, fault: Exception) -> str: ...

    def close(self) -> None: ...


class _Stream:
    """Bytes to a descriptor; a batch that broke off goes on where it stopped, so that no line is torn or doubled."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._sent = 0

    def _send(self, fd: int, data: bytes) -> None:
        while self._sent < len(data):
            self._sent += os.write(fd, memoryview(data)[self._sent :])
        self._sent = 0

    def told(self, fault: Exception) -> str:
        return fault.strerror or where(fault) if isinstance(fault, OSError) else where(fault)


class StandardOutput(_Stream):
    def __init__(self, fd: int = 1) -> None:
        super().__init__("stdout")
        self._fd = fd

    def write(self, lines: Sequence[bytes]) -> None:
        self._send(self._fd, b"".join(lines))

    def close(self) -> None:
        """Standard output is not ours to close."""


class RotatingFile(_Stream):
    """`path` is put aside as `path.1` where a batch would take it over `max_bytes`; at most `files` are kept beside it.

    New files are for their owner only (0600), unless the one before was opened to others. A file that was moved away or
    deleted is made anew.
    """

    def __init__(self, path: Path, *, max_bytes: int, files: int) -> None:
        """Raises OSError where the file can't be written."""
        super().__init__(str(path))
        self._path, self._max_bytes, self._files = path, max_bytes, files
        self._mode = 0o600
        self._fd = self._opened()

    def write(self, lines: Sequence[bytes]) -> None:
        data = b"".join(lines)
        if not self._sent:
            self._make_room(len(data))
        self._send(self._fd, data)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _make_room(self, more: int) -> None:
        if self._fd < 0 or self._is_gone():
            self.close()
            self._fd = self._opened()
        state = os.fstat(self._fd)
        if state.st_size and state.st_size + more > self._max_bytes:
            self._mode = stat.S_IMODE(state.st_mode)
            self._put_aside()
            self.close()
            self._fd = self._opened()

    def _put_aside(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._files + 1))]
        for old, new in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                old.replace(new)

    def _is_gone(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True

    def _opened(self) -> int:
        """A line that a crash tore is ended, so that only it is lost."""
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self._mode)
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            os.write(fd, b"\n")
        return fd


class Database:
    """The table is made with the first batch, so that a database that is down keeps no sidecar from starting."""

    def __init__(self, engine: "Engine") -> None:
        from evenhand.database import shown

        self.name = shown(engine.url)
        self._engine = engine
        self._is_made = False

    def write(self, lines: Sequence[bytes]) -> None:
        from evenhand.database import create_table, insert_lines

        if not self._is_made:
            create_table(self._engine)
            self._is_made = True
        try:
            insert_lines(self._engine, lines)
        except Exception:
            self._is_made = False
            raise

    def told(self, fault: Exception) -> str:
        from evenhand.database import told

        return told(fault, self._engine.url)

    def close(self) -> None:
        self._engine.dispose()


def sink_of(settings: Settings) -> LineSink:
    """Raises SettingsError where the decision log can't be written, a database that is down excepted."""
    place = settings.decision_log or "stdout"
    if place == "stdout":
        return StandardOutput()
    if "://" in place:
        return Database(_engine(place))
    path = Path(place)
    if path.exists() and not path.is_file():
        raise SettingsError(f"The decision log '{path}' is no regular file; name a file, or use stdout.")
    try:
        return RotatingFile(path, max_bytes=settings.decision_log_bytes, files=settings.decision_log_files)
    except OSError as fault:
        why = (fault.strerror or where(fault)).lower()
        raise SettingsError(
            f"The decision log '{path}' can't be written: {why}; make its folder, or name another file."
        ) from None


def _engine(url: str) -> "Engine":
    """SQLAlchemy comes with the extra `database` only."""
    try:
        from evenhand.database import engine_of
    except ImportError:
        raise SettingsError("A decision log in a database needs SQLAlchemy: pip install 'evenhand[database]'") from None
    return engine_of(url)
