"""Two folders of rules that differ in one thing: each changed prompt stands under the rule that changed it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evenhand.asked import Asked
from evenhand.comparing import NO_RULE, Comparison, compare
from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import load_folder

Ask = Callable[..., Comparison]
POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
TERMS = """\
kind: terms
rules:
  - id: elder
    match: [elderly]
    closes: [gender]
    why: For the test.
    examples: [{say: an elderly doctor, leave: all}]
"""
PHRASES = """\
kind: collocations
rules:
  - id: doctor-fish
    match: [doctor fish]
    why: A fish.
    examples: [{say: a doctor fish, leave: all}]
"""
NURSE = """\
kind: roles
rules:
  - id: carers
    match: [{one: zorgler, many: zorglers}]
    why: Anybody may do this work.
    examples: [{say: a zorgler, vary: [gender]}]
"""


@pytest.fixture(scope="module")
def compared(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """compared(old files, new files, texts): both folders are the small one with these files beside."""

    def run(old: dict[str, str], new: dict[str, str], *texts: str, show: int = 3) -> Comparison:
        engines = [Engine(compile_rules(load_folder(folder_with(files)))) for files in (old, new)]
        found = Comparison(old=engines[0].rules, new=engines[1].rules)
        found.add(compare((Asked(prompt=Prompt(text=text, seed=5)) for text in texts), *engines, show=show), show=show)
        return found

    def folder_with(files: dict[str, str]) -> Path:
        folder = tmp_path_factory.mktemp("rules")
        for path in small_folder.rglob("*"):
            if path.is_file():
                place = folder / path.relative_to(small_folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(path.read_bytes())
        for name, text in {"policy.yaml": POLICY, **files}.items():
            (folder / name).write_text(text)
        return folder

    return run


def told(found: Comparison) -> dict[str, Any]:
    return {group.rule: (group.prompts, dict(group.kinds)) for group in found.groups}


def test_the_same_rules_change_nothing(compared: Ask) -> None:
    found = compared({}, {}, "a doctor", "an elderly doctor", "a lake")
    assert (found.prompts, found.changed, found.groups) == (3, 0, [])


def test_a_rule_that_comes_closes_and_one_that_goes_opens(compared: Ask) -> None:
    texts = ("an elderly doctor", "a doctor", "an elderly nurse")
    found = compared({}, {"en/more.yaml": TERMS}, *texts)
    assert told(found) == {"terms/elder": (2, {"closed": 2})}
    change = found.groups[0].examples[0].changes[0]
    assert (change.head, change.axis, change.before, change.after) == ("doctor", "gender", "open", "closed by terms/elder")
    assert found.standing("terms/elder").endswith("more.yaml:3), only in NEW")
    back = compared({"en/more.yaml": TERMS}, {}, *texts)
    assert told(back) == {"terms/elder": (2, {"opened": 2})}
    assert back.standing("terms/elder").endswith("only in OLD")


def test_a_person_that_is_none_any_more_is_told_with_the_rule_that_says_so(compared: Ask) -> None:
    found = compared({}, {"en/more.yaml": PHRASES}, "a doctor fish in a tank")
    assert told(found) == {"collocations/doctor-fish": (1, {"vanished": 1})}
    assert (found.groups[0].examples[0].before, found.groups[0].examples[0].after) != ("", "")


def test_a_new_noun_brings_a_person(compared: Ask) -> None:
    found = compared({}, {"en/more.yaml": NURSE}, "a zorgler at a table of wood")
    assert told(found) == {"roles/carers": (1, {"appeared": 1})}


def test_other_shares_are_told_as_the_policys(compared: Ask) -> None:
    women, men = (POLICY.replace("woman: 50, man: 50", shares) for shares in ("woman: 100, man: 0", "woman: 0, man: 100"))
    found = compared({"policy.yaml": men}, {"policy.yaml": women}, "a doctor", "a lake")
    assert told(found) == {NO_RULE: (1, {"drawn": 1})}
    assert found.standing(NO_RULE) == NO_RULE
    (changed,) = found.groups[0].examples
    assert (changed.before, changed.after) == ("a male doctor", "a female doctor")


def test_another_reason_for_the_same_decision_is_no_change(compared: Ask) -> None:
    found = compared({"en/a.yaml": TERMS}, {"en/a.yaml": TERMS.replace("elder\n", "older\n")}, "an elderly doctor")
    assert (found.changed, found.reasoned) == (0, 1)


def test_examples_are_few_and_counts_are_whole(compared: Ask) -> None:
    found = compared({}, {"en/more.yaml": TERMS}, *["an elderly doctor"] * 9, show=2)
    (group,) = found.groups
    assert (group.prompts, len(group.examples)) == (9, 2)


def test_parts_add_up(compared: Ask) -> None:
    one, other = (compared({}, {"en/more.yaml": TERMS}, f"an elderly {head}", "a lake") for head in ("doctor", "nurse"))
    one.add(other, show=1)
    (group,) = one.groups
    assert (one.prompts, one.changed, group.prompts, dict(group.kinds)) == (4, 2, 2, {"closed": 2})
    assert [changed.asked.prompt.text for changed in group.examples] == ["an elderly doctor"]
