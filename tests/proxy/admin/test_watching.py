import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from evenhand.proxy.admin.watching import compare, fingerprint, watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As Kubernetes mounts a ConfigMap with folders in it: everything is a link into `..data`."""
    found = tmp_path / "rules"
    (found / "..one/en").mkdir(parents=True)
    (found / "..one/policy.yaml").write_text("kind: policy")
    (found / "..one/en/roles.yaml").write_text("kind: roles")
    (found / "..data").symlink_to("..one")
    (found / "policy.yaml").symlink_to("..data/policy.yaml")
    (found / "en").symlink_to("..data/en")
    return found


def swap(folder: Path) -> None:
    (folder / "..two/en").mkdir(parents=True)
    (folder / "..two/policy.yaml").write_text("kind: policy")
    (folder / "..two/en/roles.yaml").write_text("kind: roles  # new")
    (folder / "..data_tmp").symlink_to("..two")
    (folder / "..data_tmp").rename(folder / "..data")


def rewrite(folder: Path) -> None:
    (folder / "policy.yaml").write_text("kind: Policy")


def add(folder: Path) -> None:
    (folder / "more.csv").write_text("match")


def drop(folder: Path) -> None:
    (folder / "policy.yaml").unlink()


@pytest.mark.parametrize("change", [swap, rewrite, add, drop])
def test_every_change_changes_the_fingerprint(folder: Path, change: Callable[[Path], None]) -> None:
    before = fingerprint(folder)
    assert fingerprint(folder) == before
    change(folder)
    assert fingerprint(folder) != before


def test_what_is_no_rule_file_changes_nothing(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / ".policy.yaml.swp").write_text("x")
    (folder / "notes.txt").write_text("x")
    (folder / "round").symlink_to(".")
    assert fingerprint(folder) == before


def test_a_folder_that_is_away_has_one_too(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "gone") == fingerprint(tmp_path / "gone")


@asynccontextmanager
async def told(folder: Path) -> AsyncIterator[asyncio.Event]:
    found = asyncio.Event()
    watching = asyncio.create_task(watch(folder, found.set))
    try:
        yield found
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


@pytest.mark.parametrize("change", [swap, rewrite, add, drop])
async def test_a_change_is_told(folder: Path, change: Callable[[Path], None]) -> None:
    async with told(folder) as found, asyncio.timeout(20):
        await found.wait()
        await asyncio.sleep(0.3)
        found.clear()
        change(folder)
        await found.wait()


async def test_comparing_finds_what_nobody_told(folder: Path) -> None:
    found, seen = asyncio.Event(), fingerprint(folder)
    comparing = asyncio.create_task(compare(folder, lambda: seen, found.set, every_s=0.01))
    await asyncio.sleep(0.1)
    assert not found.is_set()
    swap(folder)
    async with asyncio.timeout(20):
        await found.wait()
    comparing.cancel()
