import asyncio
import shutil
from pathlib import Path

import pytest

from evenhand.proxy.console.preview_aside import Job, preview_aside, previewed
from evenhand.proxy.refusal import Refusal

ROLES = "en/roles.yaml"


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small_folder, tmp_path / "rules")


def job_of(folder: Path, old: str = "", new: str = "", *, recent: list[str] | None = None) -> Job:
    return Job(folder=str(folder), name=ROLES, text=(folder / ROLES).read_text().replace(old, new), recent=recent)


async def test_another_process_finds_the_same(folder: Path) -> None:
    job = job_of(folder, "engineers}", "engineers}, {one: twin, many: twins}", recent=["twins", "👩🏾‍🚒 and a doctor"])
    found = await preview_aside(job)
    assert found["changed"] == previewed(job)["changed"] >= 1
    assert found["asked"]["recent"] == 2
    group = next(group for group in found["groups"] if group["rule"] == "roles/workers")
    assert group["place"] == {"file": ROLES, "line": 3, "shown": f"{folder}/{ROLES}:3"}
    assert found["revision"]["before"] != found["revision"]["after"]


def test_broken_text_is_told_by_its_problems(folder: Path) -> None:
    found = previewed(job_of(folder, "kind: roles", "kind: roels"))
    assert [(problem["file"], problem["line"]) for problem in found["problems"]] == [(ROLES, 1)]


def test_a_repair_of_broken_rules_has_nothing_to_be_compared_with(folder: Path) -> None:
    job = job_of(folder)
    (folder / ROLES).write_text("kind: roels")
    found = previewed(job)
    assert (found["compared"], found["changed"], found["problems"]) == (False, 0, [])


async def test_a_process_without_an_answer_is_a_refusal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refusal, match="ended early"):
        await preview_aside(job_of(folder, recent=["a secret", 7]))  # type: ignore[list-item]
    assert "secret" not in capfd.readouterr().err


async def test_time_is_bounded_and_cancelling_ends_the_process(folder: Path) -> None:
    with pytest.raises(Refusal, match="took longer than"):
        await preview_aside(job_of(folder), timeout_s=0.01)
    task = asyncio.create_task(preview_aside(job_of(folder)))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
