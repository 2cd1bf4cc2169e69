import pytest
from prometheus_client import CollectorRegistry, Counter

from evenhand.proxy.watch.labels import Closed, Names, one_of, yes_no


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


def test_a_name_learned_late_is_told_from_then_on() -> None:
    names = Names(limit=2, unknown="unknown")
    closed = Closed(Counter("it", "It.", ["name"], registry=CollectorRegistry()), names)
    unknown = closed.labels("a")
    names.learn(["a"])
    assert closed.labels("a") is not unknown
    assert closed.labels("a") is closed.labels("a")


def test_a_word_that_looks_like_an_answer_of_the_list_is_not_taken_for_one() -> None:
    closed = Closed(Counter("it", "It.", ["name"], registry=CollectorRegistry()), Names(["a", "b"], limit=1, unknown="unknown"))
    told = [closed.labels(word) for word in ("a", "b", "other", "unknown", "a", "b", "other")]
    assert told[4:] == told[:3]
    assert (told[1] is told[2], told[2] is told[3]) == (False, True)


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
