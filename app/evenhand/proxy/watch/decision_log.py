"""The decision log: each finished decision becomes one JSON line and goes to a sink, in batches, from a thread of its own.

A request never waits for it: what finds no room in the queue is dropped, counted and told, in the service's log and in the
next line that gets through. A sink that fails is asked again until it works.
"""

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from evenhand.engine.record import record
from evenhand.flow import Decision
from evenhand.logged import LogRecord, erase, head_rules, is_known
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.watch.logs import log
from evenhand.proxy.watch.sinks import LineSink, sink_of
from evenhand.rules import Ruleset
from evenhand.settings import Settings

BATCH_LINES, BATCH_BYTES = 500, 262_144
SAY_EVERY_S = 60.0
LONGEST_WAIT_S = 15.0
END_S = 0.5


def line_of(entry: Entry, *, key: bytes, prompts: bool = False, sample: float = 1.0) -> LogRecord:
    """`key` keys the prompt's hash; with `prompts` no word is erased."""
    decision = entry.decision
    text = decision.plan.analysis.prompt.text
    made = record(decision, entry.rules, ref=entry.ref)
    heads = {f"/subjects/{place}/head": subject["head"]["text"] for place, subject in enumerate(made["subjects"])}
    line = LogRecord(
        **made,  # type: ignore[typeddict-item]
        timestamp=datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        request_id=entry.request_id,
        route=entry.route,
        tenant=entry.tenant,
        status=entry.status,
        upstream_status=entry.upstream_status,
        refused=entry.refused,
        drift=list(entry.drift),
        sample=1.0 if _must_stay(entry) else sample,
        prompt_hash=prompt_hash(text, key),
        unknown=[pointer for pointer, head in heads.items() if not is_known(head, entry.rules)],
        masked=[],
    )
    if not prompts:
        line["masked"] = erase(line, keep=[f"{pointer}/text" for pointer, head in heads.items() if _may_stay(head, entry.rules)])
    return line


