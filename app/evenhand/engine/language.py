"""Is this prompt in the language of the rules? Others pass unchanged: words added to them would be wrong."""

from evenhand.engine.reading import Reading

ENGLISH = ("determiners", "prepositions", "conjunctions", "copulas", "woman-pronouns", "man-pronouns", "auxiliaries")
MIN_FOREIGN = 2


def language_of(reading: Reading) -> str:
    """ "en", or "und" (undetermined) where most letters are of another script or most small words of another language."""
    letters = [char for char in reading.tokens.text if char.isalpha()]
    if sum(char > "\u024f" for char in letters) * 2 > len(letters):
        return "und"
    english = {index for name in ENGLISH for index in reading.marks.get(name, ())}
    foreign = reading.marks.get("foreign", frozenset()) - english
    return "und" if len(foreign) >= MIN_FOREIGN and len(foreign) > len(english) else "en"
