"""What the service measures: a ledger sink, and counters that the request path raises itself.

Every label comes from a closed list, so that no client can grow the number of series: what a list does not hold is counted
under a word of its own. No metric ever carries a prompt, a tenant or a path as the client spelled it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from evenhand import __version__
from evenhand.flow import AXES, Axis, Decision, Outcome, Reason
from evenhand.proxy.live import Serving
from evenhand.proxy.watch.labels import Closed, Names, one_of, yes_no
from evenhand.proxy.watch.ledger import Entry

OUTCOMES: tuple[str, ...] = get_args(Outcome)
REASONS: tuple[str, ...] = get_args(Reason)
OWN_ROUTES = ("rewrite", "integrations.litellm", "integrations.litellm.chat", "integrations.portkey")
STAGES = ("engine", "body")
RELOADS = ("swapped", "unchanged", "refused")
STATUSES = ("200", "400", "401", "403", "404", "429", "500", "502", "503", "504")
CLASSES = ("2xx", "3xx", "4xx", "429", "5xx", "none")
OVERHEAD_S = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.256)
ROUTES_TOLD, VALUES_TOLD = 8, 16

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the number of series


class Meters:
    """One set a process; tests make their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.routes = Names(OWN_ROUTES, limit=ROUTES_TOLD, unknown="unlisted")
        self.values = Names(["range"], limit=VALUES_TOLD, unknown="other")
        self._count_decisions()
        self._count_requests()
        self._count_upstream()
        self._measure_rules()
        self._measure_process()

    def _counter(self, name: str, about: str, **lists: Callable[[str], str]) -> Closed[Counter]:
        return Closed(Counter(f"evenhand_{name}", about, [*lists], registry=self.registry), *lists.values())

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"evenhand_{name}", about, registry=self.registry)

    def _count_decisions(self) -> None:
        outcomes, reasons = one_of(OUTCOMES), one_of(REASONS)
        self.decisions = self._counter("decisions", "Decisions by outcome and route.", outcome=outcomes, route=self.routes)
        self.closed = self._counter("decisions_closed", "Decisions in which something closed an axis.", reason=reasons)
        self.drawn = self._counter("drawn", "Values drawn, one a person and image.", axis=one_of(AXES), value=self.values)
        self.drift = self._counter("drift", "Stated or named persons changed by the image API's own rewrite.", axis=one_of(AXES))
        self.bypass = self._counter("bypass", "Prompts sent as they came after a fault, by its stage.", stage=one_of(STAGES))
        self.bypass.begin(STAGES)

    def _count_requests(self) -> None:
        self.requests = self._counter("requests", "Answers by operation and status.", operation=self.routes, status=_status)
        self.clients_gone = Counter(
            "evenhand_clients_gone", "Clients that left before their answer was complete.", registry=self.registry
        )
        self.turned_away = Counter(
            "evenhand_connections_turned_away", "Connections above the limit, answered with 503.", registry=self.registry
        )
        self.overhead = Histogram(
            "evenhand_overhead_seconds",
            "Time spent here, without waiting for client or upstream.",
            buckets=OVERHEAD_S,
            registry=self.registry,
        )

    def _count_upstream(self) -> None:
        self.upstream_faults = self._counter("upstream_faults", "Failed upstream requests; sent: bytes went out.", sent=yes_no)
        self.upstream_faults.begin(["true", "false"])
        self.upstream_answers = self._counter(
            "upstream_answers", "The image API's answers, one a decision.", status=_class, rewritten=yes_no
        )
        groups = Names(["none"], limit=VALUES_TOLD, unknown="other")
        self.groups = groups
        self.prompts = self._counter(
            "upstream_prompts", "Prompts answered by the image API, by stated group.", rewritten=yes_no, group=groups
        )
        self.refusals = self._counter(
            "upstream_refusals", "Prompts the image API refused for their content.", rewritten=yes_no, group=groups
        )
        self.pool_in_use = self._gauge("pool_connections_in_use", "Connections to upstreams that carry a request.")
        self.pool_limit = self._gauge("pool_connections_limit", "Connections to upstreams there may be at most.")

    def _measure_rules(self) -> None:
        self.rules = Gauge("evenhand_rules_info", "The revision in service; always 1.", ["revision"], registry=self.registry)
        self.target = Gauge("evenhand_target_share", "The policy's shares, 0 to 1.", ["axis", "value"], registry=self.registry)
        self.rules_loaded = self._gauge("rules_loaded_timestamp_seconds", "When the rules in service were loaded.")
        self.reloads = self._counter("rules_reloads", "Attempts to read the rules anew.", result=one_of(RELOADS))
        self.reloads.begin(RELOADS)
        self.reload_ok = self._gauge("rules_last_reload_success", "1 where the last attempt to read the rules went well.")
        self.reload_ok.set(1)

    def _measure_process(self) -> None:
        build = Gauge("evenhand_build_info", "The version that runs; always 1.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self.draining = self._gauge("draining", "1 while requests under way are finished before the end.")
        self._log = _LogCounts()
        self.registry.register(self._log)
        ProcessCollector(registry=self.registry)

    def serve(self, serving: Serving, *, loaded_at: float) -> None:
        """From now on these rules are in service; `loaded_at` in seconds since the epoch."""
        policy = serving.rules.policy
        parts: list[Mapping[Axis, Mapping[str, int]]] = [policy.axes]
        parts += [part.axes for part in (*policy.routes.values(), *policy.tenants.values())]
        values = [value for part in parts for shares in part.values() for value in shares]
        self.routes.learn(operation.id for upstream in serving.upstreams for operation in upstream.operations)
        self.values.learn(values)
        self.groups.learn(values)
        self.rules.clear()
        self.rules.labels(serving.revision).set(1)
        self.rules_loaded.set(loaded_at)
        self.target.clear()
        for axis, shares in policy.axes.items():
            for value, percent in [*shares.items()][:VALUES_TOLD]:
                self.target.labels(axis, value).set(percent / 100)

    def watch_pool(self, in_use: Callable[[], int], *, limit: int) -> None:
        self.pool_in_use.set_function(in_use)
        self.pool_limit.set(limit)

    def watch_log(self, written: Callable[[], int], dropped: Callable[[], int]) -> None:
        self._log.written, self._log.dropped = written, dropped

    def note(self, entry: Entry) -> None:
        """The ledger's sink: everything that is counted once a decision."""
        decision = entry.decision
        self.decisions.labels(decision.outcome, entry.route).inc()
        for reason in {finding.reason for ruling in decision.plan.rulings for finding in ruling.closed_by}:
            self.closed.labels(reason).inc()
        for axis, value in _drawn(decision):
            self.drawn.labels(axis, value).inc()
        if decision.outcome == "bypass":
            self.bypass.labels(_stage(decision)).inc()
        for axis in entry.drift:
            self.drift.labels(axis).inc()
        if entry.upstream_status:
            self._note_answer(entry)

    def _note_answer(self, entry: Entry) -> None:
        rewritten = str(entry.decision.outcome == "rewritten").lower()
        self.upstream_answers.labels(str(entry.upstream_status), rewritten).inc()
        for group in stated_groups(entry.decision) or {"none"}:
            self.prompts.labels(rewritten, group).inc()
            if entry.refused:
                self.refusals.labels(rewritten, group).inc()


def stated_groups(decision: Decision) -> set[str]:
    """The demographic values that the prompt itself names for somebody in it."""
    found = (finding for ruling in decision.plan.rulings for finding in ruling.closed_by)
    return {value for finding in found for value in finding.states.values()}


def _stage(decision: Decision) -> str:
    """Where a fault sits before a prompt is known, the body could not be read or written."""
    return "engine" if decision.plan.analysis.prompt.text else "body"


def _drawn(decision: Decision) -> Iterator[tuple[str, str]]:
    for draw in (draw for image in decision.draws for draw in image):
        for value in draw.values:
            yield draw.ruling.axis, value


def _status(status: str) -> str:
    return status if status in STATUSES else _class(status)


def _class(status: str) -> str:
    if status == "429":
        return status
    return f"{status[0]}xx" if len(status) == 3 and status[0] in "2345" else "none"


class _LogCounts(Collector):
    """What the decision log counts itself, asked when somebody scrapes."""

    def __init__(self) -> None:
        self.written: Callable[[], int] = int
        self.dropped: Callable[[], int] = int

    def collect(self) -> Iterable[Metric]:
        yield _told("written", "Decisions written to the decision log.", self.written())
        yield _told("dropped", "Decisions the decision log had no room for.", self.dropped())


def _told(name: str, about: str, value: int) -> Metric:
    return CounterMetricFamily(f"evenhand_decision_log_{name}", about, value=value)
