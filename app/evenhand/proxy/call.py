"""One client request on its way: what came in, what was decided, and what the log and our headers say of it."""

from dataclasses import dataclass, field, replace
from time import perf_counter, time

from evenhand.dialects.spec import ErrorShape, Operation
from evenhand.flow import Decision
from evenhand.proxy.drift import drift_of
from evenhand.proxy.errand import Errand
from evenhand.proxy.headers import Pairs, first
from evenhand.proxy.ids import request_id
from evenhand.proxy.incoming import Scope
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.upstream import Answer
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.logs import log
from evenhand.proxy.watch.meters import Meters
from evenhand.proxy.wishes import NO_WISHES, Wishes

_MOST_IDS = 10
_LOUDEST_FIRST = ("bypass", "rewritten", "shadow", "opted_out", "unchanged")


@dataclass(slots=True, kw_only=True)
class Call:
    """`inner` is the path as the image API knows it; `work_s` the time spent here without waiting; `told` goes to the log."""

    method: str
    path: bytes
    query: bytes
    pairs: Pairs
    request_id: str
    began: float
    inner: bytes = b""
    wishes: Wishes = NO_WISHES
    serving: Serving | None = None
    operation: Operation | None = None
    errand: Errand | None = None
    answer: Answer | None = None
    status: int = 0
    work_s: float = 0.0
    told: list[str] = field(default_factory=list)

    @property
    def route(self) -> str:
        return self.operation.id if self.operation else "unlisted"

    @property
    def shape(self) -> ErrorShape:
        if self.operation is not None:
            return self.operation.errors
        return "openai" if self.path.startswith(b"/v1/") else "problem"

    @property
    def target(self) -> bytes:
        path = self.inner or self.path
        return path + b"?" + self.query if self.query else path

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, and what became of it upstream."""
        decisions = self.errand.decisions if self.errand else ()
        if not (self.answer and self.answer.second):
            return decisions
        return tuple(replace(each, remarks=(*each.remarks, "original_after_refusal")) for each in decisions)


def call_of(scope: Scope) -> Call:
    pairs: Pairs = list(scope["headers"])
    return Call(
        method=scope["method"],
        path=scope["raw_path"],
        query=scope["query_string"],
        pairs=pairs,
        request_id=request_id(first(pairs, b"x-request-id")),
        began=perf_counter(),
    )


def our_headers(call: Call) -> Pairs:
    pairs = [(b"x-request-id", call.request_id.encode())]
    decisions = call.decisions
    if not decisions:
        return pairs
    outcomes = {decision.outcome for decision in decisions}
    loudest = next(outcome for outcome in _LOUDEST_FIRST if outcome in outcomes)
    remarks = sorted({remark for decision in decisions for remark in decision.remarks})
    return [
        *pairs,
        (b"x-evenhand-decision", loudest.encode()),
        (b"x-evenhand-decision-id", ",".join(decision.id for decision in decisions[:_MOST_IDS]).encode()),
        (b"x-evenhand-revision", decisions[0].revision.encode()),
        (b"x-evenhand-overhead-ms", f"{call.work_s * 1000:.2f}".encode()),
        *([(b"x-evenhand-remarks", ",".join(remarks).encode())] if remarks else []),
    ]


def report(call: Call, live: Live, meters: Meters) -> None:
    """The log line, the counters and the ledger of a finished request. No prompt, no query, no header of the client."""
    operation, decisions = call.route, call.decisions
    meters.requests.labels(operation, str(call.status)).inc()
    meters.overhead.observe(call.work_s)
    log.info(
        "request",
        request_id=call.request_id,
        operation=operation,
        status=call.status,
        outcome=[decision.outcome for decision in decisions],
        decision=[decision.id for decision in decisions],
        revision=decisions[0].revision if decisions else live.serving.revision,
        upstream_requests=len(call.errand.bodies) if call.errand else 0,
        overhead_ms=round(call.work_s * 1000, 2),
        total_ms=round((perf_counter() - call.began) * 1000, 1),
        notes=call.told,
    )
    for decision in decisions:
        live.ledger.note(_entry(call, decision, live))


def _entry(call: Call, decision: Decision, live: Live) -> Entry:
    answer, serving = call.answer, call.serving or live.serving
    return Entry(
        decision=decision,
        rules=serving.rules,
        at=time(),
        route=call.route,
        tenant=call.wishes.tenant,
        request_id=call.request_id,
        status=call.status,
        upstream_status=answer.response.status_code if answer else 0,
        refused=answer is not None and answer.refused,
        drift=drift_of(decision, answer.claims, serving) if answer and answer.claims else (),
    )
