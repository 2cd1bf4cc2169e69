"""One client request on its way: what came in, what was decided, and what the log and our headers say of it."""

from dataclasses import dataclass, field
from time import perf_counter

from evenhand.dialects.spec import ErrorShape, Operation
from evenhand.proxy.errand import Errand
from evenhand.proxy.headers import Pairs, first
from evenhand.proxy.ids import request_id
from evenhand.proxy.incoming import Scope
from evenhand.proxy.logs import log
from evenhand.proxy.meters import Meters

_LOUDEST_FIRST = ("bypass", "rewritten", "shadow", "opted_out", "unchanged")


@dataclass(slots=True, kw_only=True)
class Call:
    """`work_s` is the time spent here without waiting; `told` are words for the log line."""

    method: str
    path: bytes
    query: bytes
    pairs: Pairs
    request_id: str
    began: float
    operation: Operation | None = None
    errand: Errand | None = None
    status: int = 0
    work_s: float = 0.0
    told: list[str] = field(default_factory=list)

    @property
    def shape(self) -> ErrorShape:
        if self.operation is not None:
            return self.operation.errors
        return "openai" if self.path.startswith(b"/v1/") else "problem"

    @property
    def target(self) -> bytes:
        return self.path + b"?" + self.query if self.query else self.path


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
    if call.errand is None or not call.errand.decisions:
        return pairs
    decisions = call.errand.decisions
    outcomes = {decision.outcome for decision in decisions}
    loudest = next(outcome for outcome in _LOUDEST_FIRST if outcome in outcomes)
    return [
        *pairs,
        (b"x-evenhand-decision", loudest.encode()),
        (b"x-evenhand-decision-id", ",".join(decision.id for decision in decisions).encode()),
        (b"x-evenhand-revision", decisions[0].revision.encode()),
        (b"x-evenhand-overhead-ms", f"{call.work_s * 1000:.2f}".encode()),
    ]


def report(call: Call, meters: Meters, revision: str) -> None:
    """The log line and the counters of a finished request. No prompt, no query, no header of the client."""
    operation = call.operation.id if call.operation else "unlisted"
    decisions = call.errand.decisions if call.errand else ()
    meters.requests.labels(operation, str(call.status)).inc()
    meters.overhead.observe(call.work_s)
    log.info(
        "request",
        request_id=call.request_id,
        operation=operation,
        status=call.status,
        outcome=[decision.outcome for decision in decisions],
        decision=[decision.id for decision in decisions],
        revision=revision,
        upstream_requests=len(call.errand.bodies) if call.errand else 0,
        overhead_ms=round(call.work_s * 1000, 2),
        total_ms=round((perf_counter() - call.began) * 1000, 1),
        notes=call.told,
    )
