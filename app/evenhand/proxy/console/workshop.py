"""The folder of rules in service, as the page edits it: names, texts, problems of a change, and saving it.

Only files the loader itself would read; no path leads out of the folder, and nothing is written through a link. Decides nothing.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evenhand.errors import Problem, RuleError
from evenhand.proxy.refusal import Refusal
from evenhand.rules.load import load_folder, shipped_rules
from evenhand.rules.ruleset import Place

SUFFIXES = (".yaml", ".yml", ".csv")
TEXT_BYTES = 2_097_152


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """`digest` names this very text; a save must name the text it was made from."""

    name: str
    text: str
    digest: str


class Workshop:
    def __init__(self, root: Path | None) -> None:
        self.root = root or shipped_rules()
        here = Path.cwd()
        near = [self.root.relative_to(here)] if self.root.is_absolute() and self.root.is_relative_to(here) else []
        self._shown = [f"{folder}/" for folder in (*near, self.root)]

    def names(self) -> list[str]:
        return sorted(self._walk())

    def _walk(self) -> Iterator[str]:
        """As the loader walks: hidden names are skipped, links to folders are not followed."""
        real = self.root.resolve()
        for folder, folders, names in os.walk(self.root, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(folder, name) for name in names if name.endswith(SUFFIXES) and not name.startswith(".")):
                if path.resolve().is_relative_to(real):
                    yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> RuleText:
        """Raises Refusal for a name that is no rule file here, or a file that is not UTF-8."""
        try:
            raw = self._path(name).read_bytes()
            return RuleText(name=name, text=raw.decode(), digest=digest_of(raw))
        except UnicodeDecodeError:
            raise Refusal(409, f"'{name}' is not encoded as UTF-8; repair it with another editor.", code="not_utf8") from None
        except OSError as error:
            raise Refusal(409, f"'{name}' can't be read: {error.strerror}.", code="unreadable") from None

    def _path(self, name: str) -> Path:
        if name not in self.names():
            raise Refusal(404, "There is no such file in the folder of rules.", code="no_such_file")
        return self.root / name

    def problems(self, name: str, text: str) -> list[Problem]:
        """Every problem the folder would have with this text in the file's place; the file's own come first."""
        self._path(name)
        found = self._found({name: text.encode()})
        return sorted(found, key=lambda problem: (self.name_of(problem.path) != name, problem))

    def _found(self, changed: dict[str, bytes]) -> list[Problem]:
        try:
            load_folder(self.root, changed=changed)
        except RuleError as error:
            return error.problems
        return []

    def name_of(self, path: str) -> str | None:
        """The file's name in the folder, for a path as rules and problems show it; None for any other."""
        return next((path.removeprefix(folder) for folder in self._shown if path.startswith(folder)), None)

    def place(self, place: Place | None) -> dict[str, Any] | None:
        """Where a rule or an example stands: its file in this folder, or None as the file, and its line."""
        return {"file": self.name_of(place.path), "line": place.line, "shown": str(place)} if place else None

    def problem_data(self, problem: Problem) -> dict[str, Any]:
        """Line and column count from 1, in code points; `file` is None where the problem lies in no file of the folder."""
        told = {name: getattr(problem, name) for name in ("line", "column", "width", "message", "hint")}
        return {"file": self.name_of(problem.path), **told}

    def save(self, name: str, text: str, *, base: str) -> RuleText:
        """Replaces the file at once or not at all.

        Raises Refusal where it has changed since `base`, is a link, can't be written, or would bring new problems.
        """
        path = self._path(name)
        if path.resolve() != self.root.resolve() / name:
            raise Refusal(409, f"'{name}' is a link; edit it where it comes from.", code="is_link")
        if self.read(name).digest != base:
            raise Refusal(409, f"'{name}' has changed on disk since you opened it; open it again.", code="changed_on_disk")
        self._refuse_new_problems(name, text)
        try:
            _replace(path, text.encode())
        except OSError as error:
            message = f"'{name}' can't be written: {(error.strerror or str(error)).lower()}. The old file stands."
            raise Refusal(409, message, code="unwritable") from None
        return self.read(name)

    def _refuse_new_problems(self, name: str, text: str) -> None:
        """What was wrong before may stay wrong, or one of two broken files could never be repaired."""
        after = self.problems(name, text)
        before = {(problem.path, problem.message) for problem in self._found({})} if after else set()
        fresh = [problem for problem in after if (problem.path, problem.message) not in before]
        if fresh:
            first = f"{fresh[0].path}:{fresh[0].line}: {fresh[0].message}"
            raise Refusal(409, f"Not saved, since these rules could not be loaded again: {first}.", code="has_problems")


def digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _replace(path: Path, raw: bytes) -> None:
    """Through a hidden file beside it, which the loader skips; mode kept, on disk before the name changes."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
        try:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
            os.fchmod(out.fileno(), stat.S_IMODE(path.stat().st_mode))
            Path(out.name).replace(path)
        except OSError:
            with suppress(OSError):
                Path(out.name).unlink()
            raise
