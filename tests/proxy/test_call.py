from typing import Any

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.dialects.splice import Pieces
from evenhand.flow import Analysis, Decision, Outcome, Plan, Prompt
from evenhand.proxy.call import call_of, our_headers, report
from evenhand.proxy.errand import Errand
from evenhand.proxy.live import Live, serving_of
from evenhand.proxy.watch.ledger import Entry, Ledger
from evenhand.proxy.watch.meters import Meters
from evenhand.rules import Ruleset
from evenhand.settings import load_settings


def scope_of(path: bytes = b"/v1/x", query: bytes = b"", **more: Any) -> dict[str, Any]:
    return {"method": "POST", "raw_path": path, "query_string": query, "headers": [], **more}


def decision_of(outcome: Outcome, name: str) -> Decision:
    plan = Plan(analysis=Analysis(prompt=Prompt(text="secret"), subjects=(), notes=()), rulings=())
    return Decision(id=name, revision="r1", outcome=outcome, plan=plan)


@pytest.mark.parametrize(("path", "shape"), [(b"/v1/x", "openai"), (b"/other", "problem")])
def test_shape_of_errors_before_an_operation_is_known(path: bytes, shape: str) -> None:
    assert call_of(scope_of(path)).shape == shape


def test_target_keeps_the_query() -> None:
    assert call_of(scope_of(b"/a", b"x=%20")).target == b"/a?x=%20"
    assert call_of(scope_of(b"/a")).target == b"/a"


def test_the_loudest_outcome_is_told() -> None:
    call = call_of(scope_of(headers=[(b"x-request-id", b"mine")]))
    assert our_headers(call) == [(b"x-request-id", b"mine")]
    call.errand = Errand(bodies=(Pieces(b""),), decisions=(decision_of("unchanged", "d-1"), decision_of("bypass", "d-2")))
    told = dict(our_headers(call))
    assert (told[b"x-evenhand-decision"], told[b"x-evenhand-decision-id"], told[b"x-evenhand-revision"]) == (
        b"bypass",
        b"d-1,d-2",
        b"r1",
    )


def test_report_counts_and_tells_no_text(small_rules: Ruleset, capsys: pytest.CaptureFixture[str]) -> None:
    call, meters = call_of(scope_of(query=b"key=secret")), Meters()
    call.errand, call.status = Errand(bodies=(Pieces(b"secret"),), decisions=(decision_of("rewritten", "d-1"),)), 200
    told: list[Entry] = []
    settings = load_settings()
    live = Live(settings=settings, serving=serving_of(small_rules, load_dialects(), settings), ledger=Ledger([told.append]))
    report(call, live, meters)
    assert [(entry.decision.id, entry.route, entry.status, entry.refused) for entry in told] == [("d-1", "unlisted", 200, False)]
    labels = {"operation": "unlisted", "status": "200"}
    assert meters.registry.get_sample_value("evenhand_requests_total", labels) == 1
    assert "secret" not in "".join(capsys.readouterr())
