"""Text without meaning: tokens with offsets, normal forms, splicing, a/an, lists in words. Pure; knows no rule.

A token is a word ("woman", "1girl", "don't"), a possessive ending ("'s"), an emoji sequence or one mark of punctuation.
White space and underscores part tokens, so "blue_eyes" is two words.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from evenhand.flow import Edit, Span

_JOINERS = "\u00ad\u200b-\u200f\u2060\ufeff\u0300-\u036f\u0483-\u0487\u20d0-\u20ff"
_WORD = rf"[^\W_]+(?:[{_JOINERS}]+[^\W_]*)*"
_EMOJI_BASE = "\u2600-\u27bf\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_EMOJI = rf"[{_EMOJI_BASE}](?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[{_EMOJI_BASE}\u2640\u2642])*"
_TOKEN = re.compile(rf"{_WORD}(?:['\u2019](?![sS]\b){_WORD})*|['\u2019][sS]\b|{_EMOJI}|[^\w\s]|\S(?<!_)")
_STRIP = re.compile(rf"[{_JOINERS}]")
REMEMBERED_CHARS = 64  # longer words are no words: no memory keeps them, so that its size is bounded in bytes


def tokenize(text: str) -> list[Span]:
    return [Span(*each) for each in bounds(text)]


def bounds(text: str) -> list[tuple[int, int]]:
    """Where each token starts and ends."""
    return [found.span() for found in _TOKEN.finditer(text)]


def normalize(word: str) -> str:
    """The form words are compared in: compatibility forms folded, case, accents, zero-width and combining marks gone."""
    if word.isascii():
        return word.lower()
    return _folded(word) if len(word) > REMEMBERED_CHARS else _remembered(word)


def _folded(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word).casefold().replace("\u2019", "'")
    return _STRIP.sub("", unicodedata.normalize("NFD", folded))


_remembered = lru_cache(maxsize=16_384)(_folded)


def writable(text: str) -> str:
    """Half a surrogate pair, which no encoding can write, becomes a question mark; the length stays."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


_TRANSPARENT = frozenset("-\u2010\u2011'\u2018\u2019\\")


def canonical(words: Sequence[str], *, abbreviations: frozenset[str] | None = None) -> tuple[str, dict[int, int], dict[int, int]]:
    """The line phrases are looked up in: normal words parted by single spaces, "&" kept, other punctuation as "|", hyphens
    and apostrophes gone.

    Beside it where each word starts and ends in the line (position -> index of the word). A full stop is dropped after a
    single letter
    or an abbreviation ("dr. who"), and everywhere where `abbreviations` is None, as in the phrases of rules.
    """
    line = [""]
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    at = 1
    before = ""
    for index, word in enumerate(words):
        form = word
        if not word.isalnum():
            if word in _TRANSPARENT or (word == "." and (abbreviations is None or len(before) == 1 or before in abbreviations)):
                continue
            form = word.replace("'", "") if len(word) > 1 or not word.isascii() or word == "&" else "|"
        before = word
        line.append(form)
        starts[at] = index
        at += len(form)
        ends[at] = index + 1
        at += 1
    return " ".join([*line, ""]), starts, ends


def splice(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits that do not overlap; equal places keep their order."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        parts += (text[at : edit.span.start], edit.text)
        at = edit.span.end
    return "".join([*parts, text[at:]])


_AN_EXCEPTIONS = re.compile(r"(?:uni(?![nm])|use|usu|eu|one\b|once\b|ubiq|uk|ur(?:an|in)|ute)", re.IGNORECASE)
_SILENT_H = re.compile(r"(?:hour|honest|honou?r|heir)", re.IGNORECASE)
_SPELLED = re.compile(r"(?:[AEFHILMNORSX](?:[A-Z0-9]|\b)(?![a-z])|8\d*\b|11\b|18\b)")


def article(word: str) -> str:
    """'a' or 'an', by the sound `word` begins with: "an hour", "a university", "an FBI agent", "an 80-year-old"."""
    if _SPELLED.match(word) and (word[:1].isdigit() or len(word) == 1 or not word.isupper() or len(word) <= 4):
        return "an"
    if _SILENT_H.match(word):
        return "an"
    return "an" if word[:1].lower() in "aeiou" and not _AN_EXCEPTIONS.match(word) else "a"


def plural(noun: str) -> str:
    """The regular English plural; irregular ones stand in the rules."""
    if re.search(r"(?:s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


def listed(items: Sequence[str], *, last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def like(pattern: str, value: str) -> bool:
    """Whether `*` in the pattern, standing for anything, makes it the value. Linear; nothing else in it is special."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == value
    *middle, last = rest
    if not (value.startswith(first) and value.endswith(last) and len(first) + len(last) <= len(value)):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
