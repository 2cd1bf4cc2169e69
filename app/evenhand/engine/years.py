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

_DIGIT = re.compile(r"\d")
BEFORE_CHARS = 48  # how far back a word is looked for that makes a number an age or a count
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
    """Each pattern is run only over texts that hold what it can't do without: most hold none of it."""
    folded = text.casefold()
    if not (_has_digit(text) or "entury" in folded or ("ties" in folded and _WORD_DECADE.search(text))):
        return []
    found: list[Year] = []
    if "cent" in folded or "c." in folded:
        found += _centuries(text)
    if "bc" in folded or "b.c" in folded:
        found += _before_christ(text)
    if "AD" in text or "CE" in text or "anno domini" in text:
        found += _anno_domini(text)
    if "0" in text:
        found += _decades(text)
    if "ties" in folded:
        found += _word_decades(text)
    if "1" in text:
        found += _plain(text)
    return _outermost(found)


def _has_digit(text: str) -> bool:
    return _DIGIT.search(text) is not None or (not text.isascii() and any(map(str.isdigit, text)))


def _outermost(years: list[Year]) -> list[Year]:
    """Those whose words do not stand inside the words of another."""
    kept: set[Span] = set()
    reached = -1
    for span in sorted({year.span for year in years}, key=lambda span: (span.start, -span.end)):
        if span.end > reached:
            kept.add(span)
            reached = span.end
    return [year for year in years if year.span in kept]


def _centuries(text: str) -> list[Year]:
    years = []
    for found in _CENTURY.finditer(text):
        nth = int(found["nth"]) if found["nth"] else _ORDINALS.index(found["word"].lower()) + 1
        last = nth * 100
        years.append(
            Year(Span(*found.span()), 1 - last, 100 - last) if found["bc"] else Year(Span(*found.span()), last - 99, last)
        )
    return years


def _before_christ(text: str) -> list[Year]:
    return [Year(Span(*found.span()), -int(found["bc"]), -int(found["bc"])) for found in _BC.finditer(text)]


def _anno_domini(text: str) -> list[Year]:
    found = [(each, int(each["before"] or each["after"])) for each in _AD.finditer(text)]
    return [Year(Span(*each.span()), year, year) for each, year in found]


def _decades(text: str) -> list[Year]:
    years = []
    for found in _DECADE.finditer(text):
        digits = re.sub(r"\D", "", found["long"] or found["short"])
        first = int(digits) if found["long"] else 1900 + int(digits)
        if found["short"] and _is_age(text, found.start()):
            continue
        years.append(Year(Span(*found.span()), first, first + (99 if first % 100 == 0 else 9)))
    return years


def _word_decades(text: str) -> list[Year]:
    found = [each for each in _WORD_DECADE.finditer(text) if not _is_age(text, each.start("tens"))]
    firsts = [1900 + _TENS[each["tens"].lower()] for each in found]
    return [Year(Span(*each.span()), first, first + 9) for each, first in zip(found, firsts, strict=True)]


def _is_age(text: str, at: int) -> bool:
    """ "in her forties" is an age, "the late forties" a decade."""
    before = (text, max(at - BEFORE_CHARS, 0), at)
    return bool(_AGE_BEFORE.search(*before)) and not _DECADE_BEFORE.search(*before)


def _plain(text: str) -> list[Year]:
    years = []
    for pattern in (_RANGE, _YEAR, _SPLIT_YEAR):
        for found in pattern.finditer(text):
            at = found.start()
            if _COUNT_AFTER.match(text, found.end()) or _COUNT_BEFORE.search(text, max(at - BEFORE_CHARS, 0), at):
                continue
            year = int(found["year"].replace(" ", ""))
            years.append(Year(Span(*found.span()), year, year))
    return years
