import pytest

from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt
from evenhand.proxy.admin.recent import Recent, reasons_of, weight
from evenhand.proxy.watch.decision_log import line_of
from evenhand.proxy.watch.ledger import Entry
from evenhand.rules import Ruleset

KEY = b"key"


def entry_of(rules: Ruleset, text: str, number: int = 0) -> Entry:
    decision = Engine(rules).decide(Prompt(text=text, id=f"d-{number}", images=2, seed=number))
    return Entry(decision=decision, rules=rules, at=float(number), route="rewrite")


def test_newest_first_and_bounded_by_count(small_rules: Ruleset) -> None:
    recent = Recent(limit=3)
    for number in range(5):
        recent.note(entry_of(small_rules, "a doctor", number))
    assert [entry.decision.id for entry in recent.entries()] == ["d-4", "d-3", "d-2"]


def test_bounded_by_bytes(small_rules: Ruleset) -> None:
    recent = Recent(limit_bytes=100_000)
    for number in range(50):
        recent.note(entry_of(small_rules, "a doctor " + "in a very long corridor " * 100, number))
        assert recent.bytes <= 100_000
    kept = recent.entries()
    assert 0 < len(kept) < 10
    assert recent.bytes == sum(weight(entry.decision) for entry in kept)
    recent.note(entry_of(small_rules, "x" * 50_000))
    assert (recent.entries(), recent.bytes) == ([], 0)


def test_find_takes_what_passes_every_test(small_rules: Ruleset) -> None:
    recent = Recent()
    for number in range(6):
        recent.note(entry_of(small_rules, "a doctor", number))
    tests = [lambda entry: entry.at > 1, lambda entry: entry.at < 5]
    assert [entry.at for entry in recent.find(tests, limit=2)] == [4, 3]


@pytest.mark.parametrize("prompts", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "a doctor",
        "a Black nurse and Marie Curie in a 1920s laboratory",
        "a portrait of Zorbulon Quix",
        'a quoted "doctor" by a police car',
        "two bearded firefighters and a crowd",
        "",
    ],
)
def test_what_is_kept_of_the_rules_explains_as_much(shipped: Ruleset, text: str, prompts: bool) -> None:
    entry = entry_of(shipped, text)
    recent = Recent()
    recent.note(entry)
    kept = recent.entries()[0]
    assert line_of(kept, key=KEY, prompts=prompts) == line_of(entry, key=KEY, prompts=prompts)
    assert kept.rules.phrases is not shipped.phrases
    assert len(kept.rules.why) < 20


def test_reasons(shipped: Ruleset) -> None:
    decision: Decision = entry_of(shipped, "a Black woman").decision
    assert reasons_of(decision) == {"explicit"}
