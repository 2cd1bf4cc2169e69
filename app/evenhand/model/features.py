"""Words -> rows of the embedding table: what a word looks like by itself, and what stands around it.

The word part is remembered per written form by the network; the place part is counted afresh for each prompt.
"""

from collections.abc import Sequence
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
_FAMILY = {"norm": "norm", "gram": "gram", "shape": "", "place": ""}
_NAME_FLAGS = frozenset(FLAGS.index(flag) for flag in ("first_name", "last_name", "famous"))


def _row(part: str, value: int) -> int:
    return _STARTS[part] + value % _SIZES[part]


def shape(word: str) -> str:
    """ "Anna" -> "Xxx+", "1girl" -> "dxx+", "O'Neil" -> "X'Xx+"."""
    kinds = ["d" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word[:12]]
    out = "".join(kind for at, kind in enumerate(kinds) if kinds[max(at - 2, 0) : at] != [kind, kind])
    return out + ("+" if len(word) > len(out) else "")


def grams(norm: str) -> list[str]:
    """Runs of four letters with the borders marked, and the first and last two and three; they bear endings and misspellings."""
    marked = f"<{norm[:18]}>"
    ends = [marked[:4], marked[:3], marked[-4:], marked[-3:]]
    return sorted({*ends, *(marked[at : at + 4] for at in range(len(marked) - 3))})


def writable(words: Sequence[str]) -> list[str]:
    """Half a surrogate pair, which no encoding can write, becomes a question mark."""
    return [word if word.isascii() else word.encode("utf-8", "replace").decode("utf-8") for word in words]


def word_rows(word: str, lexicon: Lexicon) -> list[tuple[int, str]]:
    """(row, family) pairs; the family is empty for rows that are never hidden."""
    norm = normalize(word)
    rows = [(_row("norm", crc32(norm.encode())), "norm"), (_row("shape", crc32(shape(word).encode())), "")]
    rows += [(_row("gram", crc32(gram.encode())), "gram") for gram in grams(norm)]
    return rows + _lexicon_rows(lexicon.look_up(norm))


def _lexicon_rows(entry: Entry) -> list[tuple[int, str]]:
    rows = [(_row(part, getattr(entry, part)), "lexicon") for part in ("cluster", "title", "capital", "frequency", "sense")]
    rows += [(_row(f"path{bits}", entry.path & ((1 << bits) - 1)), "lexicon") for bits in (4, 6, 8)]
    flags = (bit for bit in range(len(FLAGS)) if entry.flags >> bit & 1)
    return rows + [(_row("flags", bit), "names" if bit in _NAME_FLAGS else "lexicon") for bit in flags]


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
_QUOTED, _DEPTH, _IN_CLAUSE, _CLAUSE, _CREDIT, _NEGATION, _LIKENESS = (
    _STARTS["place"] + offset for offset in (10, 12, 14, 20, 30, 40, 50)
)
Place = tuple[int, ...]


def place_rows(words: Sequence[str]) -> list[list[int]]:
    """Nine rows a word: case and commas of the whole prompt, quotes, brackets, place in the clause, distance from cues."""
    return [list(place) for place in places(words)]


def places(words: Sequence[str]) -> list[Place]:
    base = _STARTS["place"]
    case, commas = base + _case(words), base + 4 + _commas(words)
    found: list[Place] = []
    quoted = depth = clause = 0
    opened = 0  # the word the clause begins with
    credit = negation = likeness = -_FAR  # the latest of each
    for at, word in enumerate(words):
        does = _DOES.get(word) or _DOES.get(word.lower())
        if does == "quote":
            quoted = 1 - quoted
        elif does == "stop":
            depth = max(0, depth + (word in _OPENING) - (word in _CLOSING))
        in_clause = at - opened
        found.append(
            (
                case,
                commas,
                _QUOTED + quoted,
                _DEPTH + (depth > 0),
                _IN_CLAUSE + (in_clause if in_clause < 5 else 5),
                _CLAUSE + (clause if clause < 3 else 3),
                _CREDIT + (_DISTANCE[at - credit] if at - credit < _FAR else 0),
                _NEGATION + (_DISTANCE[at - negation] if at - negation < _FAR else 0),
                _LIKENESS + (_DISTANCE[at - likeness] if at - likeness < _FAR else 0),
            )
        )
        if does is None or does == "quote":
            continue
        if does == "stop" or does == "comma":
            clause, opened = clause + 1, at + 1
        if does == "stop":
            credit = negation = likeness = -_FAR
        elif does == "credit":
            credit = at
        elif does == "negation":
            negation = at
        elif does == "likeness":
            likeness = at
    return found


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
