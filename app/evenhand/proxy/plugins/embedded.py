"""The proxy's decisions inside of another program: what the ASGI middleware and the httpx transport share.

A guarded request's fields and body come in, an Errand of one body goes out; then the answer's fields, and its body where a
revised prompt belongs there. No socket, no log line a request, no setting but those of `EVENHAND_*` and the ones given.
"""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, time
from typing import Any

import httpx

from evenhand.dialects.answer import refuses, revise, revised_prompts
from evenhand.dialects.load import load_dialects
from evenhand.dialects.splice import Body
from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt
from evenhand.proxy.call import Call, our_headers
from evenhand.proxy.drift import drift_of
from evenhand.proxy.errand import Asked, Errand, settled
from evenhand.proxy.headers import Pairs, client_headers, first, upstream_headers
from evenhand.proxy.incoming import Receive
from evenhand.proxy.intake import Intake, take_in
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.plugins.unsplit import unsplit
from evenhand.proxy.refusal import Refusal, refusal_body, refusal_headers
from evenhand.proxy.target import Upstream, find, upstreams_of
from evenhand.proxy.upstream import Answer
from evenhand.proxy.watch.ledger import Entry, Ledger, Sink
from evenhand.proxy.watch.logs import log, where
from evenhand.proxy.wishes import wishes_of
from evenhand.rules import Ruleset, load_rules
from evenhand.rules.policies import Policies
from evenhand.settings import load_settings

# Where the host of an API is not known, its path alone tells the dialect.
_NOWHERE = "http://nowhere.invalid"
_MOST_ORIGINS = 256
_REFUSAL_BYTES = 65_536


