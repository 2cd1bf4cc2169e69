"""Phrases of `match` and of CSV lists, with their places; whatever is wrong with a CSV is told by line."""

from pathlib import Path

import pytest

from evenhand.errors import RuleError
from evenhand.rules.load import load_folder
from evenhand.rules.phrases import LONGEST, MOST_PROBLEMS, ListedPhrase

POLICY = "kind: policy\naxes: {gender: {woman: 50, man: 50}}\n"
Row = tuple[str | None, str | None, bool, bool, int]


def folder(root: Path, *, kind: str = "people", rule: str, csv: bytes | None = None) -> Path:
    (root / "en/lists").mkdir(parents=True)
    (root / "policy.yaml").write_text(POLICY)
    body = "".join(f"    {line}\n" for line in [*rule.splitlines(), "why: w", "examples: [{say: x, leave: all}]"])
    (root / "en/a.yaml").write_text(f"kind: {kind}\nrules:\n  - id: r\n{body}")
    if csv is not None:
        (root / "en/lists/x.csv").write_bytes(csv)
    return root


def rows(phrases: tuple[ListedPhrase, ...]) -> list[Row]:
    return [(phrase.one, phrase.many, phrase.exact, phrase.is_noun, phrase.place.line) for phrase in phrases]


MATCH: list[tuple[str, str, list[Row]]] = [
    ("people", "match: [a b, c]", [("a b", None, False, False, 4), ("c", None, False, False, 4)]),
    ("people", "match:\n  - a\n  - {one: b}", [("a", None, False, False, 5), ("b", None, False, True, 6)]),
    ("people", "match: [a]\ncase: exact", [("a", None, True, False, 4)]),
    ("roles", "match: [cook]", [("cook", None, False, True, 4)]),
    ("bodies", "match: [cat]", [("cat", None, False, True, 4)]),
    ("things", "match: [hat]", [("hat", None, False, True, 4)]),
    ("roles", "match: [{many: twins}]", [(None, "twins", False, True, 4)]),
    ("roles", "match: [{one: staff, many: '-'}]", [("staff", "-", False, True, 4)]),
    ("roles", "match: [{one: man, many: men}]", [("man", "men", False, True, 4)]),
]


@pytest.mark.parametrize(("kind", "rule", "wanted"), MATCH)
def test_match(tmp_path: Path, kind: str, rule: str, wanted: list[Row]) -> None:
    assert rows(load_folder(folder(tmp_path, kind=kind, rule=rule)).rules[0].phrases) == wanted


