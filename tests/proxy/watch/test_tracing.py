import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from evenhand.engine import Engine
from evenhand.flow import Prompt
from evenhand.proxy.headers import Pairs, every
from evenhand.proxy.watch.tracing import CONTENT, NoSpan, decision_span, is_wanted
from evenhand.rules import Ruleset

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CLIENT: Pairs = [(b"host", b"x"), (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode()), (b"tracestate", b"a=1")]
SECRET = "a doctor by the crimson lighthouse"


class Traced:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def only(self) -> ReadableSpan:
        found = self.exporter.get_finished_spans()
        assert len(found) == 1
        return found[0]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Traced:
    monkeypatch.delenv(CONTENT, raising=False)
    return Traced()


def run(traced: Traced, rules: Ruleset, pairs: Pairs) -> Pairs:
    decision = Engine(rules).decide(Prompt(text=SECRET, id="d-1"))
    with decision_span(pairs, route="openai.images.generations", provider=traced.provider) as span:
        span.tell([decision])
        return span.carried(pairs)


def test_the_span_stands_in_the_request_trace(traced: Traced, small_rules: Ruleset) -> None:
    carried = run(traced, small_rules, CLIENT)
    span = traced.only()
    assert span.name == "image_generation openai.images.generations"
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "image_generation",
        "gen_ai.output.type": "image",
        "evenhand.route": "openai.images.generations",
        "evenhand.outcome": ("rewritten",),
        "evenhand.decision_id": ("d-1",),
        "evenhand.revision": small_rules.revision,
    }
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert every(carried, b"traceparent") == [f"00-{TRACE}-{span.context.span_id:016x}-01".encode()]
    assert every(carried, b"tracestate") == [b"a=1"]
    assert (b"host", b"x") in carried


def test_no_word_of_the_prompt_without_asking(traced: Traced, small_rules: Ruleset) -> None:
    run(traced, small_rules, CLIENT)
    assert "lighthouse" not in traced.only().to_json()


def test_words_where_the_operator_asked(traced: Traced, small_rules: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTENT, "True")
    run(traced, small_rules, CLIENT)
    attributes = dict(traced.only().attributes or {})
    assert json.loads(str(attributes["gen_ai.input.messages"]))[0]["parts"][0]["content"] == SECRET
    assert "lighthouse" in str(attributes["evenhand.rewrites"])


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(b"traceparent", b"nonsense")],
        [(b"traceparent", b"\xff\xfe")],
        [(b"traceparent", CLIENT[1][1]), (b"traceparent", CLIENT[1][1])],
        [(b"tracestate", b"a=1")],
    ],
)
def test_without_a_usable_parent_a_trace_begins_here(traced: Traced, small_rules: Ruleset, pairs: Pairs) -> None:
    carried = run(traced, small_rules, pairs)
    span = traced.only()
    assert span.parent is None
    assert span.context is not None
    assert [value[:52] for value in every(carried, b"traceparent")] == [
        f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}".encode()
    ]


def test_a_span_that_nobody_records_leaves_the_headers(small_rules: Ruleset) -> None:
    traced = Traced()
    traced.provider = TracerProvider(sampler=ALWAYS_OFF)
    assert run(traced, small_rules, CLIENT) == CLIENT


def fail_within(traced: Traced) -> None:
    with decision_span(CLIENT, route="rewrite", provider=traced.provider) as span:
        span.tell([])
        raise ValueError(SECRET)


def test_a_fault_is_told_by_its_type(traced: Traced) -> None:
    with pytest.raises(ValueError, match="lighthouse"):
        fail_within(traced)
    found = traced.only()
    assert (found.status.status_code.name, dict(found.attributes or {})["error.type"]) == ("ERROR", "ValueError")
    assert "lighthouse" not in found.to_json()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_only_a_named_exporter_switches_it_on(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def test_without_an_exporter_headers_go_on_as_they_came() -> None:
    with decision_span(CLIENT, route="rewrite") as span:
        assert isinstance(span, NoSpan)
        span.tell([])
        assert span.carried(CLIENT) is CLIENT


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A real OTLP endpoint that keeps what arrives."""
    arrived: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", arrived
    server.shutdown()
    server.server_close()


CODE = """
from evenhand.proxy.watch.tracing import decision_span, flush
with decision_span([], route="openai.images.generations"):
    pass
flush()
"""


def test_spans_arrive_at_the_exporter(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    url, arrived = collector
    app = str(Path(__file__).parents[3] / "app")
    environment = {"PYTHONPATH": app, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", CODE], env=environment, check=True, timeout=60)
    assert [path for path, _ in arrived] == ["/v1/traces"]
    assert b"image_generation openai.images.generations" in arrived[0][1]
    assert b"evenhand" in arrived[0][1]
