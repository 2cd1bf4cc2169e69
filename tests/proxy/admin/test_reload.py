"""New rules are swapped whole or not at all; what can't be used leaves the last good ones in service, and says why."""

import asyncio
import gc
import re
import shutil
import weakref
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.flow import Prompt
from evenhand.proxy.admin.aside import tried
from evenhand.proxy.admin.recent import Recent
from evenhand.proxy.admin.reload import NOTICED, Reloader
from evenhand.proxy.admin.watching import fingerprint
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder
from evenhand.settings import load_settings

POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
WORDING = """\
kind: wording
rules:
  - {id: woman, axis: gender, value: woman, adjective: female, one: woman, many: women}
  - {id: man, axis: gender, value: man, adjective: male, one: man, many: men}
"""
ROLES = """\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}]
    why: Anybody may do this work.
    examples: [{say: a doctor, vary: [gender]}]
"""
UPSTREAM = "kind: upstreams\nrules:\n  - {id: self, path: /, origin: 'http://127.0.0.1:8081'}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "rules"
    (found / "en").mkdir(parents=True)
    (found / "policy.yaml").write_text(POLICY)
    (found / "en/wording.yaml").write_text(WORDING)
    (found / "en/roles.yaml").write_text(ROLES)
    return found


async def in_thread(folder: Path) -> Ruleset:
    return await asyncio.to_thread(tried, folder)


class Running:
    def __init__(self, folder: Path, build: Callable[[Path], Awaitable[Ruleset]] = in_thread, **more: Any) -> None:
        settings, dialects = load_settings(), load_dialects()
        seen = fingerprint(folder)
        self.live = Live(settings=settings, serving=serving_of(compile_rules(load_folder(folder)), dialects, settings))
        self.meters = Meters()
        self.reloader = Reloader(self.live, self.meters, dialects, folder, seen=seen, build=build, **more)

    def count(self, result: str) -> float | None:
        return self.meters.registry.get_sample_value("evenhand_rules_reloads_total", {"result": result})

    def rewrite(self) -> str:
        return self.live.serving.engine.decide(Prompt(text="a doctor", seed=1)).texts[0]


@asynccontextmanager
async def running(folder: Path, **more: Any) -> Any:
    found = Running(folder, **more)
    working = asyncio.create_task(found.reloader.run())
    try:
        yield found
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def test_new_rules_are_put_into_service(folder: Path) -> None:
    async with running(folder) as it:
        before = it.live.serving
        edit(folder / "en/wording.yaml", "male,", "masculine,")
        outcome = await it.reloader.ask("request")
        assert (outcome.ok, outcome.result, outcome.cause) == (True, "swapped", "request")
        assert it.live.serving is not before
        assert outcome.revision == it.live.serving.revision != before.revision
        assert it.live.last_reload is outcome
        assert it.count("swapped") == 1
        info = {"revision": it.live.serving.revision}
        assert it.meters.registry.get_sample_value("evenhand_rules_info", info) == 1
        assert it.meters.registry.get_sample_value("evenhand_rules_info", {"revision": before.revision}) is None


async def test_the_same_bytes_are_not_compiled_again(folder: Path) -> None:
    async def never(folder: Path) -> Ruleset:
        raise AssertionError(folder)

    async with running(folder, build=never) as it:
        (folder / "policy.yaml").touch()
        assert (await it.reloader.ask("SIGHUP")).result == "unchanged"
        assert it.count("unchanged") == 1


def break_yaml(folder: Path) -> None:
    edit(folder / "en/roles.yaml", "why:", "why")


def fail_example(folder: Path) -> None:
    edit(folder / "en/roles.yaml", "vary: [gender]", "leave: all")


def drop_policy(folder: Path) -> None:
    (folder / "policy.yaml").unlink()


def drop_all(folder: Path) -> None:
    shutil.rmtree(folder)


def truncate(folder: Path) -> None:
    (folder / "en/wording.yaml").write_text("")


def point_at_ourselves(folder: Path) -> None:
    (folder / "upstreams.yaml").write_text(UPSTREAM)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (break_yaml, r"en/roles\.yaml:6:5: can't be read as YAML"),
        (fail_example, r"(?s)1 of 1 examples of the rules fail.*en/roles\.yaml:6: 'a doctor': wanted nothing varied"),
        (drop_policy, "there is no policy"),
        (drop_all, "there is no folder"),
        (truncate, r"en/wording\.yaml:1:1: the file holds no rules"),
        (point_at_ourselves, "is our own admin port"),
    ],
)
async def test_what_cannot_be_used_leaves_the_last_good_rules(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "good")
    async with running(folder) as it:
        before = it.live.serving
        spoil(folder)
        outcome = await it.reloader.ask("request")
        assert it.live.serving is before
        assert (outcome.ok, outcome.result, outcome.revision) == (False, "refused", before.revision)
        assert re.search(said, outcome.error)
        assert it.meters.registry.get_sample_value("evenhand_rules_last_reload_success") == 0
        assert "rules_reload" in "".join(capsys.readouterr())
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "good", folder)
        assert (await it.reloader.ask("request")).ok
        assert it.meters.registry.get_sample_value("evenhand_rules_last_reload_success") == 1