class Embedded:
    """Rules, engine and dialects, loaded once. `dialects` names some with commas; else the host tells, else the usual ones.

    Raises RuleError and SettingsError as the sidecar does at its start.
    """

    def __init__(
        self,
        *,
        rules: Ruleset | Path | str | None = None,
        dialects: str = "",
        prefix: str = "",
        sinks: Sequence[Sink] = (),
        **settings: Any,
    ) -> None:
        self.settings = load_settings(dialects=dialects or None, **settings)
        self.prefix = prefix.rstrip("/").encode()
        ruleset = rules if isinstance(rules, Ruleset) else load_rules(Path(rules) if rules else self.settings.rules)
        self.live = unsplit(Live(settings=self.settings, serving=_serving(ruleset), ledger=Ledger(sinks)))
        self._dialects = load_dialects(self.settings.dialect_folder)
        self._known: dict[str, Upstream] = {}
        self._at(_NOWHERE)

    def knows(self, call: Call, *, origin: str = _NOWHERE) -> bool:
        """Whether the call is a guarded operation; if so, it is noted in the call."""
        call.inner = call.path.removeprefix(self.prefix)
        behind = call.path.startswith(self.prefix + b"/")
        call.operation = find(self._at(origin).operations, call.method, call.inner) if behind else None
        return call.operation is not None

    def _at(self, origin: str) -> Upstream:
        if origin not in self._known:
            if len(self._known) >= _MOST_ORIGINS:
                self._known.clear()
            settings = self.settings.model_copy(update={"upstream": origin})
            self._known[origin] = upstreams_of((), settings, self._dialects)[0]
        return self._known[origin]

    async def take_in(self, call: Call, receive: Receive) -> Intake:
        """Raises BodyError for a body that is too large or can't be decoded, ClientGoneError where the client left."""
        settings = self.settings
        assert call.operation is not None
        return await take_in(
            receive,
            call.pairs,
            limit=settings.upload_bytes if call.operation.takes_files else settings.body_bytes,
            timeout_s=settings.body_timeout_s,
            keep_bytes=settings.memory_bytes,
            decode=True,
        )

    async def settle(self, call: Call, body: Body) -> Errand:
        """Raises BodyError and Refusal as the proxy does; any other fault ends as the policy says."""
        assert call.operation is not None
        began = perf_counter()
        serving = self.live.serving
        call.serving = serving
        call.wishes = wishes_of(call.pairs, self.settings, serving.rules.policy)
        names = call.operation.names_in(call.inner)
        asked = Asked(body=body, pairs=call.pairs, operation=call.operation, path=names, wishes=call.wishes)
        call.errand = await settled(asked, serving, self.settings, request_id=call.request_id)
        call.work_s = perf_counter() - began
        return call.errand

    def reads(self, call: Call, status: int, pairs: Pairs) -> bool:
        """Whether an answer is to be looked at: for a place of the revised prompt, for drift, or for a refusal."""
        kind = (first(pairs, b"content-type") or b"").partition(b";")[0].strip().lower()
        length = int(told) if (told := first(pairs, b"content-length") or b"").isdigit() else None
        if call.errand is None or kind != b"application/json" or (length or 0) > self.settings.answer_bytes:
            return False
        if status == 200 and call.errand.reads_answer:
            return True
        told_refusals = call.operation.refusals if call.operation and call.errand.decisions else []
        return 0 < (length or 0) <= _REFUSAL_BYTES and any(status in each.status for each in told_refusals)

    def read(self, call: Call, status: int, body: bytes) -> bytes | None:
        """The answer with its revised prompts where there is a place for them. Never fails: the picture is paid for."""
        assert call.operation is not None
        assert call.errand is not None
        try:
            refused = refuses(body, status, call.operation)
            claims = tuple(revised_prompts(body, call.operation)) if status == 200 else ()
            call.answer = Answer(response=httpx.Response(status), claims=claims, refused=refused)
            return revise(body, call.operation, call.errand.revised) if status == 200 else None
        except Exception as fault:
            log.error("answer_fault", request_id=call.request_id, fault=where(fault))
            return None

    def tell(self, call: Call) -> None:
        """Every decision of a finished call to the ledger. Never fails: the answer is on its way."""
        try:
            for decision in call.decisions:
                self.live.ledger.note(self._entry(call, decision))
        except Exception as fault:
            log.error("ledger_fault", request_id=call.request_id, fault=where(fault))

    def _entry(self, call: Call, decision: Decision) -> Entry:
        answer = call.answer
        return Entry(
            decision=decision,
            rules=self.live.serving.rules,
            at=time(),
            route=call.operation.id if call.operation else "unlisted",
            tenant=call.wishes.tenant,
            request_id=call.request_id,
            status=call.status,
            upstream_status=call.status,
            refused=answer is not None and answer.refused,
            drift=drift_of(decision, answer.claims, self.live.serving) if answer and answer.claims else (),
        )


def _serving(rules: Ruleset) -> Serving:
    engine = Engine(rules)
    engine.decide(Prompt(text="a doctor"))  # what is loaded at first use is loaded before the first request
    return Serving(rules=rules, engine=engine, upstreams=(), policies=Policies(rules.policy), signers={})


def onward(call: Call, *, length: int, decoded: bool) -> Pairs:
    """The request's fields around the new body: none of ours, and none that was not there but its length and coding."""
    assert call.errand is not None
    made = upstream_headers(
        call.pairs,
        host=first(call.pairs, b"host") or b"",
        length=length,
        request_id=call.request_id,
        plain=call.errand.reads_answer,
        changed=call.errand.changes_body,
        decoded=decoded,
    )
    given = {name for name, _ in call.pairs} | {b"content-length", b"accept-encoding"}
    return [(name, value) for name, value in made if name in given]


def outward(call: Call, pairs: Pairs, *, body: bytes | None = None) -> Pairs:
    """An answer's fields and ours; the request id stays the API's own."""
    return client_headers(pairs, ours=_ours(call), body=body)


def refused(call: Call, refusal: Refusal) -> tuple[Pairs, bytes]:
    """Fields and body of an error of ours, in the form of the API."""
    body = refusal_body(refusal, call.shape)
    return refusal_headers(refusal, call.shape, body) + _ours(call), body


def _ours(call: Call) -> Pairs:
    return [(name, value) for name, value in our_headers(call) if name != b"x-request-id"]
