"""Test a trace from an HTTP request through the log and a lane to the change that the event caused."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import pytest
from heart_lanes import ManualClock
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.testclient import TestClient

from schemas import topics
from schemas.wire_time import epoch_ms
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.policy import Policy
from streamer.lanes.context import LaneContext, Silent, Step
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Write
from streamer.runtime.app import Wiring
from streamer.runtime.lane_worker import LaneWorker
from streamer.telemetry.tracing import Tracing, from_environment
from streamer.web.addressed import Addressed
from streamer.web.api.guards import Guard
from streamer.web.api.tokens import Token
from streamer.web.collector.handlers import Collector, routes
from streamer.web.publisher import Publisher

NOW = epoch_ms("2026-03-01T12:00:00Z")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CAME = f"00-{TRACE}-00f067aa0ba902b7-01"
ORDER = {
    "event_id": "e-1",
    "type": "order.completed",
    "customer_id": "ann",
    "occurred_at": "2026-03-01T11:59:00Z",
    "order_id": "o-1",
    "total": 10.0,
    "currency": "EUR",
}


class Everybody:
    """Admits everybody."""

    def admit_text(self, text: str | None, permission: str) -> Token:
        return Token("server", "", ("write",), "")


class ToLane:
    """Appends to a log in memory; test_collector.py tests that the real one reaches Kafka with its headers."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def append(self, records: Sequence[Addressed], trace: bytes | None = None) -> None:
        for record in records:
            headers = () if trace is None else (("traceparent", trace),)
            self._broker.append(topics.EVENTS, 0, Write(record.key, record.value, headers), NOW)


class Nothing:
    def took(self, source: str, judged: object) -> None:
        return None


class Traced(Silent):
    def __init__(self, tracing: Tracing | LaneWorker) -> None:
        self._tracing = tracing

    def stepped(self, step: Step) -> None:
        self._tracing.stepped(step)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    found = Tracing(provider)
    yield found
    found.close()


def publish(broker: MemoryBroker, tracing: Tracing, **headers: str) -> None:
    """Send an order to the collector."""
    collector = Collector(
        cast(Guard, Everybody()), cast(Publisher, ToLane(broker)), Policy(lanes=1), lambda: NOW, Nothing(), {}, tracing
    )
    with TestClient(Starlette(routes=routes(collector, frozenset))) as client:
        answer = client.post("/v1/events", json=ORDER, headers=headers)
    assert answer.status_code == 202, answer.text


def take(broker: MemoryBroker, tracing: Tracing | LaneWorker) -> list[dict[str, Any]]:
    """Let a lane process what is there; return the headers of its changes."""

    async def run() -> None:
        context = LaneContext(Policy(lanes=1), ManualClock(NOW))
        lane = Lane(0, MemoryLog(broker, 0), MemoryView(), context, listener=Traced(tracing))
        await lane.open()
        records = broker.records(topics.EVENTS, 0)
        lane.offer(Batch(0, len(records), records))
        while lane.next_offset < len(records):
            await lane.turn()

    asyncio.run(run())
    return [dict(one.headers) for one in broker.records(topics.CHANGES, 0)]


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def test_a_change_belongs_to_the_trace_of_its_request(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    broker = MemoryBroker(NOW)
    publish(broker, tracing, traceparent=CAME)
    changes = take(broker, tracing)
    spans = exporter.get_finished_spans()
    (request,) = named(spans, "POST /v1/events")
    moved = named(spans, "segment.changed")
    assert request.parent is not None and f"{request.parent.span_id:016x}" == CAME.split("-")[2]
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    assert {span.parent.span_id for span in moved if span.parent is not None} == {request.context.span_id}
    # A change carries the trace to the program that sends a message.
    assert len(moved) == len(changes) > 0
    assert {one["traceparent"].decode().split("-")[1] for one in changes} == {TRACE}
    segmentations = {(span.attributes or {})["streamer.segmentation"] for span in moved}
    assert segmentations == {"lifecycle", "value"}
    assert "ann" not in repr([span.to_json() for span in spans])


def test_without_tracing_the_trace_goes_on_and_records_are_the_same(tracing: Tracing) -> None:
    plain, traced = MemoryBroker(NOW), MemoryBroker(NOW)
    publish(plain, Tracing(), traceparent=CAME)
    (record,) = plain.records(topics.EVENTS, 0)
    assert dict(record.headers) == {"traceparent": CAME.encode()}
    traced.append(topics.EVENTS, 0, Write(record.key, record.value, record.headers), NOW)
    take(plain, Tracing())
    take(traced, tracing)
    assert plain.records(topics.CHANGES, 0) == traced.records(topics.CHANGES, 0)


@pytest.mark.parametrize("came", ["", "00-1", "00-xyz", CAME.upper()])
def test_a_broken_trace_is_not_passed_on(came: str) -> None:
    broker = MemoryBroker(NOW)
    publish(broker, Tracing(), **({"traceparent": came} if came else {}))
    (record,) = broker.records(topics.EVENTS, 0)
    assert record.headers == ()
    assert all("traceparent" not in one for one in take(broker, Tracing()))


def test_events_without_a_trace_make_no_spans_of_changes(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    broker = MemoryBroker(NOW)
    publish(broker, Tracing())
    assert take(broker, tracing)
    assert exporter.get_finished_spans() == ()


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Return what a collector named by the environment received."""
    found: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield found
        server.shutdown()


def test_spans_reach_a_collector_that_the_environment_names(got: list[bytes]) -> None:
    found = from_environment("web")
    with found.request("POST /v1/events", {}) as trace:
        assert trace is not None
    found.close()
    assert b"streamer-web" in b"".join(got) and b"POST /v1/events" in b"".join(got)


def test_where_opentelemetry_is_switched_off_a_trace_goes_on(got: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    found = from_environment("web")
    for headers, trace in (({}, None), ({"traceparent": CAME}, CAME.encode())):
        with found.request("POST /v1/events", headers) as passed_on:
            assert passed_on == trace
    found.close()
    assert not got


def test_a_wrong_variable_costs_traces_alone(got: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1")
    with from_environment("web").request("POST /v1/events", {"traceparent": CAME}) as passed_on:
        assert passed_on == CAME.encode()
    assert not got


def test_a_lane_worker_that_ends_sends_its_last_spans(got: list[bytes]) -> None:
    worker = LaneWorker(Wiring(KafkaConnection("nowhere:1", group="g"), "redis://nowhere", Policy()))
    broker = MemoryBroker(NOW)
    publish(broker, Tracing(), traceparent=CAME)
    take(broker, worker)
    worker.close()
    assert b"streamer-lanes" in b"".join(got) and b"segment.changed" in b"".join(got)


def test_a_collector_that_does_not_answer_keeps_no_process_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.telemetry.tracing._CLOSE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = from_environment("lanes")
        with found.request("POST /v1/events", {}):
            pass
        begun = time.monotonic()
        found.close()
        # By itself OpenTelemetry waits for ten seconds, or for thirty if much is to be sent.
        assert time.monotonic() - begun < 5.0
