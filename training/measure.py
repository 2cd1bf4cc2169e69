"""Scores of a tagger: per label on labelled prompts, and heads and names against a gold file of subjects."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evenhand.flow import Span
from evenhand.model import LABELS
from evenhand.text import tokenize

HELD_OUT = Path(__file__).parent / "heldout.jsonl"
FRESH = Path(__file__).parent / "fresh.jsonl"
Tags = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Labelled:
    text: str
    spans: tuple[Span, ...]
    labels: tuple[str, ...]
    topic: str = ""

    @property
    def words(self) -> list[str]:
        return [self.text[span.start : span.end] for span in self.spans]


@dataclass(slots=True)
class Score:
    right: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, gold: Iterable[str], guessed: Iterable[str]) -> None:
        for label, guess in zip(gold, guessed, strict=True):
            if label == guess:
                self.right[label] += 1
            else:
                self.missed[label] += 1
                self.false[guess] += 1

    def precision(self, label: str) -> float:
        return self.right[label] / max(self.right[label] + self.false[label], 1)

    def recall(self, label: str) -> float:
        return self.right[label] / max(self.right[label] + self.missed[label], 1)

    def f1(self, label: str) -> float:
        total = 2 * self.right[label] + self.false[label] + self.missed[label]
        return 2 * self.right[label] / max(total, 1)

    def lines(self) -> Iterator[str]:
        for label in LABELS:
            count = self.right[label] + self.missed[label]
            rates = f"precision {self.precision(label):.3f}  recall {self.recall(label):.3f}  F1 {self.f1(label):.3f}"
            yield f"  {label:<5} {rates}  ({count:,} words)"


def held_out(path: Path = HELD_OUT) -> list[Labelled]:
    """Authored prompts in registers the grammar does not write: {"topic", "text", "labels": [[start, end, label]]} a line."""
    return [_labelled(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _labelled(row: dict[str, object]) -> Labelled:
    text, marks = str(row["text"]), row["labels"]
    assert isinstance(marks, list)
    named = {(start, end): label for start, end, label in marks}
    spans = tuple(tokenize(text))
    return Labelled(text, spans, tuple(named.get((span.start, span.end), "O") for span in spans), str(row["topic"]))


def score(prompts: Iterable[Labelled], tags: Tags) -> Score:
    out = Score()
    for prompt in prompts:
        out.add(prompt.labels, tags(prompt.words))
    return out


@dataclass(frozen=True, slots=True)
class Heads:
    """Subjects found (their head is marked HEAD or NAME) and missed; words marked HEAD that belong to no subject."""

    found: int
    missed: int
    false: int

    def __str__(self) -> str:
        precision, recall = self.found / max(self.found + self.false, 1), self.found / max(self.found + self.missed, 1)
        return f"precision {precision:.3f}  recall {recall:.3f}  ({self.found} found, {self.missed} missed, {self.false} false)"


def heads(gold: Path, tags: Tags) -> Heads:
    """`gold` has one {"prompt", "subjects": [{"head", "start", "end"}]} a line. A head said again is no false one."""
    found = missed = false = 0
    for line in gold.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text, spans = row["prompt"], tokenize(row["prompt"])
        labels = tags([text[span.start : span.end] for span in spans])
        marked = [(span, tag) for span, tag in zip(spans, labels, strict=True) if tag != "O"]
        subjects = [Span(subject["start"], subject["end"]) for subject in row["subjects"]]
        said = {text[span.start : span.end].lower() for span in subjects}
        hit = sum(any(tag in ("HEAD", "NAME") and span.meets(subject) for span, tag in marked) for subject in subjects)
        found, missed = found + hit, missed + len(subjects) - hit
        false += sum(tag == "HEAD" and text[span.start : span.end].lower() not in said for span, tag in marked)
    return Heads(found, missed, false)
