"""Builds app/evenhand/model/en/lexicon.npz from spacy-lookups-data, WordNet's index files and faker's name lists.

Needed only when the table itself changes (`python -m training lexicon`); training and serving read the finished table.
"""

import gzip
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np

from evenhand.model.lexicon import FLAGS, SENSES, Entry, Lexicon
from evenhand.text import normalize
from training.people_names import all_first_names, all_last_names

WORDNET = Path("/usr/share/wordnet")
WORDS = 72_000
_RARE = -20.0
_SENSE = {name: number for number, name in enumerate(SENSES)}


def _table(name: str) -> dict[str, float]:
    home = Path(str(import_module("spacy_lookups_data").__file__)).parent / "data"
    with gzip.open(home / f"en_lexeme_{name}.json.gz", "rt", encoding="utf-8") as lines:
        data: dict[str, float] = json.load(lines)
    return data


def _synsets() -> dict[int, tuple[int, bool]]:
    """Offset of a noun synset -> lexicographer's file, counted from 1, and whether it is an instance ("Paris")."""
    out: dict[int, tuple[int, bool]] = {}
    for line in (WORDNET / "data.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith("  "):
            parts = line.split(" ")
            out[int(parts[0])] = (int(parts[1]) - 2, " @i " in line.split(" | ")[0])
    return out


def _index(kind: str) -> Iterator[tuple[str, list[int], int]]:
    """Each lemma of one word: its synsets, most frequent first, and how many of them were seen in tagged text."""
    for line in (WORDNET / f"index.{kind}").read_text(encoding="latin-1").splitlines():
        parts = line.split()
        if line.startswith("  ") or "_" in parts[0]:
            continue
        count = int(parts[2])
        yield parts[0], [int(offset) for offset in parts[-count:]], int(parts[-count - 1])


def _bit(flag: str) -> int:
    return 1 << FLAGS.index(flag)


def _nouns() -> tuple[dict[str, int], dict[str, int]]:
    """Lemma -> sense number of its first sense; lemma -> flags of its first four senses."""
    synsets = _synsets()
    first: dict[str, int] = {}
    flags: dict[str, int] = defaultdict(int)
    for lemma, offsets, _ in _index("noun"):
        senses = [synsets[offset] for offset in offsets[:4]]
        first[lemma] = senses[0][0]
        for sense, instance in senses:
            if instance:
                flags[lemma] |= {_SENSE["person"]: _bit("famous"), _SENSE["location"]: _bit("place")}.get(sense, 0)
            else:
                flags[lemma] |= {_SENSE[flag]: _bit(flag) for flag in ("person", "animal", "artifact")}.get(sense, 0)
    return first, flags


def _others() -> dict[str, int]:
    flags: dict[str, int] = defaultdict(int)
    for kind, flag in (("verb", "verb"), ("adj", "adjective"), ("adv", "adverb")):
        for lemma, _, tagged in _index(kind):
            flags[lemma] |= _bit(flag) if tagged or kind != "verb" else 0
    return flags


def _names() -> dict[str, int]:
    flags: dict[str, int] = defaultdict(int)
    for flag, names in (("first_name", all_first_names()), ("last_name", all_last_names())):
        for name in names:
            for part in normalize(name).split():
                flags[part] |= _bit(flag)
    return flags


def _singulars(word: str) -> list[str]:
    forms = [word, word.removesuffix("s"), word.removesuffix("es")]
    return forms + ([word[:-3] + "y"] if word.endswith("ies") else []) + ([word[:-3] + "man"] if word.endswith("men") else [])


def _path(cluster: int) -> int:
    """The table keeps the bits of a cluster root last; eight from the root are enough."""
    return cluster & 0xFF


def build() -> Lexicon:
    chances, clusters = _table("prob"), _table("cluster")
    senses, noun_flags = _nouns()
    flags = (noun_flags, _others(), _names())
    words = _chosen(chances, {**senses, **flags[2]})
    numbers: dict[int, int] = {0: 0}
    entries: dict[str, Entry] = {}
    for word in words:
        lower, title = int(clusters.get(word, 0)), int(clusters.get(word.title(), 0))
        forms = _singulars(word)
        sense = next((senses[form] for form in forms if form in senses), 0)
        bits = next((table[form] for table in (flags[0],) for form in forms if form in table), 0)
        for table in flags[1:]:
            bits |= table.get(word, 0)
        rare, cased = chances.get(word, _RARE), chances.get(word.title(), _RARE)
        entries[word] = Entry(
            cluster=numbers.setdefault(lower, len(numbers)),
            title=numbers.setdefault(title, len(numbers)),
            path=_path(lower or title),
            capital=int(np.clip(round((cased - rare) / 1.5) + 4, 0, 7)),
            frequency=int(np.clip((max(rare, cased) + 20) / 1.4, 0, 9)),
            sense=sense,
            flags=bits,
        )
    print(f"{len(entries):,} words, {len(numbers):,} clusters")
    return Lexicon(entries)


def _chosen(chances: dict[str, float], known: dict[str, int]) -> list[str]:
    best: dict[str, float] = {}
    for word, chance in chances.items():
        norm = word.lower()
        if word.replace("'", "").isalpha() and word.isascii() and len(word) < 20:
            best[norm] = max(best.get(norm, -math.inf), chance)
    for word in known:
        if word.isalpha() and word in best:
            best[word] += 3.0
    return sorted(sorted(best, key=lambda word: (-best[word], word))[:WORDS])
