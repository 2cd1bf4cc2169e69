"""The recipe on a tiny slice: the grammar's labels, the gradient, a falling loss, one seed one result, a pipeline that loads."""

import random
from pathlib import Path

import numpy as np
import pytest
from training.corpus import Corpus
from training.gradient import Learner, initial, neighbours
from training.grammar import Grammar, Template, Word, labelled
from training.measure import Tags, held_out, score
from training.pipeline import write_pipeline
from training.train import Recipe, Rows, rounded, train, unseen
from training.vocabulary import PARTED, Vocabulary

from evenhand.engine.tagger import load_tagger
from evenhand.model import LABELS
from evenhand.model.features import ROWS
from evenhand.model.lexicon import shipped
from evenhand.model.network import Network, Weights

TINY = Recipe(prompts=1200, batch_words=400)


def grammar(**rules: str) -> Grammar:
    made = {name: [Template(1, text)] for name, text in rules.items()}
    return Grammar(Vocabulary(shipped()), random.Random(1), rules=made)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a young nurse^H", [("a", "O"), ("young", "O"), ("nurse", "HEAD")]),
        ("{one^}", None),
        ("{who>R} 's hat", [("police", "O"), ("officer", "REF"), ("'s", "O"), ("hat", "O")]),
        ("{who}", [("police", "O"), ("officer", "HEAD")]),
        ("{who?0} hat", [("hat", "O")]),
        ("{words}^S", [("Van", "SRC"), ("Gogh", "SRC")]),
        ("a <owl|owl>", [("an", "O"), ("owl", "O")]),
    ],
)
def test_templates(rule: str, expected: list[tuple[str, str]] | None) -> None:
    made = grammar(prompt=rule, who="police officer^H", words="Van Gogh")
    if expected is None:
        with pytest.raises(ValueError, match=r"the slot '\{one\^\}' can't be read"):
            made.draw()
    else:
        assert made.draw() == [Word(*pair) for pair in expected]


def test_labels_mark_heads_last_and_names_whole() -> None:
    assert [word.label for word in labelled("police officer", "HEAD")] == ["O", "HEAD"]
    assert [word.label for word in labelled("Greg O'Neil", "NAME")] == ["NAME", "NAME"]


def test_every_rule_of_the_grammar_can_be_drawn() -> None:
    corpus = Corpus(seed=1)
    for rule in corpus.grammar.rules:
        for _ in range(3):
            drawn = corpus.grammar.draw(rule)
            assert all(word.label in LABELS for word in drawn)
            assert not {"{", "}", "^", "|"} & {word.text for word in drawn}, rule


def test_at_least_a_third_of_the_corpus_shows_nobody() -> None:
    drawn = list(Corpus(seed=2).draw(3000))
    empty = sum(all(word.label not in ("HEAD", "NAME") for word in prompt) for prompt in drawn)
    assert empty >= len(drawn) / 3


@pytest.mark.parametrize("name", sorted(PARTED))
def test_what_is_kept_back_is_never_trained_on(name: str) -> None:
    ours, theirs = Vocabulary(shipped()), Vocabulary(shipped(), held_out=True)
    assert theirs.entries(name)
    assert not set(ours.entries(name)) & set(theirs.entries(name))


def test_windows_stop_at_the_border_of_a_prompt() -> None:
    before, after = neighbours(np.array([0, 2, 5]), 1)
    assert before.tolist() == [5, 0, 5, 2, 3]
    assert after.tolist() == [1, 5, 3, 4, 5]


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    prompts = [
        [Word(text, "HEAD" if text == "nurse" else "O") for text in line.split()] for line in ("a nurse and dog", "no nurse")
    ]
    learner = Learner({name: value.astype(np.float64) for name, value in initial(ROWS, seed=3).items()}, seed=3, dropout=0.0)
    batch = Rows(shipped(), seed=3).batch(prompts)
    _, grads = learner.gradient(batch)
    for name in ("window0", "window3", "scale1", "pool", "out"):
        weight = learner.weights[name].reshape(-1)
        at = int(np.abs(grads[name]).argmax())
        kept, step = weight[at], 1e-5
        weight[at] = kept + step
        above = learner.gradient(batch)[0]
        weight[at] = kept - step
        below = learner.gradient(batch)[0]
        weight[at] = kept
        assert (above - below) / (2 * step) == pytest.approx(grads[name].reshape(-1)[at], rel=0.02)


def test_learning_and_serving_see_the_same() -> None:
    lines = ("a nurse", "nurse", "the tall nurse and two old dogs by the sea in a very long line of words")
    prompts = [[Word(text, "O") for text in line.split()] for line in lines]
    weights = {name: value * (0.2 if name == "out" else 1) for name, value in initial(ROWS, seed=8).items()}
    weights["out_bias"][LABELS.index("O")] = 1.0  # no word is read as a name: names are joined in serving only
    chances = Learner(weights, seed=8, dropout=0.0).chances(Rows(shipped(), seed=8, hidden={}).batch(prompts))
    served = np.concatenate([Network(weights, shipped()).read(line.split()) for line in lines])
    assert np.allclose(chances, served, atol=1e-4)


def test_learns_and_repeats_itself() -> None:
    first, again = train(TINY, report=False), train(TINY, report=False)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    untrained = rounded(initial(ROWS, seed=TINY.seed))
    some = unseen(150)
    assert score(some, _tags(first)).f1("HEAD") > score(some, _tags(untrained)).f1("HEAD") + 0.2


def test_the_written_pipeline_loads_and_reads(tmp_path: Path) -> None:
    weights = rounded(initial(ROWS, seed=5))
    assert write_pipeline(weights, path=tmp_path / "pipeline") < 8_000_000
    words = ["a", "young", "nurse"]
    assert load_tagger(tmp_path / "pipeline").tags(words) == _tags(weights)(words)


def test_the_shipped_model_keeps_its_scores() -> None:
    """A band, not a number: sums differ a little between machines."""
    scored = score(held_out(), load_tagger().tags)
    assert scored.f1("HEAD") > 0.8
    assert scored.f1("NAME") > 0.7
    assert scored.f1("SRC") > 0.7


def _tags(weights: Weights) -> Tags:
    network = Network(weights, shipped())
    return lambda words: [LABELS[number] for number in network.read(words).argmax(axis=1).tolist()]
