"""The compiled rules are frozen and say where each rule stands."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from evenhand.rules import Ruleset, load_rules, shipped_rules
from evenhand.rules.ruleset import Entry, Place


def test_places_read_as_path_and_line_and_sort_by_file() -> None:
    assert str(Place("rules/en/roles.yaml", 12, 5)) == "rules/en/roles.yaml:12"
    assert sorted([Place("b", 1), Place("a", 10), Place("a", 2)]) == [Place("a", 2), Place("a", 10), Place("b", 1)]


def test_an_entry_closes_nothing_unless_told() -> None:
    entry = Entry(rule="roles/x", kind="roles", flags=frozenset({"group"}))
    assert (entry.axes, entry.states, entry.scope, entry.number, entry.during) == (frozenset(), {}, "subject", None, None)
    assert (entry.has("group"), entry.has("kin")) == (True, False)


@pytest.mark.parametrize("name", ["revision", "policy", "phrases", "why"])
def test_nothing_can_be_changed(shipped: Ruleset, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(shipped, name, None)


def test_every_rule_has_its_place_and_its_reason(shipped: Ruleset) -> None:
    told = {name for name in shipped.places if name.split("/")[0] not in ("wording", "upstreams", "policy")}
    assert told <= set(shipped.why)
    assert all(shipped.why.values())
    assert all(Path(place.path).suffix == ".yaml" and place.line > 1 for place in shipped.places.values())


def test_the_same_bytes_give_the_same_revision_wherever_they_lie(tmp_path: Path) -> None:
    one, other = (
        shutil.copytree(source, tmp_path / name) for source, name in ((shipped_rules(), "one"), (tmp_path / "one", "other"))
    )
    assert load_rules(one).revision == load_rules(other).revision
