"""Compiled rules kept on disk: the same decisions, never stale, never trusted when others could have written them."""

import shutil
from pathlib import Path

import pytest

from evenhand.engine import Engine
from evenhand.engine.tagger import NoTagger
from evenhand.flow import Prompt
from evenhand.rules import Ruleset, load_rules
from evenhand.rules.cache import KEPT_FILES

ROOT = Path(__file__).parents[2]
ROLE = (
    "kind: roles\nrules:\n  - id: {0}s\n    match: [{0}]\n    why: A job.\n    examples:\n      - say: a {0}\n        vary: []\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    (rules / "en").mkdir(parents=True)
    shutil.copy(ROOT / "rules/policy.yaml", rules)
    shutil.copy(ROOT / "rules/en/wording.yaml", rules / "en")
    (rules / "en/roles.yaml").write_text(ROLE.format("tinsmith"))
    return rules


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rewrites(rules: Ruleset, text: str) -> tuple[str, ...]:
    return Engine(rules, tagger=NoTagger()).decide(Prompt(text=text, seed=4, images=3)).texts


def test_stored_rules_decide_the_same(folder: Path, store: Path) -> None:
    built, stored = load_rules(folder), load_rules(folder)
    assert len(list(store.iterdir())) == 1
    assert stored is not built
    assert stored.revision == built.revision
    assert stored.places == built.places
    assert rewrites(stored, "a tinsmith") == rewrites(built, "a tinsmith") != ()


def test_any_change_is_seen(folder: Path, store: Path) -> None:
    assert rewrites(load_rules(folder), "a cooper") == ()
    (folder / "en/more.yaml").write_text(ROLE.format("cooper"))
    assert rewrites(load_rules(folder), "a cooper") != ()
    (folder / "en/more.yaml").unlink()
    assert rewrites(load_rules(folder), "a cooper") == ()


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05K\x01."])
def test_a_broken_file_is_built_anew(folder: Path, store: Path, content: bytes) -> None:
    load_rules(folder)
    (file,) = store.iterdir()
    file.write_bytes(content)
    assert rewrites(load_rules(folder), "a tinsmith") != ()
    assert len(file.read_bytes()) > 100


def test_a_file_others_may_write_is_not_read(folder: Path, store: Path) -> None:
    load_rules(folder)
    (file,) = store.iterdir()
    file.chmod(0o666)
    load_rules(folder)
    assert file.stat().st_mode & 0o022 == 0, "it was replaced by one of our own"


def test_no_folder_means_no_cache(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_CACHE_DIR", "")
    load_rules(folder)
    assert not store.exists()


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EVENHAND_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert rewrites(load_rules(folder), "a tinsmith") != ()


def test_old_files_go(folder: Path, store: Path) -> None:
    for number in range(KEPT_FILES + 3):
        (folder / "en/roles.yaml").write_text(ROLE.format(f"smith{number}"))
        load_rules(folder)
    assert len(list(store.iterdir())) == KEPT_FILES
