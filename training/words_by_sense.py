"""Single words of the shipped lexicon by sense and form: things, persons, verbs, adjectives. They give the corpus its breadth."""

from collections.abc import Iterator
from functools import cached_property

from evenhand.model.lexicon import SENSES, Entry, Lexicon

_THINGS = ("artifact", "object", "plant", "food", "animal", "phenomenon", "body", "substance", "shape")
_ABSTRACTS = ("act", "attribute", "cognition", "communication", "event", "feeling", "process", "state", "time", "possession")
_NO_PERSON = ("animal", "artifact", "adjective", "famous", "first_name", "last_name", "place")
_USUALLY_LOWER = 4  # below this step of Entry.capital a word is rarely written with a capital


class WordsBySense:
    def __init__(self, lexicon: Lexicon) -> None:
        self.entries = lexicon.entries

    @cached_property
    def persons(self) -> list[str]:
        """Nouns whose first sense is a person and that are no adjective, animal or name; frequent enough to be known."""
        known = self._of(("person",), least=2)
        return [word for word, entry in known if not any(map(entry.has, _NO_PERSON)) and not word.endswith("s")]

    @cached_property
    def things(self) -> list[str]:
        return [word for word, entry in self._of(_THINGS, least=3) if not (entry.has("person") or entry.has("first_name"))]

    @cached_property
    def rare_things(self) -> list[str]:
        numbers = {SENSES.index(sense) for sense in _THINGS}
        entries = self.entries.items()
        return [word for word, entry in entries if entry.sense in numbers and entry.frequency < 3 and not entry.has("person")]

    @cached_property
    def abstracts(self) -> list[str]:
        return [word for word, entry in self._of(_ABSTRACTS, least=4) if not entry.has("person")]

    @cached_property
    def places(self) -> list[str]:
        return [word.title() for word, entry in self.entries.items() if entry.has("place") and not entry.has("first_name")]

    @cached_property
    def adjectives(self) -> list[str]:
        return [word for word, entry in self._of(("none",), least=3) if entry.has("adjective")]

    @cached_property
    def adverbs(self) -> list[str]:
        entries = self.entries.items()
        return [word for word, entry in entries if entry.has("adverb") and word.endswith("ly") and entry.frequency >= 3]

    @cached_property
    def comparatives(self) -> list[str]:
        ending = (word for word, entry in self.entries.items() if word.endswith(("er", "est")) and entry.frequency >= 4)
        return [word for word in ending if self._is_compared(word)]

    def _is_compared(self, word: str) -> bool:
        stems = (word[:-2], word[:-3], word[:-1], word[:-3] + "y")
        adjective = any(stem in self.entries and self.entries[stem].has("adjective") for stem in stems)
        return adjective and (self.entries[word].has("adjective") or not self.entries[word].has("person"))

    @cached_property
    def base_verbs(self) -> list[str]:
        """Verbs by their base form: their -ing form is known, and they are no person noun."""
        frequent = ((word, entry) for word, entry in self.entries.items() if entry.has("verb") and entry.frequency >= 4)
        known = (word for word, entry in frequent if not entry.has("person"))
        return [word for word in known if f"{word}ing" in self.entries or f"{word[:-1]}ing" in self.entries]

    @cached_property
    def past_verbs(self) -> list[str]:
        return [word for word, _ in self._frequent("ed") if self.entries[word].sense == 0]

    @cached_property
    def participles(self) -> list[str]:
        return [word for word, _ in self._frequent("ing")]

    def _frequent(self, ending: str) -> Iterator[tuple[str, Entry]]:
        entries = self.entries.items()
        return ((word, entry) for word, entry in entries if word.endswith(ending) and len(word) > 4 and entry.frequency >= 4)

    def _of(self, senses: tuple[str, ...], *, least: int) -> Iterator[tuple[str, Entry]]:
        numbers = {SENSES.index(sense) for sense in senses}
        for word, entry in self.entries.items():
            if entry.sense in numbers and entry.frequency >= least and entry.capital < _USUALLY_LOWER:
                yield word, entry
