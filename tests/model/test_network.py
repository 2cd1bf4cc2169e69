"""The forward pass on small random weights: shares, borders, whole names, and a memory of words that changes nothing."""

from collections.abc import Sequence

import numpy as np
import pytest

from evenhand.model import LABELS
from evenhand.model.features import ROWS
from evenhand.model.lexicon import shipped
from evenhand.model.network import REACHES, WIDTH, Floats, Memory, Network, _names_whole, normed, shapes, softmax

WORDS = ["a", "tall", "nurse", ",", "by", "Anna", "Berg"]


@pytest.fixture(scope="module")
def network() -> Network:
    dice = np.random.default_rng(4)
    weights = {name: (dice.standard_normal(shape) * 0.1).astype(np.float32) for name, shape in shapes(ROWS).items()}
    return Network(weights, shipped())


def test_one_row_of_shares_a_word(network: Network) -> None:
    chances = network.read(WORDS)
    assert chances.shape == (len(WORDS), len(LABELS))
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, max(REACHES), 400])
def test_any_length(network: Network, count: int) -> None:
    assert network.read(["nurse"] * count).shape[0] == count


def test_reading_twice_gives_the_same_bits(network: Network) -> None:
    assert np.array_equal(network.read(WORDS), network.read(WORDS))
    assert np.array_equal(network.read(WORDS), Network(network.weights, shipped()).read(WORDS))


@pytest.mark.parametrize("word", [",", "'s", "!", "-", "\U0001f469\U0001f3fe", "\u201c"])
def test_marks_and_emoji_are_left_to_the_rules(network: Network, word: str) -> None:
    assert network.read(["a", word, "b"])[1].tolist() == [float(label == "O") for label in LABELS]


def test_normed_rows_have_mean_nought_and_length_one() -> None:
    rows = normed(np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH) ** 2)
    assert np.allclose(rows.mean(axis=1), 0, atol=1e-4)
    assert np.allclose(rows.std(axis=1), 1, atol=1e-3)


def test_softmax_bears_large_scores() -> None:
    assert np.allclose(softmax(np.array([[1000.0, 1000.0]], dtype=np.float32)), 0.5)


def test_parts_of_one_name_agree() -> None:
    assert best([("NAME", 0.6), ("SRC", 0.9), ("O", 0.9), ("NAME", 0.6)]) == ["SRC", "SRC", "O", "NAME"]


def test_words_that_are_no_names_are_left_alone() -> None:
    assert best([("HEAD", 0.6), ("NAME", 0.9), ("HEAD", 0.5)]) == ["HEAD", "NAME", "HEAD"]


def best(readings: list[tuple[str, float]]) -> list[str]:
    chances: Floats = np.full((len(readings), len(LABELS)), 0.01, dtype=np.float32)
    for at, (label, chance) in enumerate(readings):
        chances[at, LABELS.index(label)] = chance
    return [LABELS[number] for number in _names_whole(chances).argmax(axis=1).tolist()]


def test_a_full_memory_copies_what_it_knew_and_counts_out_the_rest() -> None:
    asked: list[list[int]] = []

    def vectors(keys: Sequence[int]) -> Floats:
        asked.append(list(keys))
        return np.repeat(np.array(keys, dtype=np.float32)[:, None], WIDTH, axis=1)

    memory = Memory(vectors, size=4, chars=lambda _: 1)
    for keys in ([1, 2, 3], [3, 4], [2, 5], [9, 5, 1, 2]):
        assert memory.gather(keys)[:, 0].tolist() == keys
    assert asked == [[1, 2, 3], [4], [5], [9]]


def test_more_words_than_a_memory_holds() -> None:
    memory = Memory(lambda keys: np.array(keys, dtype=np.float32)[:, None].repeat(WIDTH, axis=1), size=4, chars=lambda _: 1)
    assert memory.gather(range(10))[:, 1].tolist() == list(range(10))
