"""A group and an event both written as proper names happened; capitals alone prove nothing."""

from collections.abc import Callable

import pytest

from evenhand.engine.reading import Reading
from evenhand.engine.titles import titled_events

TITLES = [
    ("a painting of the Local Envoys in First Treaty of Xanth", "First Treaty of Xanth"),
    ("photo of the Northern Delegates at the Second Congress of Orvel", "Second Congress of Orvel"),
    ("the mood of Tourists in Hyde park", ""),
    ("a photo of the nurses in the garden", ""),
    ("a photo of the Nurses in Lagos", ""),
    ("A Photo Of The Local Envoys In First Treaty Of Xanth", ""),
    ("PHOTO OF THE LOCAL ENVOYS IN FIRST TREATY OF XANTH", ""),
    ("Nurses at Central Station with many bags and a cat", ""),
    ("a photo of a nurse in New York City", ""),
]


@pytest.mark.parametrize(("text", "title"), TITLES)
def test_titles(read_text: Callable[[str], Reading], text: str, title: str) -> None:
    found = list(titled_events(read_text(text)))
    assert [text[each.span.start : each.span.end] for each in found] == ([title] if title else [])
    assert all(each.reason == "period" and each.scope == "scene" for each in found)
