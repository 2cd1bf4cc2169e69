"""Is this prompt in the language of the rules? Others pass unchanged: words added to them would be wrong."""

from evenhand.engine.classes import classes
from evenhand.engine.reading import Reading

ENGLISH = classes("determiners", "prepositions", "conjunctions", "copulas", "woman-pronouns", "man-pronouns", "auxiliaries")
FOREIGN = classes("foreign")
MIN_FOREIGN = 2


def language_of(reading: Reading) -> str:
    """ "en", or "und" (undetermined) where most letters are of another script or most small words of another language."""
    if not reading.tokens.text.isascii() and _is_foreign_script(reading.tokens.text):
        return "und"
    foreign = [index for index in reading.every(FOREIGN) if not reading.any(ENGLISH, index)]
    return "und" if len(foreign) >= MIN_FOREIGN and len(foreign) > len(reading.every(ENGLISH)) else "en"


def _is_foreign_script(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return sum(char > "\u024f" for char in letters) * 2 > len(letters)
