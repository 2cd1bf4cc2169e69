"""One span for the decision, inside the trace of the client's request. Needs the extra `otel` and an exporter named in OTEL_*.

Without either nothing is imported, nothing is sent, and headers go on as they came. Names follow OpenTelemetry's GenAI
conventions; the words of a prompt are told only where OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from evenhand import __version__
from evenhand.flow import Decision
from evenhand.proxy.headers import Pairs, every

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

OPERATION = "image_generation"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CARRIED = (b"traceparent", b"tracestate")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_MS = 2_000


class DecisionSpan(Protocol):
    """`tell` adds what was decided; `carried` is the request's headers with the trace that goes on upstream."""

    def tell(self, decisions: Sequence[Decision]) -> None: ...

    def carried(self, pairs: Pairs) -> Pairs: ...


class NoSpan:
    def __enter__(self) -> "NoSpan":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def tell(self, decisions: Sequence[Decision]) -> None:
        """Nobody listens."""

    def carried(self, pairs: Pairs) -> Pairs:
        return pairs


NO_SPAN = NoSpan()


class TracedSpan:
    def __init__(self, span: "Span", *, tells_content: bool) -> None:
        self._span = span
        self._tells_content = tells_content

    def tell(self, decisions: Sequence[Decision]) -> None:
        if not decisions or not self._span.is_recording():
            return
        self._span.set_attributes(
            {
                "evenhand.outcome": [decision.outcome for decision in decisions],
                "evenhand.decision_id": [decision.id for decision in decisions],
                "evenhand.revision": decisions[0].revision,
            }
        )
        if self._tells_content:
            self._span.set_attributes(_content(decisions))

    def carried(self, pairs: Pairs) -> Pairs:
        """Ours in the place of the client's; a span that nobody records leaves the client's as it is."""
        if not self._span.is_recording():
            return pairs
        return [pair for pair in pairs if pair[0].lower() not in _CARRIED] + _injected(self._span)


def decision_span(pairs: Pairs, *, route: str, provider: "TracerProvider | None" = None) -> AbstractContextManager[DecisionSpan]:
    """Around the decision of one request. An exception that passes through is told by its type only."""
    provider = provider or _shipped_provider()
    return _traced(pairs, route, provider) if provider is not None else NO_SPAN


@contextmanager
def _traced(pairs: Pairs, route: str, provider: "TracerProvider") -> Iterator[DecisionSpan]:
    tracer = provider.get_tracer("evenhand", __version__)
    attributes = {"gen_ai.operation.name": OPERATION, "gen_ai.output.type": "image", "evenhand.route": route}
    span = tracer.start_span(f"{OPERATION} {route}", context=_parent(pairs), attributes=attributes)
    try:
        yield TracedSpan(span, tells_content=_is_true(os.environ.get(CONTENT)))
    except BaseException as fault:
        _fail(span, fault)
        raise
    finally:
        span.end()


def flush() -> None:
    """Sends what waits, for at most FLUSH_MS milliseconds. Blocks: call it from a thread, when no more spans will come."""
    provider = _shipped_provider()
    if provider is not None:
        provider.force_flush(FLUSH_MS)


def is_wanted(environment: Mapping[str, str]) -> bool:
    if _is_true(environment.get("OTEL_SDK_DISABLED")) or environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


@cache
def _shipped_provider() -> "TracerProvider | None":
    """None where no exporter is named, or the extra is not installed."""
    if not is_wanted(os.environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    name = os.environ.get("OTEL_SERVICE_NAME", "evenhand")
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _parent(pairs: Pairs) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    found = {name.decode(): [value.decode("latin-1") for value in every(pairs, name)] for name in _CARRIED}
    # Two traceparents are none (W3C Trace Context §3.2.1); a tracestate may come in parts.
    carrier = {"tracestate": ",".join(found["tracestate"])} if found["tracestate"] else {}
    if len(found["traceparent"]) == 1:
        carrier["traceparent"] = found["traceparent"][0]
    return TraceContextTextMapPropagator().extract(carrier, context=Context())


def _injected(span: "Span") -> Pairs:
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context=set_span_in_context(span))
    return [(name.encode(), value.encode()) for name, value in carrier.items()]


def _content(decisions: Sequence[Decision]) -> dict[str, str]:
    prompts = [decision.plan.analysis.prompt.text for decision in decisions]
    messages = [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in prompts]
    rewrites = [text for decision in decisions for text in decision.texts]
    return {"gen_ai.input.messages": json.dumps(messages), "evenhand.rewrites": json.dumps(rewrites)}


def _fail(span: "Span", fault: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", type(fault).__name__)
    span.set_status(StatusCode.ERROR)


def _is_true(value: str | None) -> bool:
    return (value or "").strip().lower() == "true"
