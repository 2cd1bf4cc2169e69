"""The language model judges blind: it never sees the words that state gender or ethnicity, nor "a" against "an".

So its word on who is a person is the same for "a Black teacher", "a Korean teacher" and "a teacher", and the same for a
rewrite as for the prompt it came from. Reading in; one label a token out, empty for the words left out.
"""

from evenhand.engine.reading import Reading
from evenhand.engine.tagger import Tagger

HIDDEN_FORMS = frozenset({"adjective", "phrase", "nationality"})
UNSEEN: tuple[str, float] = ("", 0.0)
JOINING = ("determiners", "conjunctions", *(f"numbers-{number}" for number in range(2, 11)))


def blind_labels(reading: Reading, tagger: Tagger) -> list[tuple[str, float]]:
    tokens = reading.tokens
    hidden = _stating(reading)
    hidden |= _asides(reading, hidden)
    shown = [index for index in range(len(tokens)) if index not in hidden]
    read = tagger.read([_neutral(tokens.raw(index)) for index in shown])
    labels = [UNSEEN] * len(tokens)
    for index, label in zip(shown, read, strict=True):
        labels[index] = label
    return labels


def _stating(reading: Reading) -> set[int]:
    """Adjectives of gender and of peoples; nouns stay, since they are the person."""
    return {
        index
        for match in reading.matches
        if match.entry.number is None and HIDDEN_FORMS & match.entry.flags and match.entry.axes
        for index in range(match.first, match.last)
        if not reading.has("roles", index)
    }


def _asides(reading: Reading, stating: set[int]) -> set[int]:
    """Whole segments that only state who: ", a Black woman and a white man," with the commas around them."""
    tokens = reading.tokens
    genders = {match.last - 1 for match in reading.matches if match.entry.number is not None and "gender" in match.entry.states}
    out: set[int] = set()
    for segment in {tokens.segment[index] for index in genders}:
        inside = [index for index in range(len(tokens)) if tokens.segment[index] == segment]
        words = [index for index in inside if not tokens.is_mark(index)]
        states = all(index in stating or index in genders or reading.any(JOINING, index) for index in words)
        if states and inside[0] > 0 and tokens.words[inside[0] - 1] == ",":
            out.update(inside, [inside[0] - 1])
    return out


def _neutral(word: str) -> str:
    return {"an": "a", "An": "A", "AN": "A"}.get(word, word)
