"""Counters of the service. Labels come from closed lists, so that no client can grow them."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class Meters:
    """One set of counters a process; tests make their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decisions = Counter("evenhand_decisions_total", "Decisions by outcome.", ["outcome"], registry=self.registry)
        self.requests = Counter(
            "evenhand_requests_total", "Answers by operation and status.", ["operation", "status"], registry=self.registry
        )
        self.upstream_faults = Counter(
            "evenhand_upstream_faults_total",
            "Failed upstream requests; sent: bytes had gone out.",
            ["sent"],
            registry=self.registry,
        )
        self.clients_gone = Counter(
            "evenhand_clients_gone_total", "Clients that left before their answer was complete.", registry=self.registry
        )
        self.overhead = Histogram(
            "evenhand_overhead_seconds",
            "Time spent here, without waiting for client or upstream.",
            buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.256),
            registry=self.registry,
        )
