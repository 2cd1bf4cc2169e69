"""The shipped language model: what it must read right, that both ways of running it agree, and what it may weigh and cost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evenhand.engine.tagger import NetworkTagger, NoTagger, SpacyTagger, load_network_tagger, load_tagger
from evenhand.errors import SettingsError
from evenhand.model import HOME, LABELS
from evenhand.text import tokenize

PROMPTS = (
    "a young nurse with a dog",
    "oil painting of a Black teacher in a white coat, by greg rutkowski and artgerm, 8k",
    "PRIYA RAMAN BAKING BREAD",
    "1girl, solo, blue_eyes, <lora:add_detail:0.7>, (nurse:1.2)",
    "kids' drawing: \u201cno nurses\u201d \U0001f469\U0001f3fe\u200d\U0001f692 caf\u00e9",
    "x",
    "half a pair \ud83d of a nurse",
)


def words_of(text: str) -> list[str]:
    return [text[span.start : span.end] for span in tokenize(text)]


@pytest.fixture(scope="module")
def pipeline() -> SpacyTagger:
    return load_tagger()


@pytest.fixture(scope="module")
def network() -> NetworkTagger:
    return load_network_tagger()


@pytest.mark.parametrize(
    ("text", "word", "label"),
    [
        ("a young nurse with a dog", "nurse", "HEAD"),
        ("a crowd of students in front of a library", "students", "HEAD"),
        ("1girl, solo, long hair", "1girl", "HEAD"),
        ("two glaciologists drilling an ice core", "glaciologists", "HEAD"),
        ("Priya Raman baking bread", "Raman", "NAME"),
        ("priya raman baking bread", "raman", "NAME"),
        ("a castle at dusk by greg rutkowski and artgerm", "artgerm", "SRC"),
        ("a boy in a Messi jersey", "Messi", "SRC"),
        ("a Black teacher in a classroom", "Black", "ATTR"),
        ("a nurse in a white coat", "white", "O"),
        ("a black car on the street", "black", "O"),
        ("a fox warrior with a spear", "warrior", "BODY"),
        ("statue of a soldier in a park", "soldier", "BODY"),
        ("a tourist map of the old town", "tourist", "REF"),
        ("an empty street, no people", "people", "REF"),
        ("a man dressed as a doctor", "doctor", "REF"),
        ("a man dressed as a doctor", "man", "HEAD"),
    ],
)
def test_reads(pipeline: SpacyTagger, text: str, word: str, label: str) -> None:
    words = words_of(text)
    assert pipeline.tags(words)[words.index(word)] == label


@pytest.mark.parametrize("text", PROMPTS)
def test_both_ways_of_running_agree(pipeline: SpacyTagger, network: NetworkTagger, text: str) -> None:
    words = words_of(text)
    assert pipeline.tags(words) == network.tags(words)
    assert pipeline.read(words) == network.read(words)
    assert [label for label, _ in pipeline.read(words)] == pipeline.tags(words)


def test_probabilities_are_shares(network: NetworkTagger) -> None:
    assert all(1 / len(LABELS) <= chance <= 1 for _, chance in network.read(words_of(PROMPTS[1])))


def test_no_words(pipeline: SpacyTagger, network: NetworkTagger) -> None:
    assert pipeline.tags([]) == network.tags([]) == []
    assert pipeline.read([]) == network.read([]) == []


def test_blank_english_marks_nothing() -> None:
    assert NoTagger().tags(["a", "nurse"]) == ["O", "O"]
    assert NoTagger().read(["a", "nurse"]) == [("O", 0.0), ("O", 0.0)]


def test_a_reading_depends_on_nothing_read_before(network: NetworkTagger) -> None:
    words = words_of(PROMPTS[1])
    before = network.read(words)
    for text in PROMPTS:
        network.tags(words_of(text))
    assert network.read(words) == before


def test_threads_read_alike(pipeline: SpacyTagger) -> None:
    texts = [words_of(text) for text in PROMPTS] * 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(pipeline.tags, texts)) == [pipeline.tags(words) for words in texts]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the language model is missing at"):
        load_tagger(tmp_path)


def test_weighs_at_most_eight_megabytes() -> None:
    assert sum(file.stat().st_size for file in HOME.rglob("*") if file.is_file()) <= 8_000_000
