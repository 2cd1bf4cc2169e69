"""What is in service: rules, engine, upstreams and operations, replaced in one assignment so that no request sees two."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evenhand.dialects.spec import Dialect
from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.signing import Signer, signer_of
from evenhand.proxy.target import Upstream, upstreams_of
from evenhand.proxy.watch.ledger import Ledger
from evenhand.rules import Ruleset
from evenhand.rules.policies import Policies
from evenhand.settings import Settings, refuse_own_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One revision of the rules, ready to serve."""

    rules: Ruleset
    engine: Engine
    upstreams: tuple[Upstream, ...]
    policies: Policies
    signers: Mapping[str, Signer]

    @property
    def remarks(self) -> list[str]:
        """Sentences for operators: upstreams whose signed requests can't be changed for want of credentials."""
        unsigned = [upstream for upstream in self.upstreams if upstream.is_signed and upstream.id not in self.signers]
        return [
            f"Signed requests to '{upstream.id}' run in shadow: a changed body must be signed anew, and there are no AWS "
            "credentials here. Give the sidecar credentials (and the extra 'aws'), or let clients send a bearer token."
            for upstream in unsigned
        ]

    @property
    def revision(self) -> str:
        return self.rules.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """How one attempt to read the rules anew ended. `at` is in seconds since the epoch, `took_s` in seconds.

    `revision` is what serves afterwards; `error` says why it is still the old one, and is empty where all went well.
    """

    at: float
    cause: str
    result: str
    revision: str
    took_s: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.error


@dataclass(slots=True)
class Live:
    """`remarks` are sentences for operators about how this process runs; /readyz shows them."""

    settings: Settings
    serving: Serving
    ledger: Ledger = field(default_factory=Ledger)
    draining: bool = False
    loaded_at: float = field(default_factory=time.time)
    last_reload: Reload | None = None
    remarks: list[str] = field(default_factory=list)


def serving_of(rules: Ruleset, dialects: Sequence[Dialect], settings: Settings) -> Serving:
    """Raises SettingsError where an upstream of the rules is one of our own ports."""
    upstreams = upstreams_of(rules.upstreams, settings, dialects)
    refuse_own_ports(settings, [upstream.origin for upstream in upstreams])
    engine = Engine(rules)
    engine.decide(Prompt(text="a doctor"))  # what is loaded at first use is loaded before the first request
    return Serving(
        rules=rules,
        engine=engine,
        upstreams=upstreams,
        policies=Policies(rules.policy),
        signers=_signers(upstreams),
    )


def _signers(upstreams: Sequence[Upstream]) -> dict[str, Signer]:
    made = {each.id: signer_of(each.origin, each.region) for each in upstreams if each.is_signed}
    return {name: signer for name, signer in made.items() if signer is not None}
