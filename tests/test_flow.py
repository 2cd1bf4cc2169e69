"""The frozen types: what spans answer, and that nothing can be changed after the fact."""

import dataclasses

import pytest

from evenhand.flow import AXES, Finding, Prompt, Ruling, Span, Subject

HOLDS = [((0, 5), (0, 5), True), ((0, 5), (1, 4), True), ((0, 5), (4, 6), False), ((2, 5), (0, 1), False), ((0, 5), (5, 5), True)]
MEETS = [((0, 5), (4, 6), True), ((0, 5), (5, 6), False), ((5, 6), (0, 5), False), ((0, 5), (2, 3), True)]


@pytest.mark.parametrize(("outer", "inner", "wanted"), HOLDS)
def test_holds(outer: tuple[int, int], inner: tuple[int, int], wanted: bool) -> None:
    assert Span(*outer).holds(Span(*inner)) is wanted


@pytest.mark.parametrize(("one", "other", "wanted"), MEETS)
def test_meets(one: tuple[int, int], other: tuple[int, int], wanted: bool) -> None:
    assert Span(*one).meets(Span(*other)) is wanted


def test_spans_sort_by_start_then_end() -> None:
    assert sorted([Span(3, 4), Span(0, 9), Span(0, 2)]) == [Span(0, 2), Span(0, 9), Span(3, 4)]


def test_open_means_nothing_closes_it() -> None:
    subject = Subject(span=Span(0, 8), head=Span(2, 8), count="one", number=1, findings=())
    finding = Finding(span=Span(0, 1), reason="role", rule="roles/x", axes=frozenset(AXES))
    assert Ruling(subject=subject, axis="gender", closed_by=()).is_open
    assert not Ruling(subject=subject, axis="gender", closed_by=(finding,)).is_open


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Prompt(text="x").text = "y"  # type: ignore[misc]
