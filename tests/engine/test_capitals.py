"""Names told by capitals alone, beside a person noun, in prompts that otherwise use lower case."""

from collections.abc import Callable

import pytest

from evenhand.engine.capitals import capital_names, is_capital, is_mixed_case
from evenhand.engine.reading import Reading

NAMES = [
    ("a photo of mayor Ola Quillby at a desk", ["Ola Quillby"]),
    ("a photo of Ola, a tired nurse, at a desk", ["Ola"]),
    ("a photo of Quillby the waiter at a desk", ["Quillby"]),
    ("a nurse in Xanth", []),
    ("a nurse at Quillby Park", []),
    ("Tired nurse at work", []),
    ("a photo of Marie Curie, a scientist at work", []),
    ("a photo of a nurse, Black and White", []),
    ("Mayor Ola Quillby At Her Desk", []),
    ("MAYOR OLA QUILLBY AT HER DESK", []),
    ("mayor ola quillby at a desk", []),
    ("a doctor NASA at work", []),
]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_names(read_text: Callable[[str], Reading], text: str, names: list[str]) -> None:
    reading = read_text(text)
    heads = {match.last - 1 for match in reading.matches if match.entry.number is not None and match.entry.kind == "roles"}
    spans = [reading.tokens.span(first, last) for first, last in capital_names(reading, heads)]
    assert [text[span.start : span.end] for span in spans] == names


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("a nurse in Lagos", True), ("A Nurse In Lagos", False), ("A NURSE", False), ("a nurse", True), ("", True)],
)
def test_mixed_case(read_text: Callable[[str], Reading], text: str, wanted: bool) -> None:
    assert is_mixed_case(read_text(text)) is wanted


def test_capitals(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a Nurse \u00c5sa 8k")
    assert [is_capital(reading, index) for index in range(4)] == [False, True, True, False]
