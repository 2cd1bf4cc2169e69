"""What was sent and what came back, as JSON lines that survive a kill: each is on the disk before the next step is taken.

`sent` stands before a request goes out, its answer after; what has the one and not the other was under way when the run ended.
Holds prompts and revised prompts, never a key, a header or a picture.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from evenhand.errors import SettingsError
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer

VERSION = 1
_ANSWER = [each.name for each in fields(Answer)]


@dataclass(slots=True, kw_only=True)
class Found:
    """What earlier runs left. `under_way` has no answer, and may have been paid for."""

    identity: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    good_bytes: int = 0


def load(path: Path) -> Found:
    """Nothing where there is no such file. Raises SettingsError where it is no journal of a probe."""
    found = Found()
    with suppress(FileNotFoundError), path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):  # torn by a kill; cut off before the next line is written
                break
            try:
                _take(json.loads(line), found)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise SettingsError(f"{path}: this is no journal of a probe; name another folder with --out") from None
            found.good_bytes += len(line)
    return found


def _take(line: dict[str, Any], found: Found) -> None:
    if "probe" in line:
        if line["version"] != VERSION:
            raise ValueError
        found.identity = line["probe"]
    found.last = line["at"]
    found.first = found.first or found.last
    if "sent" in line:
        found.under_way.add(line["sent"])
    for key in line.get("again", ()):
        found.under_way.discard(key)
        found.answers.pop(key, None)
    if "outcome" in line:
        found.under_way.discard(line["key"])
        found.answers[line["key"]] = Answer(**{name: line[name] for name in _ANSWER})


class Journal:
    """One run's, from the moment it is opened; `found` is what earlier runs left. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = _opened(path)
        try:
            self.found = load(path)
        except SettingsError:
            self._file.close()
            raise

    def begin(self, identity: Mapping[str, Any]) -> None:
        self._file.truncate(self.found.good_bytes)
        if not self.found.identity:
            self._write({"probe": dict(identity), "version": VERSION})

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def sent(self, ask: Ask) -> None:
        self._write({"sent": ask.key})

    def answered(self, ask: Ask, answer: Answer) -> None:
        self._write({**asdict(ask), **asdict(answer)})

    def again(self, keys: Iterable[str], *, why: str) -> None:
        """They were not answered after all, and nothing was drawn."""
        self._write({"again": list(keys), "why": why})

    def _write(self, line: dict[str, Any]) -> None:
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), **line}
        with self._lock:
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        raise SettingsError(f"'{path}' can't be written: {why}; name another folder with --out") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(f"'{path}' is in use by a probe that still runs; wait for it, or name another folder") from None
    return file
