"""What is known about a written word outside of any prompt: cluster, capital habit, frequency, sense, flags.

Comes in as one compressed table beside the weights; goes out as a tuple of small integers a word.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

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


class Lexicon:
    def __init__(self, entries: dict[str, Entry]) -> None:
        self.entries = entries

    @classmethod
    def load(cls, path: Path = LEXICON) -> "Lexicon":
        with np.load(path) as table:
            words = table["words"].tobytes().decode("utf-8").split("\n")
            return cls(dict(zip(words, map(Entry._make, table["rows"].tolist()), strict=True)))

    def save(self, path: Path) -> None:
        words = np.frombuffer("\n".join(self.entries).encode("utf-8"), dtype=np.uint8)
        rows = np.array(list(self.entries.values()), dtype=np.uint16)
        np.savez_compressed(path, words=words, rows=rows)

    def look_up(self, word: str) -> Entry:
        """`word` is normalised; an unknown plural or possessive falls back on its singular."""
        for form in (word, word.removesuffix("s"), word.removesuffix("es"), word.replace("'", "")):
            found = self.entries.get(form)
            if found is not None:
                return found
        return UNKNOWN


@lru_cache(maxsize=1)
def shipped() -> Lexicon:
    return Lexicon.load()
