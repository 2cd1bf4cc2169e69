import pytest
from prometheus_client import CollectorRegistry, Counter

from evenhand.proxy.labels import Closed, Names, one_of, yes_no


def test_the_first_names_used_are_told_and_later_ones_together() -> None:
    names = Names(["a", "b", "c"], limit=2, unknown="unlisted")
    assert [names(word) for word in ("c", "x", "a", "b", "c", "")] == ["c", "unlisted", "a", "other", "c", "unlisted"]


def test_names_can_be_learned_and_keep_their_limit() -> None:
    names = Names(limit=1, unknown="none")
    assert names("a") == "none"
    names.learn(["a", "b"])
    assert [names("b"), names("a"), names("b")] == ["b", "other", "b"]


@pytest.mark.parametrize(("word", "told"), [("a", "a"), ("", "other"), ("A", "other")])
def test_lists(word: str, told: str) -> None:
    assert one_of(["a", "b"])(word) == told


@pytest.mark.parametrize(("word", "told"), [("true", "true"), ("false", "false"), ("", "false"), ("x", "false")])
def test_yes_no(word: str, told: str) -> None:
    assert yes_no(word) == told


def test_no_word_from_outside_becomes_a_label() -> None:
    registry = CollectorRegistry()
    closed = Closed(Counter("it", "It.", ["kind", "good"], registry=registry), one_of(["a"]), yes_no)
    closed.begin(["a"])
    for word in ("a", "b\n", "c" * 1000):
        closed.labels(word, word).inc()
    closed.labels("a").inc()
    samples = {tuple(sample.labels.values()): sample.value for sample in next(iter(registry.collect())).samples}
    assert {labels: value for labels, value in samples.items() if value != 0} | {("a", "false"): 2.0} == {
        ("a", "false"): 2.0,
        ("other", "false"): 2.0,
    }