async def test_a_fault_of_ours_keeps_the_old_rules_too(folder: Path) -> None:
    async def broken(folder: Path) -> Ruleset:
        raise ZeroDivisionError(folder)

    async with running(folder, build=broken) as it:
        edit(folder / "policy.yaml", "50, man: 50", "60, man: 40")
        outcome = await it.reloader.ask("request")
        assert "ZeroDivisionError at test_reload.py" in outcome.error
        assert it.count("refused") == 1


async def test_one_attempt_at_a_time_and_another_for_what_changed_meanwhile(folder: Path) -> None:
    under_way, entered, may_end = 0, asyncio.Event(), asyncio.Event()
    builds: list[str] = []

    async def slow(folder: Path) -> Ruleset:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        rules = await in_thread(folder)
        builds.append(rules.revision)
        entered.set()
        await may_end.wait()
        under_way -= 1
        return rules

    async with running(folder, build=slow) as it:
        edit(folder / "policy.yaml", "50, man: 50", "60, man: 40")
        first = it.reloader.ask("request")
        await entered.wait()
        edit(folder / "policy.yaml", "60, man: 40", "70, man: 30")
        later = [it.reloader.ask("request") for _ in range(3)]
        may_end.set()
        await asyncio.gather(first, *later)
        assert len(builds) == 2
        assert it.live.serving.revision == builds[-1] == compile_rules(load_folder(folder)).revision


async def test_files_that_change_while_they_are_read_are_read_again(folder: Path) -> None:
    """What was read may be the new bytes; going back to the old ones must still be seen as a change."""
    original = (folder / "policy.yaml").read_text()

    async def overtaken(folder: Path) -> Ruleset:
        if not done:
            done.append(1)
            edit(folder / "policy.yaml", "50, man: 50", "60, man: 40")
        return await in_thread(folder)

    done: list[int] = []
    async with running(folder, build=overtaken) as it:
        (folder / "policy.yaml").write_text(original + "# one\n")
        await it.reloader.ask("request")
        (folder / "policy.yaml").write_text(original + "# one\n")
        await it.reloader.ask("request")
        assert it.live.serving.revision == compile_rules(load_folder(folder)).revision


async def test_a_change_of_the_folder_is_noticed(folder: Path) -> None:
    async with running(folder) as it:
        await it.reloader.ask("request")
        edit(folder / "en/wording.yaml", "female", "womanly")
        for _ in range(1_000):
            if it.live.last_reload.cause == NOTICED:
                break
            await asyncio.sleep(0.02)
        assert (it.live.last_reload.cause, it.live.last_reload.result) == (NOTICED, "swapped")


async def test_old_rules_are_freed_even_where_their_decisions_are_kept(folder: Path) -> None:
    recent = Recent()
    async with running(folder) as it:
        for turn in range(3):
            serving = it.live.serving
            decision = serving.engine.decide(Prompt(text="a doctor", id=f"d-{turn}"))
            recent.note(Entry(decision=decision, rules=serving.rules, at=0, route="rewrite"))
            gone = weakref.ref(serving.engine), weakref.ref(serving.rules.phrases)
            del serving, decision
            edit(folder / "policy.yaml", "kind:", "# more\nkind:")
            assert (await it.reloader.ask("request")).ok
            assert [each() for each in gone] == [None, None]
        assert len({entry.decision.revision for entry in recent.entries()}) == 3


async def test_old_rules_are_freed_after_a_request_that_ends_in_a_circle(folder: Path) -> None:
    """As one does whose client left: its exception holds its frame, which holds the exception."""
    async with running(folder) as it:
        under_way: list[Any] = [it.live.serving]
        under_way.append(under_way)
        gone = weakref.ref(it.live.serving.engine), weakref.ref(it.live.serving.rules.phrases)
        edit(folder / "policy.yaml", "kind:", "# more\nkind:")
        assert (await it.reloader.ask("request")).ok
        assert None not in [each() for each in gone]
        del under_way
        gc.collect()
        assert [each() for each in gone] == [None, None]


async def test_old_rules_in_a_circle_are_freed_although_nothing_happens(folder: Path) -> None:
    async with running(folder, tidy_s=0.01) as it:
        under_way: list[Any] = [it.live.serving]
        under_way.append(under_way)
        gone = weakref.ref(it.live.serving.engine)
        edit(folder / "policy.yaml", "kind:", "# more\nkind:")
        assert (await it.reloader.ask("request")).ok
        del under_way
        for _ in range(1_000):
            if gone() is None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the old engine is still there")


async def test_who_waits_when_the_sidecar_stops_is_told(folder: Path) -> None:
    entered = asyncio.Event()

    async def endless(folder: Path) -> Ruleset:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError(folder)

    async with running(folder, build=endless) as it:
        edit(folder / "policy.yaml", "50, man: 50", "60, man: 40")
        first = it.reloader.ask("request")
        await entered.wait()
        second = it.reloader.ask("request")
    assert [(await each).error for each in (first, second)] == ["The sidecar is stopping."] * 2
