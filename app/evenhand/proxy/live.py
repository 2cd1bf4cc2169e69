"""What is in service: rules, engine, upstreams and operations, replaced in one assignment so that no request sees two."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evenhand.dialects.spec import Dialect, Operation
from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.ledger import Ledger
from evenhand.proxy.target import Upstream, upstreams_of
from evenhand.rules import Ruleset
from evenhand.settings import Settings, refuse_own_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One revision of the rules, ready to serve."""

    rules: Ruleset
    engine: Engine
    upstreams: tuple[Upstream, ...]
    operations: tuple[Operation, ...]

    @property
    def revision(self) -> str:
        return self.rules.revision


@dataclass(slots=True)
class Live:
    settings: Settings
    serving: Serving
    ledger: Ledger = field(default_factory=Ledger)
    draining: bool = False


def serving_of(rules: Ruleset, dialects: Sequence[Dialect], settings: Settings) -> Serving:
    """Raises SettingsError where an upstream of the rules is one of our own ports."""
    upstreams = upstreams_of(rules.upstreams, settings)
    refuse_own_ports(settings, [upstream.origin for upstream in upstreams])
    engine = Engine(rules)
    engine.decide(Prompt(text="a doctor"))  # what is loaded at first use is loaded before the first request
    return Serving(
        rules=rules,
        engine=engine,
        upstreams=upstreams,
        operations=tuple(operation for dialect in dialects for operation in dialect.operations),
    )
