"""Grammar files -> labelled word lists. A rule is a list of weighted templates; slots draw from rules, vocabulary or generators.

    {slot}  {slot?40} (stands in 40 of 100)  {slot>R} (people inside are only referred to)  <one|another>  word^H
Letters: H head, N name, S source, A attribute, B body, R referred to, O nothing. On several words H, B and R mark the last one.
"""

import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from evenhand.text import article, tokenize
from training.vocabulary import Vocabulary

LETTERS = {"H": "HEAD", "N": "NAME", "S": "SRC", "A": "ATTR", "B": "BODY", "R": "REF", "O": "O"}
# What a label turns into inside {slot>X}.
_RELABEL: dict[str, dict[str, str]] = {
    "R": {"HEAD": "REF", "BODY": "REF", "NAME": "SRC", "ATTR": "O"},
    "B": {"HEAD": "BODY", "NAME": "SRC", "ATTR": "O"},
    "S": {"HEAD": "SRC", "NAME": "SRC", "ATTR": "O"},
}
_RULE = re.compile(r"(?:(\d+)\* ?)?(.*)")
_CHOICE = re.compile(r"<([^<>]*)>")
_ITEM = re.compile(r"(\{[^{}]+\})(?:\^([A-Z]))?(\S*)|(\S+)")
_SLOT = re.compile(r"\{(\w+)(?:\?(\d+))?(?:>([A-Z]))?\}")
_MARKED = re.compile(r"(.+?)\^([A-Z])(?=\W|$)")
_HOME = Path(__file__).parent / "grammar"
_ANGLES = str.maketrans("\u2039\u203a", "<>")  # angle brackets that are meant as such
MAX_DEPTH = 12


class Word(NamedTuple):
    text: str
    label: str


class Template(NamedTuple):
    weight: int
    text: str


def read_rules(folder: Path = _HOME) -> dict[str, list[Template]]:
    rules: dict[str, list[Template]] = {}
    name = ""
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("== "):
                name = line[3:].strip()
                rules[name] = []
            elif line.strip() and not line.startswith("#"):
                found = _RULE.fullmatch(line)
                assert found is not None
                rules[name].append(Template(int(found[1] or 1), found[2]))
    return rules


def labelled(text: str, label: str) -> list[Word]:
    """`label` goes to all words for names, sources and attributes, to the last word for heads, bodies and references."""
    words = [text[span.start : span.end] for span in tokenize(text)]
    real = [at for at, word in enumerate(words) if word[0].isalnum()]
    marked = set(real if label in ("NAME", "SRC", "ATTR") else real[-1:])
    return [Word(word, label if at in marked else "O") for at, word in enumerate(words)]


class Grammar:
    """Draws prompts. Everything random comes from `dice`, so one seed gives one corpus."""

    def __init__(self, vocabulary: Vocabulary, dice: random.Random, *, rules: dict[str, list[Template]] | None = None) -> None:
        self.rules = rules or read_rules()
        self.dice = dice
        self.vocabulary = vocabulary
        self._weights = {name: [template.weight for template in templates] for name, templates in self.rules.items()}
        self._generators: dict[str, Callable[[], str]] = vocabulary.generators(dice)

    def draw(self, rule: str = "prompt") -> list[Word]:
        return self._with_articles(self._expand(rule, depth=0))

    def _expand(self, rule: str, *, depth: int) -> list[Word]:
        if rule in self._generators:
            return labelled(self._generators[rule](), "O")
        if rule not in self.rules:
            return labelled(self.dice.choice(self.vocabulary.entries(rule)), "O")
        if depth > MAX_DEPTH:
            return []
        template = self.dice.choices(self.rules[rule], self._weights[rule])[0]
        return self._fill(template.text, depth=depth)

    def _fill(self, text: str, *, depth: int) -> list[Word]:
        chosen = _CHOICE.sub(lambda found: self.dice.choice(found[1].split("|")), text).translate(_ANGLES)
        if ".?" in chosen:
            chosen = chosen.replace(".?", self.dice.choice((".", "")))
        words: list[Word] = []
        for found in _ITEM.finditer(chosen):
            slot, letter, rest, plain = found.groups()
            if slot:
                words += self._slot(slot, letter, depth=depth) + (labelled(rest, "O") if rest else [])
            else:
                words += self._literal(plain)
        return words

    def _literal(self, text: str) -> list[Word]:
        found = _MARKED.match(text)
        if not found:
            return labelled(text, "O")
        rest = text[found.end() :]
        return labelled(found[1], LETTERS[found[2]]) + (self._literal(rest) if rest else [])

    def _slot(self, slot: str, letter: str | None, *, depth: int) -> list[Word]:
        found = _SLOT.fullmatch(slot)
        if found is None:
            raise ValueError(f"the slot '{slot}' can't be read; write it as {{name}}, {{name?40}} or {{name>R}}")
        name, chance, relabel = found.groups()
        if chance and self.dice.random() * 100 >= int(chance):
            return []
        words = self._expand(name, depth=depth + 1)
        if relabel:
            words = [Word(word.text, _RELABEL[relabel].get(word.label, word.label)) for word in words]
        return _marked(words, LETTERS[letter]) if letter else words

    def _with_articles(self, words: list[Word]) -> list[Word]:
        """ "a" before a vowel becomes "an", save for the few who forget it."""
        out = list(words)
        for at, (word, after) in enumerate(pairwise(words)):
            if word.text == "a" and word.label == "O" and after.text[0].isalnum() and self.dice.random() < 0.96:
                out[at] = Word(article(after.text), "O")
        return out


def _marked(words: list[Word], label: str) -> list[Word]:
    real = [at for at, word in enumerate(words) if word.text[0].isalnum()]
    marked = set(real if label in ("NAME", "SRC", "ATTR", "O") else real[-1:])
    return [Word(word.text, label) if at in marked else word for at, word in enumerate(words)]
