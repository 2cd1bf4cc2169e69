"""Words -> rows of the embedding table: what a word looks like by itself, and what stands around it.

The word part is remembered per written form by the network; the place part is counted afresh for each prompt.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from zlib import crc32

from evenhand.model.lexicon import FLAGS, SENSES, Entry, Lexicon
from evenhand.text import normalize

_SIZES = {
    "norm": 14_000,
    "gram": 9000,
    "shape": 128,
    "cluster": 1024,
    "title": 1024,
    "path4": 16,
    "path6": 64,
    "path8": 256,
    "capital": 8,
    "frequency": 10,
    "sense": len(SENSES),
    "flags": len(FLAGS),
    "place": 96,
}
_STARTS = dict(zip(_SIZES, accumulate(_SIZES.values(), initial=0), strict=False))
ROWS = sum(_SIZES.values())
# Families of rows a training run hides at random, so that no one of them is leaned on.
FAMILIES: tuple[str, ...] = ("norm", "gram", "lexicon", "names")
# Start and size of what an Entry gives, in the order of _lexicon_rows; a path is cut to its first 4, 6 and 8 bits.
_LEXICON_PARTS = [
    (_STARTS[part], _SIZES[part]) for part in ("cluster", "title", "capital", "frequency", "sense", "path4", "path6", "path8")
]
_NAME_FLAGS = frozenset(FLAGS.index(flag) for flag in ("first_name", "last_name", "famous"))


def _row(part: str, value: int) -> int:
    return _STARTS[part] + value % _SIZES[part]


def _kind(char: str) -> str:
    return "d" if char.isdigit() else "X" if char.isupper() else "x" if char.isalpha() else char


_KINDS = "".join(_kind(chr(code)) for code in range(128))
_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)


def shape(word: str) -> str:
    """ "Anna" -> "Xxx+", "1girl" -> "dxx+", "O'Neil" -> "X'Xx+"."""
    return _shape(_kinds(word), len(word))


def _kinds(word: str) -> str:
    return word[:12].translate(_KINDS) if word.isascii() else "".join(map(_kind, word[:12]))


def _shape(kinds: str, length: int) -> str:
    out = _RUN.sub(r"\1\1", kinds)
    return out + ("+" if length > len(out) else "")


def grams(norm: str) -> list[str]:
    """Runs of four letters with the borders marked, and the first and last two and three; they bear endings and misspellings."""
    marked = f"<{norm[:18]}>"
    ends = [marked[:4], marked[:3], marked[-4:], marked[-3:]]
    return sorted({*ends, *(marked[at : at + 4] for at in range(len(marked) - 3))})


def writable(words: Sequence[str]) -> list[str]:
    """Half a surrogate pair, which no encoding can write, becomes a question mark."""
    return [word if word.isascii() else word.encode("utf-8", "replace").decode("utf-8") for word in words]


def word_rows(word: str, lexicon: Lexicon) -> list[int]:
    """Normal form, shape, letter runs, then what the lexicon tells."""
    norm = normalize(word)
    first, size = _STARTS["gram"], _SIZES["gram"]
    rows = [_row("norm", crc32(norm.encode())), _shape_row(_kinds(word), len(word))]
    rows += [first + crc32(gram.encode()) % size for gram in grams(norm)]
    rows += _lexicon_rows(lexicon.look_up(norm))
    return rows


@lru_cache(maxsize=4_096)
def _shape_row(kinds: str, length: int) -> int:
    return _row("shape", crc32(_shape(kinds, length).encode()))


@lru_cache(maxsize=4_096)
def _lexicon_rows(entry: Entry) -> tuple[int, ...]:
    parts = zip(_LEXICON_PARTS, (*entry[:2], *entry[3:6], entry.path, entry.path, entry.path), strict=True)
    flags = (bit for bit in range(len(FLAGS)) if entry.flags >> bit & 1)
    return (*(first + value % size for (first, size), value in parts), *(_row("flags", bit) for bit in flags))


def family_of(row: int) -> str:
    """Which of FAMILIES a row of `word_rows` belongs to; empty for one that is never hidden."""
    part = list(_STARTS)[bisect_right(list(_STARTS.values()), row) - 1]
    if part == "flags":
        return "names" if row - _STARTS[part] in _NAME_FLAGS else "lexicon"
    return {"norm": "norm", "gram": "gram", "shape": ""}.get(part, "lexicon")


_OPENING, _CLOSING = "([{", ")]}"
_STOPS = ".;:!?()[]{}|"
_QUOTES = '"\u201c\u201d'
_CREDITS = ("by", "style", "inspired", "artist", "artists")
_NEGATIONS = ("no", "without", "not", "never", "neither", "nor", "zero")
_LIKENESSES = ("statue", "sculpture", "bust", "figurine", "doll", "toy", "lego", "dressed", "costume", "like", "poster", "mural")
# What a word, in lower case, does to the places of those after it.
_DOES: dict[str, str] = {
    **dict.fromkeys(_STOPS, "stop"),
    **dict.fromkeys(_QUOTES, "quote"),
    **dict.fromkeys(_CREDITS, "credit"),
    **dict.fromkeys(_NEGATIONS, "negation"),
    **dict.fromkeys(_LIKENESSES, "likeness"),
    ",": "comma",
}
# Words since a cue -> 1 the next word, 2 the second, 3 the third, 4 up to 6, 5 up to 12, 6 up to 30, then and before it 0.
_DISTANCE: tuple[int, ...] = (0, 1, 2, 3, *[4] * 3, *[5] * 6, *[6] * 18, 0)
_FAR = len(_DISTANCE) - 1
# What a place tells and how many values each has; a place is the number whose digits they are, the first the lowest.
_TOLD = (("case", 4), ("commas", 6), ("quoted", 2), ("depth", 2), ("in clause", 6), ("clause", 4), *[("distance", 7)] * 3)
_OFFSETS = (0, 4, 10, 12, 14, 20, 30, 40, 50)
_COMMAS, _QUOTED, _DEPTH, _IN_CLAUSE, _CLAUSE, _CREDIT, _NEGATION, _LIKENESS, _ = accumulate(
    (count for _, count in _TOLD), lambda product, count: product * count
)


def place_rows(words: Sequence[str]) -> list[list[int]]:
    """Nine rows a word: case and commas of the whole prompt, quotes, brackets, place in the clause, distance from cues."""
    return [rows_of(place) for place in places(words)]


def rows_of(place: int) -> list[int]:
    rows = []
    for offset, (_, count) in zip(_OFFSETS, _TOLD, strict=True):
        place, digit = divmod(place, count)
        rows.append(_STARTS["place"] + offset + digit)
    return rows


def places(words: Sequence[str]) -> list[int]:
    """One number a word; see rows_of."""
    whole = _case(words) + _commas(words) * _COMMAS
    standing = whole  # what holds up to the next cue
    found: list[int] = []
    quoted = depth = clause = 0
    opened = 0  # the word the clause begins with
    credit = negation = likeness = -_FAR  # the latest of each
    cued = 0  # so far one of them reaches
    for at, word in enumerate(words):
        does = _DOES.get(word.lower())
        if does == "quote":
            quoted = 1 - quoted
        elif does == "stop":
            depth = max(0, depth + (word in _OPENING) - (word in _CLOSING))
        if does is not None:
            standing = whole + quoted * _QUOTED + (depth > 0) * _DEPTH + min(clause, 3) * _CLAUSE
        in_clause = at - opened
        place = standing + (in_clause if in_clause < 5 else 5) * _IN_CLAUSE
        if at < cued:
            place += _since(at - credit) * _CREDIT + _since(at - negation) * _NEGATION + _since(at - likeness) * _LIKENESS
        found.append(place)
        if does is None or does == "quote":
            continue
        if does == "stop" or does == "comma":
            clause, opened = clause + 1, at + 1
            standing = whole + quoted * _QUOTED + (depth > 0) * _DEPTH + min(clause, 3) * _CLAUSE
        if does == "stop":
            credit = negation = likeness = -_FAR
            cued = 0
        elif does == "credit":
            credit, cued = at, at + _FAR
        elif does == "negation":
            negation, cued = at, at + _FAR
        elif does == "likeness":
            likeness, cued = at, at + _FAR
    return found


def _since(words: int) -> int:
    return _DISTANCE[words] if words < _FAR else 0


def _case(words: Sequence[str]) -> int:
    """0 all lower, 1 ALL UPPER, 2 capitals on most words, 3 mixed."""
    letters = [word for word in words if word[:1].isalpha()]
    upper = sum([word[0].isupper() for word in letters])
    if not upper:
        return 0
    if all(word.isupper() for word in letters):
        return 1
    return 2 if upper * 10 > len(letters) * 6 else 3


def _commas(words: Sequence[str]) -> int:
    share = words.count(",") / max(len(words), 1)
    return sum(share > limit for limit in (0.0, 0.07, 0.12, 0.18, 0.26))
