"""Shipped and own dialect files: all are readable, ids are unique, an own one replaces a shipped one."""

from pathlib import Path

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.errors import RuleError

OWN = "dialect: {name}\ntitle: Own\noperations: [{{id: {id}, path: /own/draw, prompts: [/prompt]}}]\n"


def test_the_shipped_ones_are_sorted_and_unique() -> None:
    names = [dialect.id for dialect in load_dialects()]
    assert names == sorted(set(names))
    assert "openai" in names


def test_an_own_dialect_is_added_or_replaces(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN.format(name="mine", id="mine.draw"))
    (tmp_path / "openai.yaml").write_text(OWN.format(name="openai", id="openai.mine"))
    found = {dialect.id: dialect for dialect in load_dialects(tmp_path)}
    assert [operation.id for operation in found["mine"].operations] == ["mine.draw"]
    assert [operation.id for operation in found["openai"].operations] == ["openai.mine"]


def test_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("dialect: a\ntitel: x\n")
    (tmp_path / "b.yaml").write_text("- 1\n")
    with pytest.raises(RuleError) as caught:
        load_dialects(tmp_path)
    told = str(caught.value)
    assert "did you mean 'title'?" in told
    assert "b.yaml:1" in told


def test_one_operation_stands_in_one_dialect(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OWN.format(name="mine", id="openai.images.generations"))
    with pytest.raises(RuleError, match="stands in two dialects"):
        load_dialects(tmp_path)


def test_a_missing_folder_is_told() -> None:
    with pytest.raises(RuleError, match="no folder '/nowhere' of dialects"):
        load_dialects(Path("/nowhere"))
