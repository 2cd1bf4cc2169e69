"""Classes of words as bits, so that "is this a preposition, a copula or a relative?" is one test of one number.

The names are those the engine asks for; a class of the rules that is not among them says nothing to it.
"""

from functools import lru_cache

ATTRIBUTES = frozenset({"terms", "cultures", "cues", "religions", "sensitive"})
KINDS = (
    "people",
    "periods",
    "roles",
    "collocations",
    "bodies",
    "things",
    "styles",
    "words",
    "attributes",
    "tag",
    *sorted(ATTRIBUTES),
)
STYLES = ("style-before", "style-after", "style-medium")
NUMBERS = tuple(f"numbers-{number}" for number in range(2, 11))
WORDS = (
    *(
        "determiners",
        "definites",
        "indefinites",
        "articles",
        "deictics",
        "possessives",
        "sides",
        "woman-pronouns",
        "man-pronouns",
    ),
    *("copulas", "relatives", "prepositions", "conjunctions", "auxiliaries", "negations", "likenings", "recipients", "purposes"),
    *("disguises", "costumes", "visitors", "faces", "parts", "made-of", "shown-on", "wearings", "kin-by-blood", "fellows"),
    *("handlers", "generic-people", "source-links", "hair-and-skin", "linkers", "adjectives", "job-words", "rankings"),
    *("food", "foreign", "deictic-phrases", "as-written"),
)
BITS = {name: 1 << place for place, name in enumerate((*KINDS, *STYLES, *NUMBERS, *WORDS))}


def classes(*names: str) -> int:
    """The bits of all these classes; a name the engine does not know is a KeyError."""
    return sum(BITS[name] for name in set(names))


@lru_cache(maxsize=4096)
def classes_of(kind: str, flags: frozenset[str], is_noun: bool) -> int:
    """Those of an entry; `flags` and `is_noun` (it has a number) as in Entry."""
    names = {kind}
    if kind == "words":
        names |= flags
    elif kind == "styles":
        names |= {f"style-{flag}" for flag in flags}
    elif kind in ATTRIBUTES and not is_noun:
        names |= {"attributes", "tag"} if "tag" in flags else {"attributes"}
    return classes(*names & BITS.keys())


PRONOUNS = classes("woman-pronouns", "man-pronouns")
OWNERS = PRONOUNS | classes("possessives")
POINTERS = classes("determiners", "deictics")
OPENERS = POINTERS | OWNERS
LINKS = classes("prepositions", "conjunctions")
FEW = classes("indefinites", "numbers-2", "numbers-3")
