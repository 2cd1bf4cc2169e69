"""Where every decision goes when its request has ended: each sink is told the same `Entry`, in order.

A sink returns at once and never raises what could reach a request; whatever is slow in it happens elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evenhand.flow import Decision
from evenhand.proxy.watch.logs import log, where
from evenhand.rules import Ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`at` is in seconds since the epoch. `route` is an operation's id, `rewrite` or an integration's name.

    `status` is what the client got and `upstream_status` what the image API answered; 0 where there was none.
    `refused` tells that the image API refused the prompt for its content; `drift` lists the axes of named or stated
    persons that its own revised prompt changed.
    """

    decision: Decision
    rules: Ruleset
    at: float
    route: str
    tenant: str = ""
    request_id: str = ""
    ref: str | None = None
    status: int = 0
    upstream_status: int = 0
    refused: bool = False
    drift: tuple[str, ...] = ()


Sink = Callable[[Entry], None]


class Ledger:
    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self.sinks = list(sinks)

    def note(self, entry: Entry) -> None:
        for sink in self.sinks:
            try:
                sink(entry)
            except Exception as fault:
                log.error("ledger_fault", sink=type(sink).__name__, fault=where(fault))
