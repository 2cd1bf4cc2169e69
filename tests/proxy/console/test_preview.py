from pathlib import Path

import pytest

from evenhand.engine import Engine
from evenhand.proxy.console.preview import NO_RULE, Change, Question, change_data, compare, failures, grouped, questions_of
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRules, load_folder

PERIODS = """\
kind: periods
rules:
  - id: vikings
    match: [viking, vikings]
    why: Who they were is history.
    examples:
      - {say: an engineer beside a viking, leave: all}
"""


@pytest.fixture
def old(small_folder: Path) -> LoadedRules:
    return load_folder(small_folder)


def changes_of(old: LoadedRules, new: LoadedRules, *texts: str) -> list[Change]:
    questions = [Question(text=text) for text in texts]
    return list(compare(questions, Engine(compile_rules(old)), Engine(compile_rules(new))))


def test_each_text_is_asked_once_and_examples_know_their_place(old: LoadedRules) -> None:
    questions = questions_of([old, old], ["a doctor", "a nurse", "a nurse"])
    assert [question.text for question in questions].count("a doctor") == 1
    assert [question.place is None for question in questions if question.text in ("a doctor", "a nurse")] == [False, True]


def test_a_new_rule_closes_axes(small_folder: Path, old: LoadedRules) -> None:
    new = load_folder(small_folder, changed={"en/periods.yaml": PERIODS.encode()})
    changes = changes_of(old, new, "a doctor", "an engineer beside a viking")
    assert [change.question.text for change in changes] == ["an engineer beside a viking"]
    assert changes[0].rules == ("periods/vikings",)
    told = change_data(changes[0], lambda place: place)
    assert told["axes"] == [
        {"head": "engineer", "axis": "ethnicity", "before": "open", "after": "period"},
        {"head": "engineer", "axis": "gender", "before": "open", "after": "period"},
    ]
    assert told["before"].endswith("engineer beside a viking")
    assert told["after"] is None


def test_a_person_lost_is_laid_to_the_rule_that_held_the_noun(small_folder: Path, old: LoadedRules) -> None:
    roles = (small_folder / "en/roles.yaml").read_bytes()
    more = load_folder(
        small_folder, changed={"en/roles.yaml": roles.replace(b"engineers}", b"engineers}, {one: twin, many: twins}")}
    )
    changes = changes_of(more, old, "twins")
    assert changes[0].rules == ("roles/workers",)
    assert {axis.after for axis in changes[0].axes} == {"nobody"}


def test_other_words_alone_are_laid_to_policy_or_wording(small_folder: Path, old: LoadedRules) -> None:
    policy = (small_folder / "policy.yaml").read_text().replace("woman: 50, man: 50", "woman: 100, man: 0")
    new = load_folder(small_folder, changed={"policy.yaml": policy.encode()})
    changes = changes_of(old, new, *(f"a doctor {number}" for number in range(8)), "a doctor", "a nurse")
    assert all(change.rules == (NO_RULE,) and not change.axes for change in changes)


def test_groups_are_by_rule_the_largest_first(small_folder: Path, old: LoadedRules) -> None:
    new = load_folder(
        small_folder,
        changed={
            "en/periods.yaml": PERIODS.encode(),
            "en/roles.yaml": b"""\
kind: roles
rules:
  - id: workers
    match: [{one: doctor, many: doctors}, {one: engineer, many: engineers}, {one: twin, many: twins}]
    why: Anybody may do this work.
    examples: [{say: a doctor, vary: [gender, ethnicity]}]
""",
        },
    )
    changes = changes_of(old, new, "twins", "an engineer beside a viking", "two engineers and vikings")
    groups = grouped(changes, compile_rules(new).places, str)
    assert [(group["rule"], group["count"]) for group in groups] == [("periods/vikings", 2), ("roles/workers", 1)]
    assert groups[0]["place"].endswith("en/periods.yaml:3")


def test_examples_that_would_fail_are_told(small_folder: Path, old: LoadedRules) -> None:
    wrong = PERIODS.replace("leave: all", "vary: [gender]")
    new = load_folder(small_folder, changed={"en/periods.yaml": wrong.encode()})
    old_engine, new_engine = Engine(compile_rules(old)), Engine(compile_rules(new))
    failed = failures(new, old_engine, new_engine)
    assert [failure.is_new for failure in failed] == sorted((failure.is_new for failure in failed), reverse=True)
    mine = [failure for failure in failed if failure.case.topic == "periods/vikings"]
    assert [(failure.case.example.say, failure.faults[0][:19]) for failure in mine] == [
        ("an engineer beside a viking", "wanted vary gender,")
    ]


def test_where_only_the_rules_differ_they_are_named(small_folder: Path) -> None:
    two = [
        load_folder(small_folder, changed={"en/periods.yaml": PERIODS.replace("vikings\n", f"{name}\n").encode()})
        for name in ("a", "b")
    ]
    (change,) = changes_of(*two, "an engineer beside a viking")
    assert {(axis.before, axis.after) for axis in change.axes} == {("period by periods/a", "period by periods/b")}
