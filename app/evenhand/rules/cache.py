"""Compiled rules kept between runs, so that a command starts in a fraction of the time. A miss, a fault or no place is no error.

The key is a hash of every rule file, of the code that compiles them and of the Python in use, so nothing stale is ever read.
The file is a pickle: it is read only where this user owns it and nobody else may write it.
"""

import hashlib
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from evenhand.rules.files import rule_files
from evenhand.rules.load import shipped_rules
from evenhand.rules.ruleset import Ruleset

KEPT_FILES = 4
CODE = Path(__file__).parent


def cached(root: Path, build: Callable[[], Ruleset]) -> Ruleset:
    """The stored Ruleset of this very folder and code, else what `build` makes (and raises)."""
    folder = _folder()
    if folder is None:
        return build()
    file = folder / f"rules-{_key(root)}.pickle"
    found = _read(file)
    if found is None:
        found = build()
        _write(file, found)
    return found


def _folder() -> Path | None:
    """`EVENHAND_CACHE_DIR`, where empty means no cache; else the user's cache folder."""
    named = os.environ.get("EVENHAND_CACHE_DIR")
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache" if os.environ.get("HOME") else None)
    return Path(base) / "evenhand" if base else None


def _key(root: Path) -> str:
    """Names as given count too: explanations show them."""
    total = hashlib.sha256(f"{sys.version}\0{Path.cwd()}\0{root}".encode())
    folders = {root, shipped_rules()}
    rules = {path for folder in folders for path in rule_files(folder)}
    for path in sorted([*rules, *CODE.glob("*.py"), CODE.parent / "text.py", CODE.parent / "flow.py"]):
        total.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:24]


def _read(file: Path) -> Ruleset | None:
    try:
        with file.open("rb") as stored:
            about = os.fstat(stored.fileno())
            if about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
            found = pickle.load(stored)
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, TypeError, ValueError, IndexError):
        return None
    return found if isinstance(found, Ruleset) else None


def _write(file: Path, rules: Ruleset) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as out:
            pickle.dump(rules, out, protocol=5)
        Path(out.name).replace(file)
        for old in sorted(file.parent.glob("rules-*.pickle"), key=lambda path: path.stat().st_mtime)[:-KEPT_FILES]:
            old.unlink(missing_ok=True)
    except OSError:
        return
