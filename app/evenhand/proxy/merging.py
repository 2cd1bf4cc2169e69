"""Counts of several worker processes as those of one: counters and histograms add up exactly, gauges by what they mean.

A snapshot is what one worker tells about itself, as JSON. A worker that is gone leaves its counts behind, since a sum that
falls would be taken for a restart and its rise counted again. Does no I/O.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from evenhand.proxy.console.history import History
from evenhand.proxy.watch.meters import Meters

SNAPSHOT = "/worker"
Key = tuple[str, tuple[tuple[str, str], ...]]
Combine = Callable[[float, float], float]
ADDED = ("counter", "histogram")
# Every other gauge adds up.
GAUGES: dict[str, Combine] = {
    "evenhand_rules_info": max,
    "evenhand_build_info": max,
    "evenhand_target_share": max,
    "evenhand_draining": max,
    "evenhand_rules_loaded_timestamp_seconds": min,
    "evenhand_rules_last_reload_success": min,
    "process_start_time_seconds": min,
    "process_max_fds": min,
}


def snapshot_routes(meters: Meters, history: History) -> APIRouter:
    router = APIRouter()

    @router.get(SNAPSHOT)
    async def snapshot(since: Annotated[float, Query(ge=0)] = 0) -> JSONResponse:
        told = {"pid": os.getpid(), "metrics": told_metrics(meters.registry), "history": history.counts(since=since)}
        return JSONResponse(told)

    return router


def told_metrics(registry: CollectorRegistry) -> list[Any]:
    """Name, type, description and samples of each family."""
    return [
        [family.name, family.type, family.documentation, [[one.name, one.labels, one.value] for one in family.samples]]
        for family in registry.collect()
    ]


@dataclass(slots=True)
class Family:
    name: str
    kind: str
    about: str
    samples: dict[Key, float] = field(default_factory=dict)

    @property
    def combine(self) -> Combine:
        return float.__add__ if self.kind in ADDED else GAUGES.get(self.name, float.__add__)

    def take(self, key: Key, value: float) -> None:
        self.samples[key] = self.combine(self.samples[key], value) if key in self.samples else value

    def metric(self) -> Metric:
        made = Metric(self.name, self.about, self.kind)
        for (name, labels), value in self.samples.items():
            made.add_sample(name, dict(labels), value)
        return made


class Total(Collector):
    """Families of several processes; `gone` takes of a snapshot only what adds up for ever."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def take(self, told: Iterable[Sequence[Any]], *, gone: bool = False) -> None:
        for name, kind, about, samples in told:
            if gone and kind not in ADDED:
                continue
            family = self._families.setdefault(name, Family(name, kind, about))
            for sample, labels, value in samples:
                family.take((sample, tuple(sorted(labels.items()))), float(value))

    def told(self) -> Iterator[list[Any]]:
        """What `take` takes."""
        for family in self._families.values():
            samples = [[name, dict(labels), value] for (name, labels), value in family.samples.items()]
            yield [family.name, family.kind, family.about, samples]

    def collect(self) -> Iterator[Metric]:
        return (family.metric() for family in self._families.values())
