"""How a prompt is written: in CAPITALS, in Title Case, all in lower case, joined_by_underscores. Asked of every added word.

Text in; each answer is found once a prompt, however many words are added and images asked for.
"""

import re
from bisect import bisect_left
from functools import cached_property

LONG_WORDS = 8  # without a capital in so many words the prompt is written in lower case on purpose
CAPITALS = 0.7  # the share of capital letters from which a prompt is written in capitals
SMALL_WORDS = frozenset({"a", "an", "and", "of", "the", "in", "on", "at", "with"})
_RUN = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_PARTING = re.compile(r"[\s,]")
_SMALL_AS_CAPITAL = re.compile(r"\s(?:A|An|And|Of|In|On|At|The|With)\s")
_OPENING = " \t([{\"'\u201c\u2018*"


class Manner:
    def __init__(self, text: str) -> None:
        self.text = text
        self._counts: dict[str, int] = {}

    @cached_property
    def is_capitals(self) -> bool:
        if not (self.has_capital and any(len(part) > 3 and part.isupper() for part in self._words)):
            return False
        letters = [char for char in self.text if char.isalpha()]
        return sum(map(str.isupper, letters)) > CAPITALS * len(letters)

    @cached_property
    def is_title(self) -> bool:
        """Title Case: every longer word has a capital, and there are several."""
        long = [part for part in self._words if len(part) > 3] if self.has_capital else ()
        return len(long) > 1 and all(part[0].isupper() for part in long)

    @cached_property
    def has_capital(self) -> bool:
        text = self.text
        return text != text.lower() if text.isascii() else any(map(str.isupper, text))

    @cached_property
    def is_lower(self) -> bool:
        return not self.has_capital and len(self.text.split()) > LONG_WORDS

    @cached_property
    def small_words(self) -> frozenset[str]:
        """Those that Title Case leaves small here."""
        return frozenset() if _SMALL_AS_CAPITAL.search(self.text) else SMALL_WORDS

    def titled(self, words: str) -> str:
        return " ".join(part if part in self.small_words else part[:1].upper() + part[1:] for part in words.split(" "))

    def joined(self, at: int, words: str) -> str:
        """In "tired_nurse" words are joined as the prompt joins them, and stay in lower case."""
        if "_" not in self.text or words.startswith(",") or "_" not in self._stretch(at):
            return words
        return words.replace(" ", "_") if self.has_capital else words.replace(" ", "_").lower()

    def opens_sentence(self, at: int) -> bool:
        if not self.text[at : at + 1].isupper():
            return False
        while at and self.text[at - 1] in _OPENING:
            at -= 1
        return not at or self.text[at - 1] in ".!?:\n"

    def goes_on(self, at: int) -> bool:
        """Without a mark, after a space."""
        if self.text[at : at + 1] != " ":
            return False
        while self.text[at : at + 1] == " ":
            at += 1
        return self.text[at : at + 1].isalnum()

    def count(self, noun: str) -> int:
        """How often it stands in the text as a word of its own, in whatever case."""
        if noun not in self._counts:
            whole = _RUN.fullmatch(noun)
            self._counts[noun] = (
                self._runs.count(noun) if whole else len(re.findall(rf"\b{re.escape(noun)}\b", self.text.lower()))
            )
        return self._counts[noun]

    @cached_property
    def _words(self) -> list[str]:
        return _LETTERS.findall(self.text)

    @cached_property
    def _runs(self) -> list[str]:
        return _RUN.findall(self.text.lower())

    @cached_property
    def _cuts(self) -> list[int]:
        return [found.start() for found in _PARTING.finditer(self.text)]

    def _stretch(self, at: int) -> str:
        """What stands around place `at` without a space or comma."""
        place = bisect_left(self._cuts, at)
        first = self._cuts[place - 1] + 1 if place else 0
        return self.text[first : self._cuts[place] if place < len(self._cuts) else None]
