"""What pydantic finds wrong is told once, in a sentence, where it stands."""

import pytest

from evenhand.checking import check, fields_at, meant
from evenhand.rules.schema import PeriodRule, PolicyFile, Rule, TermRule, UpstreamRule
from evenhand.source import read

GOOD = "id: x\nmatch: [a]\nwhy: w\nexamples: [{say: a doctor, vary: [gender]}]\n"

FAULTS = [
    ("durring: 1..2", "5:1: unknown key 'durring'", "did you mean 'during'?"),
    ("lst: x.csv", "5:1: unknown key 'lst'", "did you mean 'list'?"),
    ("zzz: 1", "5:1: unknown key 'zzz'", "known keys: case, closes, during, examples, id, list"),
    ("closes: [ethnicty]", "5:10: 'ethnicty' is not a value of 'closes'", "did you mean 'ethnicity'?"),
    ("closes: al", "5:9: 'al' is not a value of 'closes'", "did you mean 'all'?"),
    ("closes: gender", "5:9: 'gender' is not a value of 'closes'", "or write a list: [gender]"),
    ("case: exatc", "5:7: 'exatc' is not a value of 'case'", "did you mean 'exact'?"),
    ("during: 1935-1945", "5:9: '1935-1945' can't be used as 'during'", "write two years, such as 1935..1945"),
    ("patterns: x", "5:11: 'patterns' 'x': input should be a valid list", "write a list: [x]"),
    ("patterns: [1943]", "5:12: 1943 is no text in 'patterns'", 'put it in quotes: "1943"'),
    ("patterns:\n  - (?: a): b", "6:5: a mapping stands where 'patterns' needs a text", "quote a text that contains ': '"),
    ("source: true", "5:9: true is no text in 'source'", 'put it in quotes: "true"'),
]


@pytest.mark.parametrize(("line", "told", "hint"), FAULTS)
def test_one_fault_is_told_once(line: str, told: str, hint: str) -> None:
    document = read((GOOD + line).encode(), "f.yaml")[0][0]
    rule, problems = check(document, PeriodRule, document.root)
    assert rule is None
    assert len(problems) == 1, problems
    assert str(problems[0]).splitlines()[0] == f"f.yaml:{told}"
    assert hint in problems[0].hint


NESTED = [
    ("match: [{on: x}]", {"unknown key 'on'"}),
    ("match: [{one: 3}]", {"3 is no text in 'one'"}),
    ("match: [{}]", {"a noun needs 'one', 'many' or both"}),
    ("match: [[a]]", {"'match': input should be a valid string"}),
    ("match: [a, 3, b, true]", {"3 is no text in 'match'", "true is no text in 'match'"}),
    ("examples: [{say: x, vry: all, vary: []}]", {"unknown key 'vry'"}),
    ("examples: [{say: x}]", {"an example needs 'vary', 'leave', 'subjects' or 'becomes'"}),
    ("examples: [{say: x, becomes: y}]", {"'becomes' needs 'seed'"}),
    ("examples: []", {"'examples': list should have at least 1 item after validation, not 0"}),
    ("examples: [{say: x, subjects: {boy: [age, gendr]}}]", {"'gendr' is not a value of 'boy'"}),
]


@pytest.mark.parametrize(("line", "messages"), NESTED)
def test_nested_faults(line: str, messages: set[str]) -> None:
    key = line.split(":")[0]
    kept = "".join(other + "\n" for other in GOOD.splitlines() if not other.startswith(f"{key}:"))
    document = read((kept + line).encode(), "f.yaml")[0][0]
    _, problems = check(document, PeriodRule, document.root)
    assert {problem.message for problem in problems} == messages
    assert {problem.line for problem in problems} == {4}


def test_missing_keys_are_all_told() -> None:
    document = read(b"id: x\n", "f.yaml")[0][0]
    _, problems = check(document, Rule, document.root)
    assert {problem.message for problem in problems} == {"key 'why' is missing", "key 'examples' is missing"}


def test_a_good_node_gives_the_model() -> None:
    document = read(GOOD.encode(), "f.yaml")[0][0]
    rule, problems = check(document, PeriodRule, document.root)
    assert rule is not None
    assert (rule.id, problems) == ("x", [])


def test_a_rule_of_the_whole_says_its_sentence() -> None:
    document = read(b"axes: {gender: {woman: 60, man: 50}}", "f.yaml")[0][0]
    _, problems = check(document, PolicyFile, document.root)
    assert problems[0].message == "the shares of 'gender' add up to 110; they must add up to 100"


def test_origins_are_explained() -> None:
    document = read(b"{id: x, path: v1, origin: 'https://user@host/v1'}", "f.yaml")[0][0]
    _, problems = check(document, UpstreamRule, document.root)
    assert [problem.hint for problem in problems] == [
        "begin it with '/'",
        "write scheme, host and port only, such as https://api.openai.com",
    ]


def test_fields_are_spelled_as_in_files() -> None:
    assert "as" in fields_at(TermRule, ())
    assert "form" not in fields_at(TermRule, ())
    assert "say" in fields_at(TermRule, ("examples", 0))
    assert fields_at(PolicyFile, ("limits",)) == ["added_chars_per_person", "prompt_chars"]


@pytest.mark.parametrize(("word", "hint"), [("Durring", "did you mean 'during'?"), ("qqq", ""), ("", "")])
def test_meant(word: str, hint: str) -> None:
    assert meant(word, ["during", "closes"]) == hint
