"""The shipped word table: what it knows, how it falls back, and that it survives being written."""

from pathlib import Path

import pytest

from evenhand.model.lexicon import SENSES, UNKNOWN, Entry, Lexicon, shipped


@pytest.mark.parametrize(
    ("word", "sense", "flags"),
    [
        ("nurse", "person", ["person"]),
        ("fox", "animal", ["animal", "last_name"]),
        ("priya", "none", ["first_name"]),
        ("paris", "location", ["place"]),
        ("hammer", "artifact", ["artifact", "verb"]),
    ],
)
def test_knows(word: str, sense: str, flags: list[str]) -> None:
    entry = shipped().look_up(word)
    assert SENSES[entry.sense] == sense
    assert all(entry.has(flag) for flag in flags)


@pytest.mark.parametrize(("word", "same_as"), [("glaciologists", "glaciologist"), ("nur'se", "nurse"), ("zzqxy", None)])
def test_falls_back(word: str, same_as: str | None) -> None:
    lexicon = shipped()
    assert lexicon.look_up(word) == (lexicon.look_up(same_as) if same_as else UNKNOWN)


def test_capital_habit() -> None:
    assert shipped().look_up("priya").capital > 4 > shipped().look_up("table").capital


def test_written_and_read_again(tmp_path: Path) -> None:
    entries = {"nurse": Entry(1, 2, 3, 4, 5, 6, 7), "caf\u00e9": Entry()}
    Lexicon(entries).save(tmp_path / "lexicon.npz")
    assert Lexicon.load(tmp_path / "lexicon.npz").entries == entries
