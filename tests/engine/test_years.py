"""Years, decades and centuries as people write them; and the numbers that are none."""

import pytest

from evenhand.engine.years import find_years

YEARS = [
    ("a soldier in 1943", "1943", 1943, 1943),
    ("1943 German soldier, photo", "1943", 1943, 1943),
    ("the year 1066", "1066", 1066, 1066),
    ("a party in 1987", "1987", 1987, 1987),
    ("in 1 9 4 3, a soldier", "1 9 4 3", 1943, 1943),
    ("a nurse in the 1920s", "1920s", 1920, 1929),
    ("a nurse in the 1920's", "1920's", 1920, 1929),
    ("a nurse in the 1920\u2019s", "1920\u2019s", 1920, 1929),
    ("1 9 2 0 s dancers", "1 9 2 0 s", 1920, 1929),
    ("7 0 s disco", "7 0 s", None, None),
    ("50s diner", "50s", 1950, 1959),
    ("the '60s", "'60s", 1960, 1969),
    ("sailors of the 1800s", "1800s", 1800, 1899),
    ("an 18th century sailor", "18th century", 1701, 1800),
    ("an 18th-century sailor", "18th-century", 1701, 1800),
    ("late nineteenth century street", "nineteenth century", 1801, 1900),
    ("a 1st century farmer", "1st century", 1, 100),
    ("a potter, 5th century BC", "5th century BC", -499, -400),
    ("a market in 500 BC", "500 BC", -500, -500),
    ("a market in 44 BCE", "44 BCE", -44, -44),
    ("a town, AD 79", "AD 79", 79, 79),
    ("a town in 79 AD", "79 AD", 79, 79),
    ("the roaring twenties", "twenties", 1920, 1929),
    ("dancers of the late forties", "late forties", 1940, 1949),
    ("a street in the late 1940s", "1940s", 1940, 1949),
]


@pytest.mark.parametrize(("text", "words", "first", "last"), YEARS)
def test_years(text: str, words: str, first: int | None, last: int | None) -> None:
    found = [(text[year.span.start : year.span.end], year.first, year.last) for year in find_years(text)]
    assert found == ([(words, first, last)] if first is not None else [])


RANGES = [("1939-1945", 1939), ("1914\u20131918", 1914), ("1861 - 65", 1861)]


@pytest.mark.parametrize(("text", "first"), RANGES)
def test_a_range_begins_with_its_first_year(text: str, first: int) -> None:
    assert min(year.first for year in find_years(f"soldiers, {text}")) == first


NO_YEARS = [
    "a doctor",
    "1920x1080",
    "1920 x 1080 wallpaper",
    "f/1.8, 35mm, 8k",
    "1,940 people on a square",
    "1940 people on a square",
    "1600 fans",
    "a 1080p still",
    "iso 1600 film",
    "seed 1234",
    "$1900 watch",
    "1900 dollars",
    "1500 km of road",
    "room 1408",
    "over 1000 candles",
    "1:1500 scale model",
    "a woman in her 60s",
    "a man in his late 50s",
    "a couple in their 40s",
    "a woman in her early thirties",
    "a man in his forties",
    "a man in mid 40s",
    "aged 50",
    "a part numbered AB-1943",
    "a 1000-piece puzzle of 1.5 kg",
    "kodak portra 400",
    "in 2022",
]


@pytest.mark.parametrize("text", NO_YEARS)
def test_numbers_that_are_no_years(text: str) -> None:
    assert [text[year.span.start : year.span.end] for year in find_years(text)] == []


def test_several_years_come_with_their_places() -> None:
    text = "from the 1920s to 1943"
    assert sorted(text[year.span.start : year.span.end] for year in find_years(text)) == ["1920s", "1943"]
