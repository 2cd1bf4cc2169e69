"""Notices when a folder of rules changes: editors, copies, ConfigMap swaps, a folder taken away and put back.

The folder itself is watched, since a mounted ConfigMap replaces a link beside the files and no file is ever written. What
the kernel does not tell (network file systems, a folder that was away) a comparison of all bytes finds.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from watchfiles import awatch

from evenhand.rules.files import rule_files

QUIET_MS, BURST_MS, LOOK_AGAIN_S = 100, 500, 5.0


def fingerprint(folder: Path) -> str:
    """Changes with any byte or name of a rule file, whether behind a link or not. A folder that is away has one, too."""
    total = hashlib.sha256()
    for path in rule_files(folder):
        total.update(f"{path.relative_to(folder)}\0".encode())
        with suppress(OSError):
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


async def watch(folder: Path, changed: Callable[[], None]) -> None:
    """Calls `changed` at the start and after each burst of changes, until cancelled. Follows a folder put in its place."""
    while True:
        with suppress(OSError, RuntimeError):  # the folder is away, or the kernel has no watch left: comparing goes on
            identity = _identity(folder)
            changed()
            await _watch_one(folder, identity, changed)
        await asyncio.sleep(LOOK_AGAIN_S)


async def _watch_one(folder: Path, identity: tuple[int, int], changed: Callable[[], None]) -> None:
    """Returns when another folder stands in its place; raises OSError where none does."""
    looked_ms = int(LOOK_AGAIN_S * 1000)
    watching = awatch(folder, watch_filter=None, step=QUIET_MS, debounce=BURST_MS, rust_timeout=looked_ms, yield_on_timeout=True)
    async for changes in watching:
        if changes:
            changed()
        if _identity(folder) != identity:
            return


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


async def compare(folder: Path, seen: Callable[[], str], changed: Callable[[], None], *, every_s: float) -> None:
    """Calls `changed` where the folder's bytes are not those that were read last, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        if await asyncio.to_thread(fingerprint, folder) != seen():
            changed()
