"""Dialect files -> checked `Dialect`s: the shipped ones beside this file and an operator's own folder.

Raises RuleError with every problem of all files, each with its place.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from evenhand import source
from evenhand.checking import check
from evenhand.dialects.spec import Dialect
from evenhand.errors import Problem, RuleError


def load_dialects(folder: Path | None = None) -> tuple[Dialect, ...]:
    """An own dialect replaces a shipped one of the same name."""
    shipped = _read(resources.files("evenhand.dialects").iterdir())
    own = _read(_listed(folder)) if folder else []
    named = {dialect.id: dialect for dialect in [*shipped, *own]}
    _check_unique(named.values(), str(folder or "dialects"))
    return tuple(named[name] for name in sorted(named))


def dialect_of(raw: bytes, path: str) -> Dialect:
    """Raises RuleError with every problem of the file."""
    documents, problems = source.read(raw, path)
    found: list[Dialect] = []
    for document in documents:
        dialect, faults = check(document, Dialect, document.root)
        problems += faults
        found += [dialect] if dialect else []
    if problems or len(found) != 1:
        raise RuleError(problems or [Problem(path, 1, 1, "a dialect file holds exactly one document")])
    return found[0]


def _listed(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        raise RuleError([Problem(str(folder), 1, 1, f"there is no folder '{folder}' of dialects")])
    return list(folder.iterdir())


def _read(files: Iterable[Path | Traversable]) -> list[Dialect]:
    problems: list[Problem] = []
    found: list[Dialect] = []
    for file in sorted((file for file in files if file.name.endswith(".yaml")), key=lambda file: file.name):
        path = str(file) if isinstance(file, Path) else file.name
        try:
            found.append(dialect_of(file.read_bytes(), path))
        except RuleError as error:
            problems += error.problems
    if problems:
        raise RuleError(problems)
    return found


def _check_unique(dialects: Iterable[Dialect], path: str) -> None:
    counts = Counter(_ids(dialects))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise RuleError([Problem(path, 1, 1, f"the operation '{name}' stands in two dialects") for name in twice])


def _ids(dialects: Iterable[Dialect]) -> Iterator[str]:
    return (operation.id for dialect in dialects for operation in dialect.operations)
