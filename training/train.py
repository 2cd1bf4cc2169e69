"""The recipe: draw prompts, turn them into rows, learn, round the weights, measure, write the pipeline."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evenhand.flow import Span
from evenhand.model import LABELS
from evenhand.model.features import FAMILIES, ROWS, family_of, place_rows, word_rows
from evenhand.model.lexicon import Lexicon, shipped
from evenhand.model.network import Weights
from training.corpus import Corpus
from training.gradient import Batch, Learner, initial
from training.grammar import Word
from training.measure import Labelled

# How often a family of rows is hidden for a word, so that the others learn to do without it.
HIDDEN: Mapping[str, float] = {"norm": 0.25, "gram": 0.1, "lexicon": 0.08, "names": 0.3}


@dataclass(frozen=True, slots=True)
class Recipe:
    """`prompts` are drawn once each, never twice; `batch_words` words a step; `rate` falls in a straight line to nothing."""

    seed: int = 7
    prompts: int = 1_000_000
    batch_words: int = 1_000
    rate: float = 0.004


class Rows:
    """Words -> rows, with families hidden at random; remembers what each written word looks like."""

    def __init__(self, lexicon: Lexicon, *, seed: int, hidden: Mapping[str, float] = HIDDEN) -> None:
        self.lexicon = lexicon
        self.hidden = hidden
        self.dice = random.Random(seed)
        self._seen: dict[str, tuple[list[int], dict[str, list[int]]]] = {}

    def of(self, word: str) -> list[int]:
        if word not in self._seen:
            families: dict[str, list[int]] = {family: [] for family in ("", *FAMILIES)}
            for row in word_rows(word, self.lexicon):
                families[family_of(row)].append(row)
            self._seen[word] = (families.pop(""), families)
        rows, hideable = self._seen[word]
        out = list(rows)
        for family, members in hideable.items():
            if self.dice.random() >= self.hidden.get(family, 0.0):
                out += members
        return out

    def batch(self, prompts: Sequence[Sequence[Word]]) -> Batch:
        rows: list[int] = []
        owner: list[int] = []
        labels: list[int] = []
        starts = [0]
        for prompt in prompts:
            for word, places in zip(prompt, place_rows([word.text for word in prompt]), strict=True):
                mine = self.of(word.text) + places
                rows += mine
                owner += [len(labels)] * len(mine)
                labels.append(_NUMBERS[word.label])
            starts.append(len(labels))
        return Batch(np.array(rows), np.array(owner), np.array(starts), np.array(labels))


_NUMBERS = {label: number for number, label in enumerate(LABELS)}


def batches(prompts: Iterable[list[Word]], *, words: int) -> Iterator[list[list[Word]]]:
    held: list[list[Word]] = []
    size = 0
    for prompt in prompts:
        held.append(prompt)
        size += len(prompt)
        if size >= words:
            yield held
            held, size = [], 0
    if held:
        yield held


def train(recipe: Recipe, *, report: bool = True) -> Weights:
    rows = Rows(shipped(), seed=recipe.seed)
    corpus = Corpus(seed=recipe.seed)
    learner = Learner(initial(ROWS, seed=recipe.seed), seed=recipe.seed)
    began, loss, done = time.perf_counter(), 0.0, 0
    for step, prompts in enumerate(batches(corpus.draw(recipe.prompts), words=recipe.batch_words)):
        left = max(0.02, 1 - done / recipe.prompts) * min(1.0, (step + 1) / 40)
        fresh = learner.learn(rows.batch(prompts), rate=recipe.rate * left)
        loss = fresh if step == 0 else loss + 0.02 * (fresh - loss)
        done += len(prompts)
        if report and step % 100 == 0:
            print(f"step {step:>5}  prompts {done:>7,}  loss {loss:.4f}  {time.perf_counter() - began:5.0f} s", flush=True)
    return rounded(learner.weights)


def rounded(weights: Weights) -> Weights:
    """The table is shipped in half precision; what is measured is what is shipped."""
    return {**weights, "table": weights["table"].astype(np.float16).astype(np.float32)}


def unseen(count: int, *, seed: int = 99) -> list[Labelled]:
    """Prompts from the grammar whose jobs, artists, brands, characters and names training keeps back."""
    drawn = Corpus(seed=seed, held_out=True).draw(count)
    return [_as_labelled(prompt) for prompt in drawn]


def _as_labelled(prompt: list[Word]) -> Labelled:
    text, spans = "", []
    for word in prompt:
        spans.append(Span(len(text), len(text) + len(word.text)))
        text += word.text + " "
    return Labelled(text, tuple(spans), tuple(word.label for word in prompt))
