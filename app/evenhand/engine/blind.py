"""The language model judges blind: it never sees the words that state gender or ethnicity, nor "a" against "an".

So its word on who is a person is the same for "a Black teacher", "a Korean teacher" and "a teacher", and the same for a
rewrite as for the prompt it came from. Reading in; one label a token out, empty for the words left out.
"""

from evenhand.engine.classes import NUMBERS, classes
from evenhand.engine.reading import Reading
from evenhand.engine.tagger import Tagger

HIDDEN_FORMS = frozenset({"adjective", "phrase", "nationality"})
UNSEEN: tuple[str, float] = ("", 0.0)
JOINING = classes("determiners", "conjunctions", *NUMBERS)
_NEUTRAL = {"an": "a", "An": "A", "AN": "A"}


def blind_labels(reading: Reading, tagger: Tagger) -> list[tuple[str, float]]:
    tokens = reading.tokens
    hidden = _stating(reading)
    hidden |= _asides(reading, hidden)
    words = [_NEUTRAL.get(raw, raw) for raw in tokens.raws]
    if not hidden:
        return tagger.read(words)
    shown = [index for index in range(len(tokens)) if index not in hidden]
    read = tagger.read([words[index] for index in shown])
    labels = [UNSEEN] * len(tokens)
    for index, label in zip(shown, read, strict=True):
        labels[index] = label
    return labels


def _stating(reading: Reading) -> set[int]:
    """Adjectives of gender and of peoples; nouns stay, since they are the person."""
    return {
        index
        for match in reading.matches
        if match.entry.axes and match.entry.number is None and HIDDEN_FORMS & match.entry.flags
        for index in range(match.first, match.last)
        if not reading.has("roles", index)
    }


def _asides(reading: Reading, stating: set[int]) -> set[int]:
    """Whole segments that only state who: ", a Black woman and a white man," with the commas around them."""
    tokens = reading.tokens
    genders = {match.last - 1 for match in reading.matches if match.entry.number is not None and "gender" in match.entry.states}
    out: set[int] = set()
    for inside in {tokens.segment_of(index) for index in genders}:
        words = [index for index in inside if not tokens.is_mark(index)]
        states = all(index in stating or index in genders or reading.any(JOINING, index) for index in words)
        if states and inside[0] > 0 and tokens.words[inside[0] - 1] == ",":
            out.update(inside, [inside[0] - 1])
    return out
