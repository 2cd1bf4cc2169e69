"""Tokens in, years out: "1943", "the 1920s", "1 9 2 0 s", "late 19th century", "500 BC". Knows numbers that are no years.

What a year closes is the policy's to say (`historical_until`); this room only reads it.
"""

import re
from dataclasses import dataclass

from evenhand.flow import Span

_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
_TENS = {"twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60}

_CENTURY = re.compile(
    rf"\b(?:(?P<nth>\d{{1,2}}) ?(?:st|nd|rd|th)|(?P<word>{'|'.join(_ORDINALS)}))[\s-]{{1,2}}(?:century|cent\b|c\.)"
    r"(?P<bc> ?(?:BCE|BC|B\.C\.))?",
    re.IGNORECASE,
)
_BC = re.compile(r"\b(?P<bc>\d{1,5}) ?(?:BCE|BC|B\.C\.)", re.IGNORECASE)
_AD = re.compile(r"\b(?:AD|CE|anno domini) ?(?P<before>\d{1,4})\b|\b(?P<after>\d{1,4}) ?(?:AD|CE)\b")
_DECADE = re.compile(
    r"(?<![\d.,:/])\b(?P<long>1 ?[0-9] ?[0-9] ?0) ?(?:['\u2019]?s\b)|(?P<short>(?<![\d.,:/])['\u2019]?[2-6] ?0) ?['\u2019]?s\b",
    re.IGNORECASE,
)
_WORD_DECADE = re.compile(rf"\b(?:(?:early|mid|late)[\s-])?(?P<tens>{'|'.join(_TENS)})\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\w.,:/#$\u00a3\u20acx*-])(?P<year>1[0-9]{3})(?![\w%$])(?!\s?[x*\u00d7:]\s?\d)(?![.,]\d)")
_SPLIT_YEAR = re.compile(r"(?<!\d )\b(?P<year>1 [0-9] [0-9] [0-9])\b(?! \d)")
_RANGE = re.compile(r"(?<![\w.,:/#$])(?P<year>1[0-9]{3})\s?[-\u2013\u2014]\s?(?:1[0-9]{3}|\d{2})(?![\w])")

_AGE_BEFORE = re.compile(
    r"\b(?:his|her|their|my|your|aged?|in (?:the )?(?:early|mid|late)|(?:early|mid|late))"
    r"[\s-]*(?:early|mid|late)?[\s-]*(?:to )?$",
    re.IGNORECASE,
)
_COUNT_AFTER = re.compile(
    r"\s?-?(?:px|pixels?|k\b|p\b|mm|cm|m\b|km|miles?|meters?|metres?|feet|ft|kg|lbs?|iso|fps|hz|w\b|v\b|watts?|dollars?|euros?|people|persons|men|women|"
    r"soldiers|fans|children|students|years|yrs|hours|steps|pieces?|seats?|seater|pages?|copies|words|times|degrees?|stars|points|calories|psi|rpm|mhz|polygons?|dpi)",
    re.IGNORECASE,
)
_DECADE_BEFORE = re.compile(r"\bthe[\s-]*(?:early|mid|late)?[\s-]*$", re.IGNORECASE)
_COUNT_BEFORE = re.compile(
    r"(?:\d\s*[x*\u00d7]|\biso|\bf/|\bseed|\bcfg|\bsteps|\bnumber|\bno\.|\broom|\bmodel|\bflight|\bbus|\broute|\bunit|\bsize|\bover|\babout|\bthan|\bw|\bh)[\s:=]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Year:
    """First and last year that the words at `span` can mean (negative: BC)."""

    span: Span
    first: int
    last: int


def find_years(text: str) -> list[Year]:
    if not any(char.isdigit() for char in text) and not _WORD_DECADE.search(text) and "entury" not in text.lower():
        return []
    found = [*_centuries(text), *_counted(text), *_decades(text), *_plain(text)]
    return [year for year in found if not any(other.span != year.span and other.span.holds(year.span) for other in found)]


def _centuries(text: str) -> list[Year]:
    years = []
    for found in _CENTURY.finditer(text):
        nth = int(found["nth"]) if found["nth"] else _ORDINALS.index(found["word"].lower()) + 1
        last = nth * 100
        years.append(
            Year(Span(*found.span()), 1 - last, 100 - last) if found["bc"] else Year(Span(*found.span()), last - 99, last)
        )
    return years


def _counted(text: str) -> list[Year]:
    bc = [Year(Span(*found.span()), -int(found["bc"]), -int(found["bc"])) for found in _BC.finditer(text)]
    ad = [(found, int(found["before"] or found["after"])) for found in _AD.finditer(text)]
    return bc + [Year(Span(*found.span()), year, year) for found, year in ad]


def _decades(text: str) -> list[Year]:
    years = []
    for found in _DECADE.finditer(text):
        digits = re.sub(r"\D", "", found["long"] or found["short"])
        first = int(digits) if found["long"] else 1900 + int(digits)
        if found["short"] and _is_age(text[: found.start()]):
            continue
        years.append(Year(Span(*found.span()), first, first + (99 if first % 100 == 0 else 9)))
    for found in _WORD_DECADE.finditer(text):
        if not _is_age(text[: found.start("tens")]):
            first = 1900 + _TENS[found["tens"].lower()]
            years.append(Year(Span(*found.span()), first, first + 9))
    return years


def _is_age(before: str) -> bool:
    """ "in her forties" is an age, "the late forties" a decade."""
    return bool(_AGE_BEFORE.search(before)) and not _DECADE_BEFORE.search(before)


def _plain(text: str) -> list[Year]:
    years = []
    for pattern in (_RANGE, _YEAR, _SPLIT_YEAR):
        for found in pattern.finditer(text):
            if _COUNT_AFTER.match(text, found.end()) or _COUNT_BEFORE.search(text[: found.start()]):
                continue
            year = int(found["year"].replace(" ", ""))
            years.append(Year(Span(*found.span()), year, year))
    return years