def prompt_hash(text: str, key: bytes) -> str:
    """Equal prompts under one key have one hash; without the key nobody can try prompts out."""
    return hmac.digest(key, b"evenhand prompt\0" + text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _may_stay(head: str, rules: Ruleset) -> bool:
    """A noun of the rules tells as little as the rule's name does; a name tells who was asked for."""
    found = head_rules(head, rules)
    return bool(found) and not any(rule.startswith("people/") for rule in found)


def _must_stay(entry: Entry) -> bool:
    return entry.decision.outcome == "bypass" or entry.refused or bool(entry.drift)


def is_sampled(decision: Decision, share: float) -> bool:
    """The same for the same decision, in every process."""
    digest = hashlib.sha256(decision.id.encode()).digest()
    return int.from_bytes(digest[:7]) < share * 2**56


class DecisionLog:
    """A sink of the ledger. `written`, `dropped` and `left_out` (by sampling) count decisions since the start."""

    def __init__(
        self,
        sink: LineSink,
        *,
        key: bytes,
        prompts: bool = False,
        sample: float = 1.0,
        most_lines: int = 10_000,
        most_bytes: int = 67_108_864,
        retry_s: float = 0.5,
    ) -> None:
        self.written = self.dropped = self.left_out = 0
        self._sink, self._key, self._prompts, self._sample = sink, key, prompts, sample
        self._most_lines, self._most_bytes, self._retry_s = most_lines, most_bytes, retry_s
        self._lines: deque[bytes] = deque()
        self._bytes = self._lost = self._under_way = 0
        self._said: dict[str, tuple[float, str]] = {}
        self._changed = threading.Condition()
        self._closing, self._given_up = threading.Event(), threading.Event()
        self._writer = threading.Thread(target=self._run, name="evenhand-decision-log", daemon=True)
        self._writer.start()

    @property
    def waiting(self) -> int:
        return len(self._lines)

    def __call__(self, entry: Entry) -> None:
        if not (_must_stay(entry) or is_sampled(entry.decision, self._sample)):
            self.left_out += 1
            return
        if len(self._lines) >= self._most_lines or self._closing.is_set():
            self._drop(1)
            return
        made = line_of(entry, key=self._key, prompts=self._prompts, sample=self._sample)
        with self._changed:
            line = self._encoded(made)
            if self._bytes + len(line) <= self._most_bytes:
                self._lines.append(line)
                self._bytes += len(line)
                self._lost = 0
                self._changed.notify()
                return
        self._drop(1)

    def close(self, deadline_s: float = 5.0) -> None:
        """Waits at most `deadline_s` for what is queued; counts the rest as dropped. Safe to call twice."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._writer.join(deadline_s)
        self._given_up.set()
        self._writer.join(END_S)
        with self._changed:
            self.dropped += len(self._lines) + self._under_way
            self._under_way = 0
            self._lines.clear()
        log.info("decision_log_closed", sink=self._sink.name, written=self.written, dropped=self.dropped)

    def _encoded(self, line: LogRecord) -> bytes:
        if self._lost:
            line["lost"] = self._lost
        return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"

    def _drop(self, lines: int) -> None:
        with self._changed:
            self.dropped += lines
            self._lost += lines
        self._say("decision_log_dropping", dropped=self.dropped, waiting=self.waiting)

    def _say(self, event: str, **more: Any) -> None:
        """Once a minute, and at once where the fault is another one."""
        now, fault = time.monotonic(), str(more.get("fault"))
        at, before = self._said.get(event, (-SAY_EVERY_S, fault))
        if now - at >= SAY_EVERY_S or fault != before:
            self._said[event] = now, fault
            log.warning(event, sink=self._sink.name, **more)

    def _run(self) -> None:
        while (batch := self._next()) and self._delivered(batch):
            with self._changed:
                self.written += len(batch)
                self._under_way = 0
        self._sink.close()

    def _pause(self, wait_s: float) -> None:
        """Cut short by closing; from then on pauses stay short, since time is."""
        if self._closing.is_set():
            self._given_up.wait(self._retry_s)
        else:
            self._closing.wait(wait_s)

    def _next(self) -> list[bytes]:
        """Empty once there is nothing left and nothing will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closing.is_set())
            batch: list[bytes] = []
            room = BATCH_BYTES
            while self._lines and len(batch) < BATCH_LINES and room > 0:
                batch.append(self._lines.popleft())
                room -= len(batch[-1])
                self._bytes -= len(batch[-1])
            self._under_way = len(batch)
            return batch

    def _delivered(self, batch: list[bytes]) -> bool:
        """False where the log was closed before the sink took the batch."""
        wait_s, failed = self._retry_s, False
        while not self._given_up.is_set():
            try:
                self._sink.write(batch)
            except Exception as fault:
                failed = True
                self._say("decision_log_failing", fault=self._sink.told(fault), waiting=self.waiting)
                self._pause(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            if failed:
                self._said.pop("decision_log_failing", None)
                log.info("decision_log_recovered", sink=self._sink.name, dropped=self.dropped)
            return True
        return False


def decision_log_of(settings: Settings, *, share: Callable[[LineSink], LineSink] = lambda sink: sink) -> DecisionLog | None:
    """None where none is asked for. `share` is for a sink that other processes write to, too. Raises SettingsError where it
    can't be written."""
    if settings.decision_log is None:
        return None
    sink = share(sink_of(settings))
    own_key = "secret" in settings.model_fields_set
    sampled = {"sample": settings.decision_log_sample, "prompts": settings.decision_log_prompts}
    log.info("decision_log", sink=sink.name, **sampled, hashes="comparable" if own_key else "of this process only")
    return DecisionLog(
        sink,
        key=settings.secret.get_secret_value().encode(),
        prompts=settings.decision_log_prompts,
        sample=settings.decision_log_sample,
        most_lines=settings.decision_log_queue,
    )
