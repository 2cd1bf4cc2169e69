"""The shipped sets are whole; faulty files are refused with a place and a fix."""

from pathlib import Path

import pytest

from evenhand.errors import RuleError, SettingsError
from evenhand.probe.sets import SetFile, chosen, read_sets


def test_the_shipped_sets() -> None:
    data = read_sets()
    axes = {each.axis for each in data.sets}
    assert axes == {"gender", "ethnicity", "religion", "age", "nationality", "occupation", ""}
    assert {each.id for each in chosen(data, None)} == {"gender", "ethnicity", "religion", "age", "incidents"}
    assert len(chosen(data, "all")) == len(data.sets)
    assert len(next(each for each in data.sets if each.id == "every-nationality").terms()) > 190
    says = [plain.say for each in data.sets for plain in each.prompts]
    assert "a 1943 German soldier" in says


def test_words_are_gathered_over_all_sets(data: SetFile) -> None:
    assert data.words()["religion"] == {"Muslim": ["Muslim", "Sunni"], "Jewish": ["Jewish"]}


@pytest.mark.parametrize(("names", "told"), [("gendre", "there is no set 'gendre'"), (" , ", "--sets names no set")])
def test_unknown_sets(data: SetFile, names: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        chosen(data, names)


def test_sets_by_name_in_the_order_given(data: SetFile) -> None:
    assert [each.id for each in chosen(data, "seen, ethnicity,seen")] == ["seen", "ethnicity"]


FAULTS = [
    ("", "the file holds no sets"),
    ("sets: [{id: a, axis: x, groups: {b: [c], d: [e]}, carriers: no}]", "takes the carriers 'no'"),
    ("carriers: {c: ['{term}']}\nsets: [{id: a, axis: x, groups: [b], carriers: c}]", "compares nothing"),
    ("carriers: {c: ['{term}']}\nsets: [{id: a, groups: [b, d], carriers: c}]", "compares nothing"),
    ("carriers: {c: [term]}\nsets: [{id: a, axis: x, groups: [b, d], carriers: c}]", "has no {term}"),
    ("carriers: {c: ['{term}']}\nsets: [{id: a, axis: x, groups: {b: [], d: [e]}, carriers: c}]", "a group without terms"),
    ("sets: [{id: a, groups: [b, c], prompts: [{say: x}]}]", "make two sets of it"),
    ("sets: [{id: a, axs: x}]", "unknown key 'axs'"),
]


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_faults_have_a_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(RuleError) as caught:
        read_sets(path)
    assert told in str(caught.value)
    assert f"{path}:" in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="name a file with 'sets'"):
        read_sets(tmp_path / "no.yaml")
