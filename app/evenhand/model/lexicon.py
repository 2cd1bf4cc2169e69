"""What is known about a written word outside of any prompt: cluster, capital habit, frequency, sense, flags.

Comes in as one compressed table beside the weights; goes out as a tuple of small integers a word.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evenhand.model import LEXICON

# The lexicographer's files of WordNet nouns, in their order; 0 stands for "no noun".
SENSES: tuple[str, ...] = (
    *("none", "tops", "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event"),
    *("feeling", "food", "group", "location", "motive", "object", "person", "phenomenon", "plant", "possession"),
    *("process", "quantity", "relation", "shape", "state", "substance", "time"),
)
FLAGS: tuple[str, ...] = (
    *("person", "animal", "artifact", "verb", "adjective", "adverb"),
    *("first_name", "last_name", "place", "famous"),
)


class Entry(NamedTuple):
    """`cluster` and `title` number Brown clusters (lower and Capital form); `path` is the bit path of `cluster`, root first."""

    cluster: int = 0
    title: int = 0
    path: int = 0
    capital: int = 0
    frequency: int = 0
    sense: int = 0
    flags: int = 0

    def has(self, flag: str) -> bool:
        return bool(self.flags >> FLAGS.index(flag) & 1)


UNKNOWN = Entry()


class Rows(Mapping[str, Entry]):
    """Words and their rows in one matrix: as tuples they would take four times the memory, and few are ever asked for."""

    def __init__(self, words: list[str], rows: NDArray[np.uint16]) -> None:
        self._places = dict(zip(words, range(len(rows)), strict=True))
        self._rows = rows

    def __getitem__(self, word: str) -> Entry:
        return Entry._make(self._rows[self._places[word]].tolist())

    def __contains__(self, word: object) -> bool:
        return word in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Lexicon:
    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    @classmethod
    def load(cls, path: Path = LEXICON) -> "Lexicon":
        with np.load(path) as table:
            words = table["words"].tobytes().decode("utf-8").split("\n")
            return cls(Rows(words, table["rows"]))

    def save(self, path: Path) -> None:
        words = np.frombuffer("\n".join(self.entries).encode("utf-8"), dtype=np.uint8)
        rows = np.array(list(self.entries.values()), dtype=np.uint16)
        np.savez_compressed(path, words=words, rows=rows)

    def look_up(self, word: str) -> Entry:
        """`word` is normalised; an unknown plural or possessive falls back on its singular."""
        for form in (word, word.removesuffix("s"), word.removesuffix("es"), word.replace("'", "")):
            if form in self.entries:
                return self.entries[form]
        return UNKNOWN


@lru_cache(maxsize=1)
def shipped() -> Lexicon:
    return Lexicon.load()