LISTS: list[tuple[str, bytes, list[Row]]] = [
    ("people", b"match\nAda|Bo\n", [("Ada", None, False, False, 2), ("Bo", None, False, False, 2)]),
    ("people", b"match,case\nPrince,exact\nBo,\n", [("Prince", None, True, False, 2), ("Bo", None, False, False, 3)]),
    ("people", b"case,match\nexact,Pink\n", [("Pink", None, True, False, 2)]),
    ("people", b'\xef\xbb\xbfmatch\r\n"a, b"\r\n\r\n c \r\n', [("a, b", None, False, False, 2), ("c", None, False, False, 4)]),
    ("roles", b"match\ncook\n", [("cook", None, False, True, 2)]),
    ("roles", b"one,many\ncook,\nman,men\n-,twins\nstaff,-\n", [
        ("cook", None, False, True, 2),
        ("man", "men", False, True, 3),
        (None, "twins", False, True, 4),
        ("staff", "-", False, True, 5),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "csv", "wanted"), LISTS)
def test_list(tmp_path: Path, kind: str, csv: bytes, wanted: list[Row]) -> None:
    phrases = load_folder(folder(tmp_path, kind=kind, rule="list: lists/x.csv", csv=csv)).rules[0].phrases
    assert rows(phrases) == wanted
    assert {phrase.place.path for phrase in phrases} == {f"{tmp_path}/en/lists/x.csv"}


def test_exact_rules_make_exact_rows_unless_a_row_says_any(tmp_path: Path) -> None:
    root = folder(tmp_path, rule="list: lists/x.csv\ncase: exact", csv=b"match,case\nA,\nB,any\n")
    assert [phrase.exact for phrase in load_folder(root).rules[0].phrases] == [True, False]


FAULTS = [
    (b"", ["x.csv:1:1: header '' is not known"]),
    (b"name\nA\n", ["x.csv:1:1: header 'name' is not known"]),
    (b"one\nA\n", ["x.csv:1:1: header 'one' is not known"]),
    (b"match,match\nA,B\n", ["x.csv:1:1: header 'match,match' is not known"]),
    (b"match\n", ["x.csv:1:1: the list is empty"]),
    (b"match\n\n\n", ["x.csv:1:1: the list is empty"]),
    (b"one,many\n" + b"x" * (LONGEST + 1) + b",\n", ["x.csv:2:1: a phrase of 121 characters; at most 120 are allowed"]),
    (b"match,case\nA\nB,\nC,,\n", ["x.csv:2:1: the row has 1 fields", "x.csv:4:1: the row has 3 fields"]),
    (b"match,case\nA,excat\n", ["x.csv:2:1: 'excat' is not a value of 'case'"]),
    (b"match,case\n,exact\n", ["x.csv:2:1: a phrase is empty"]),
    (b"match\nA||B\n", ["x.csv:2:1: a phrase is empty"]),
    (b"one,many\n,x\n-,\n-,-\n", [f"x.csv:{line}:1: the row gives no form" for line in (2, 3, 4)]),
    (b"match\ncaf\xe9\n", ["x.csv:2:4: byte 0xe9 is no UTF-8"]),
    (b'match\nA\n"B\n', ["x.csv:3:1: can't be read as CSV: unexpected end of data"]),
    (b"match\n" + b"x" * (LONGEST + 1) + b"\n", ["x.csv:2:1: a phrase of 121 characters; at most 120 are allowed"]),
]


@pytest.mark.parametrize(("csv", "told"), FAULTS)
def test_faults_of_a_list(tmp_path: Path, csv: bytes, told: list[str]) -> None:
    with pytest.raises(RuleError) as caught:
        load_folder(folder(tmp_path, rule="list: lists/x.csv", csv=csv))
    found = [str(problem).splitlines()[0].removeprefix(f"{tmp_path}/en/lists/") for problem in caught.value.problems]
    assert len(found) == len(told), found
    assert all(one.startswith(other) for one, other in zip(found, told, strict=True)), found


def test_a_wholly_wrong_list_is_not_told_row_by_row(tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        load_folder(folder(tmp_path, rule="list: lists/x.csv", csv=b"match\n" + b"a,b\n" * 500))
    assert len(caught.value.problems) == MOST_PROBLEMS + 1
    assert caught.value.problems[-1].message == "and 480 more problems below"


def test_a_row_of_aliases_may_be_longer_than_a_phrase(tmp_path: Path) -> None:
    names = [f"name number {index}" for index in range(30)]
    root = folder(tmp_path, rule="list: lists/x.csv", csv=f"match\n{'|'.join(names)}\n".encode())
    assert [phrase.one for phrase in load_folder(root).rules[0].phrases] == names


PATHS = [
    ("lists/y.csv", "there is no CSV file 'lists/y.csv'", "did you mean 'lists/x.csv'?"),
    ("../../x.csv", "list '../../x.csv' leads out of the rule folder", "beside this one"),
    ("/etc/passwd", "list '/etc/passwd' leads out of the rule folder", "beside this one"),
    ("lists/../../../x.csv", "leads out of the rule folder", "beside this one"),
    ("a.yaml", "there is no CSV file 'a.yaml'", ""),
]


@pytest.mark.parametrize(("path", "message", "hint"), PATHS)
def test_paths_of_a_list(tmp_path: Path, path: str, message: str, hint: str) -> None:
    with pytest.raises(RuleError) as caught:
        load_folder(folder(tmp_path, rule=f"list: {path}", csv=b"match\nA\n"))
    problem = caught.value.problems[0]
    assert message in problem.message
    assert hint in problem.hint
    assert (problem.line, problem.column) == (4, 11)
