"""Which files of a folder are rules: the one walk that loading, the cache's key and watching share. Reads no file."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".csv")


def rule_files(root: Path, *, onerror: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Sorted within each folder. Hidden names are left out, since editors and mounts keep theirs there.

    Links to folders are followed, as a mounted ConfigMap is made of such; one that leads back up ends.
    """
    seen: set[str] = set()
    for here, folders, names in os.walk(root, onerror=onerror, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(names) if name.endswith(SUFFIXES) and not name.startswith("."))
