"""A corpus: prompts drawn from the grammar, then written as people write: lower case, CAPITALS, weights, misspellings."""

import random
from collections.abc import Iterator
from functools import cached_property

from evenhand.model.lexicon import Lexicon, shipped
from evenhand.text import tokenize
from training.grammar import Grammar, Word
from training.vocabulary import Vocabulary

MAX_WORDS = 110
_AMBIGUOUS = frozenset(
    (
        *("fan", "figure", "character", "guide", "model", "general", "page", "cook", "star", "baby", "lady", "major"),
        *("minor", "printer", "double", "local", "regular", "subject", "being", "human", "shadow", "head"),
    )
)
_BRACKETS = (("(", ": 1.3 )"), ("(", ")"), ("((", "))"), ("[", "]"), ("{", "}"), ("(", ": 0.8 )"), ("", "::2"))
_CASES = ("lower", "as is", "sentence", "title", "upper")
_CASE_WEIGHTS = (44, 28, 18, 4, 6)


class Corpus:
    """Endless; one seed gives one sequence. Iterate with `draw(count)`."""

    def __init__(self, *, seed: int, held_out: bool = False, lexicon: Lexicon | None = None) -> None:
        self.dice = random.Random(seed)
        self.vocabulary = Vocabulary(lexicon or shipped(), held_out=held_out)
        self.grammar = Grammar(self.vocabulary, self.dice)

    def draw(self, count: int) -> Iterator[list[Word]]:
        for _ in range(count):
            yield self.prompt()

    def prompt(self) -> list[Word]:
        words: list[Word] = []
        while not words:
            words = self.grammar.draw()[:MAX_WORDS]
        words = [self._referred(word) for word in words]
        if self.dice.random() < 0.08:
            words = [word for word in words if word.text not in ("a", "an", "the")] or words
        if self.dice.random() < 0.07:
            words = self._weighted(words)
        if self.dice.random() < 0.05:
            words = self._without_commas(words)
        words = self._cased(words)
        return [self._misspelt(word) for word in words] if self.dice.random() < 0.2 else words

    @cached_property
    def _person_words(self) -> frozenset[str]:
        lists = ("jobs", "persons", "fantasy", "plurals", "gendered")
        return frozenset(entry.split()[-1].lower() for name in lists for entry in self.vocabulary.entries(name)) - _AMBIGUOUS

    def _referred(self, word: Word) -> Word:
        """A person noun the grammar left unmarked stands inside a thing's name or a text: it is only referred to."""
        return Word(word.text, "REF") if word.label == "O" and word.text.lower() in self._person_words else word

    def _weighted(self, words: list[Word]) -> list[Word]:
        start = self.dice.randrange(len(words))
        end = min(len(words), start + self.dice.randint(1, 4))
        opening, closing = self.dice.choice(_BRACKETS)
        return [*words[:start], *_plain(opening), *words[start:end], *_plain(closing), *words[end:]]

    def _without_commas(self, words: list[Word]) -> list[Word]:
        return [word for word in words if word.text != ","] or words

    def _cased(self, words: list[Word]) -> list[Word]:
        style = self.dice.choices(_CASES, _CASE_WEIGHTS)[0]
        if style == "lower":
            return [Word(word.text.lower(), word.label) for word in words]
        if style == "upper":
            return [Word(word.text.upper(), word.label) for word in words]
        if style == "title":
            return [Word(word.text[:1].upper() + word.text[1:], word.label) for word in words]
        if style == "sentence":
            return [_capital(word) if at == 0 or words[at - 1].text == "." else word for at, word in enumerate(words)]
        return words

    def _misspelt(self, word: Word) -> Word:
        if len(word.text) < 5 or self.dice.random() > 0.18:
            return word
        at = self.dice.randrange(1, len(word.text) - 1)
        front, letter, after, back = word.text[:at], word.text[at], word.text[at + 1], word.text[at + 2 :]
        kinds = (front + after + back, front + after + letter + back, front + letter + letter + after + back)
        return Word(self.dice.choice(kinds), word.label)


def _plain(text: str) -> list[Word]:
    return [Word(text[span.start : span.end], "O") for span in tokenize(text)]


def _capital(word: Word) -> Word:
    return Word(word.text[:1].upper() + word.text[1:], word.label)
