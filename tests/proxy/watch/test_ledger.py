"""Every sink is told; one that fails costs neither the request nor the other sinks."""

from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.rules import Ruleset


def test_a_failing_sink_costs_nobody_else(small_rules: Ruleset) -> None:
    told: list[Entry] = []

    def broken(entry: Entry) -> None:
        raise OSError(entry.route)

    entry = Entry(decision=Engine(small_rules).decide(Prompt(text="a doctor")), rules=small_rules, at=1.0, route="rewrite")
    Ledger([told.append, broken, told.append]).note(entry)
    assert told == [entry, entry]
