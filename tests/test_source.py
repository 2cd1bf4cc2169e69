"""YAML 1.2 in, plain data with marks out; every fault of the text is a problem with its place, never an exception."""

import pytest

from evenhand.source import MAX_BYTES, MAX_DEPTH, decoded, read, resolved

SCALARS = [
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("true", True),
    ("FALSE", False),
    ("~", None),
    ("null", None),
    ("nullable", "nullable"),
    ("12", 12),
    ("-3", -3),
    ("007", 7),
    ("0x1F", 31),
    ("0o17", 15),
    ("1_000", "1_000"),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    (".5", 0.5),
    ("1940s", "1940s"),
    ("1935..1945", "1935..1945"),
    ("2020-01-01", "2020-01-01"),
    ("12:30", "12:30"),
    ("-", "-"),
    ("+", "+"),
    (".", "."),
]


@pytest.mark.parametrize(("plain", "value"), SCALARS)
def test_plain_scalars_follow_the_core_schema(plain: str, value: object) -> None:
    assert resolved(plain) == value
    assert type(resolved(plain)) is type(value)


def test_quoted_scalars_stay_text() -> None:
    documents, problems = read(b"a: 'true'\nb: \"12\"\nc: |\n  x\n  y\n", "f.yaml")
    assert not problems
    assert documents[0].root.value == {"a": "true", "b": "12", "c": "x\ny\n"}


DATA = [
    ("a: [x, {b: 1}]", {"a": ["x", {"b": 1}]}),
    ("- - x\n- y", [["x"], "y"]),
    ("1: x\nno: y", {"1": "x", "no": "y"}),
    ("? a\n? b", {"a": None, "b": None}),
    ("plain", "plain"),
    ("%YAML 1.1\n---\na: no", {"a": "no"}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("text", "data"), DATA)
def test_data(text: str, data: object) -> None:
    documents, problems = read(text.encode(), "f.yaml")
    assert (documents[0].root.value, problems) == (data, [])


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_nothing_is_no_document(text: str) -> None:
    assert read(text.encode(), "f.yaml") == ([], [])


def test_several_documents_keep_their_lines() -> None:
    documents, _ = read(b"kind: a\n---\nkind: b\n---\nkind: c\n", "f.yaml")
    assert [(document.root.value["kind"], document.mark("kind").line) for document in documents] == [("a", 1), ("b", 3), ("c", 5)]


def test_marks_lead_to_keys_and_values() -> None:
    document = read(b"rules:\n  - id: x\n    match: [one, 'two words']\n", "f.yaml")[0][0]
    second = document.mark("rules", 0, "match", 1)
    assert (second.line, second.column, second.width) == (3, 18, 11)
    key = document.root.at(["rules", 0]).keys["match"]
    assert (key.line, key.column, key.width) == (3, 5, 5)


REFUSED = [
    ("a: &x 1", 1, 4, "anchor '&x' is not allowed"),
    ("a: *x", 1, 4, "alias '*x' is not allowed"),
    ("a: !!str no", 1, 4, "tag '!!str' is not allowed"),
    ("!!python/object:os.system x", 1, 1, "tag '!!python/object:os.system' is not allowed"),
    ("a: !mine [1]", 1, 4, "tag '!mine' is not allowed"),
    ("<<: {a: 1}", 1, 1, "merge key '<<' is not allowed"),
    ("a: 1\nb: 2\na: 3", 3, 1, "key 'a' is given twice; first in line 1"),
    ("? [a]\n: b", 1, 3, "can't be a key"),
    ("a: [1,", 1, 7, "can't be read as YAML"),
    ("b: 1\na: 'x", 2, 4, "unexpected end of stream"),
    ("a: b: c", 1, 5, "mapping values are not allowed"),
    ("a:\n\t- 1", 2, 1, "cannot start any token"),
    ("a: @x", 1, 4, "cannot start any token"),
    ("a: x\x01", 1, 5, "character U+0001 is not allowed"),
    ('a: "\\ud800"', 1, 4, "half of a surrogate pair"),
    ('a: "\\UFFFFFFFF"', 1, 1, "can't be read as YAML"),
    ("%YAML 1.99\n--- a", 1, 1, "can't be read as YAML"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED)
def test_refused(text: str, line: int, column: int, message: str) -> None:
    problems = read(text.encode(), "f.yaml")[1]
    assert (problems[0].path, problems[0].line, problems[0].column) == ("f.yaml", line, column)
    assert message in problems[0].message


def test_all_problems_at_once() -> None:
    problems = read(b"a: &x 1\nb: *x\nb: !!int 3\n", "f.yaml")[1]
    assert [problem.line for problem in problems] == [1, 2, 3, 3]


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "[{b: "])
def test_deep_nesting_is_a_problem_not_a_crash(opening: str) -> None:
    problems = read((opening * 20_000).encode(), "f.yaml")[1]
    assert f"nested deeper than {MAX_DEPTH} levels" in problems[0].message


def test_nesting_up_to_the_limit_is_read() -> None:
    documents, problems = read(("[" * MAX_DEPTH + "]" * MAX_DEPTH).encode(), "f.yaml")
    assert len(documents) == 1
    assert not problems


BYTES = [
    (b"a: \xff", 1, 4, "byte 0xff is no UTF-8"),
    (b"a: 1\nb: caf\xe9\n", 2, 7, "byte 0xe9 is no UTF-8"),
    ("a: 1".encode("utf-16"), 1, 1, "is no UTF-8"),
]


@pytest.mark.parametrize(("raw", "line", "column", "message"), BYTES)
def test_other_encodings_are_named(raw: bytes, line: int, column: int, message: str) -> None:
    problem = decoded(raw, "f.yaml")
    assert not isinstance(problem, str)
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message


def test_size_has_a_limit() -> None:
    problems = read(b"#" * (MAX_BYTES + 1), "f.yaml")[1]
    assert "at most 8,388,608 are read" in problems[0].message


def test_problem_shows_line_caret_and_hint() -> None:
    problem = read(b"a: 1\nb: &name 2\n", "rules/x.yaml")[1][0]
    assert str(problem) == (
        "rules/x.yaml:2:4: anchor '&name' is not allowed in rule files\n"
        "    2 | b: &name 2\n"
        "           ^^^^^^^\n"
        "      = write the value out where it is needed"
    )


def test_tabs_keep_the_caret_in_place() -> None:
    problem = read(b"a:\t&x 1\n", "f.yaml")[1][0]
    assert problem.excerpt == "a: &x 1"


def test_long_lines_are_cut_after_the_caret() -> None:
    problem = read(b"a: &x " + b"y" * 5_000, "f.yaml")[1][0]
    assert len(problem.excerpt) < 5_100
    assert problem.excerpt.startswith("a: &x yyy")
