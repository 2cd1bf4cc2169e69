"""What a run came to."""

from evenhand.batch.journal import Progress
from evenhand.batch.summary import Summary, shares, summary_data
from evenhand.rules import Ruleset

TALLY = {
    "rows": 10,
    "outcome/unchanged": 3,
    "outcome/rewritten": 5,
    "bad/json": 2,
    "drawn/gender/man": 6,
    "drawn/gender/woman": 2,
}


def test_shares_stand_beside_their_targets(small_rules: Ruleset) -> None:
    told = shares(Progress(tally=TALLY | {"drawn/gender/range": 50}), small_rules.policy)
    assert [(it.axis, it.value, it.drawn, it.percent, it.target) for it in told] == [
        ("gender", "woman", 2, 25.0, 50),
        ("gender", "man", 6, 75.0, 50),
    ]


def test_data(small_rules: Ruleset) -> None:
    summary = Summary(progress=Progress(rows=10, tally=TALLY), resumed=4, seconds=2.0)
    data = summary_data(summary, small_rules.policy)
    assert data["outcomes"] == {"rewritten": 5, "unchanged": 3}
    assert (data["rows"], data["decided"], data["bad"], data["bad_by_reason"]) == (10, 8, 2, {"json": 2})
    assert (data["resumed_rows"], data["rows_per_second"]) == (4, 3.0)
    assert data["shares"][0] == {"axis": "gender", "value": "woman", "drawn": 2, "percent": 25.0, "target": 50}


def test_nothing_was_done() -> None:
    assert Summary(progress=Progress(), resumed=0, seconds=0.0).per_second == 0
