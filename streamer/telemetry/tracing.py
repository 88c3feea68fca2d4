"""Create OpenTelemetry spans, from the HTTP request with an event to the change it caused.

Record headers carry the trace context as ``traceparent`` (W3C), with or without tracing. If `opentelemetry-sdk` is
installed (extra ``tracing``) and its own variables name a collector (``OTEL_EXPORTER_OTLP_ENDPOINT``), the processes
also send spans: one for each request with events, and one for each change whose event has a trace.
Published records are the same with and without tracing, because a replay must not depend on it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from schemas.tracing import TRACE_HEADER, is_traceparent
from streamer.lanes.context import Step

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

log = structlog.get_logger(__name__)

_WANTED: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NAME: Final = "streamer"
_CLOSE_SECONDS: Final = 3.0
"""Maximum seconds to send the last spans. OpenTelemetry would wait for 30 s, longer than a process has to end."""


class Tracing:
    """Creates spans, or none without a ``provider``.

    Parameters
    ----------
    provider
        Creates tracers; its processors decide where spans are sent.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer: Tracer | None = None if provider is None else provider.get_tracer(_NAME)

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str]) -> Iterator[bytes | None]:
        """Open a span around an HTTP request and yield the ``traceparent`` for its records.

        Without tracing, that is the request's own ``traceparent``, or None if the request has none or an invalid one.
        """
        came = headers.get(TRACE_HEADER, "").encode("latin-1")
        came_whole = came if is_traceparent(came) else None
        if self._tracer is None:
            yield came_whole
            return
        from opentelemetry import trace

        with self._tracer.start_as_current_span(name, _parent(came_whole), kind=trace.SpanKind.SERVER) as span:
            context = span.get_span_context()
            if not context.is_valid:
                # With OTEL_SDK_DISABLED, spans are no-ops.
                yield came_whole
                return
            yield f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}".encode()

    def stepped(self, step: Step) -> None:
        """Create a span, from start to commit of the step, for each of its changes whose event has a trace.

        The span names segments and the record's place in the log, never the customer.
        """
        if self._tracer is None:
            return
        from opentelemetry import trace

        end = step.committed_ms * 1_000_000
        start = end - int(1e9 * sum(step.seconds.values()))
        for change in step.decision.changes:
            if change.trigger is None or change.trigger.traceparent is None:
                continue
            attributes: dict[str, Any] = {
                "messaging.system": "kafka",
                "messaging.destination.partition.id": str(change.trigger.partition),
                "messaging.kafka.offset": change.trigger.offset,
                "streamer.segmentation": change.segmentation,
                "streamer.from": change.before or "",
                "streamer.to": change.after or "",
                "streamer.cause": change.cause,
            }
            self._tracer.start_span(
                "segment.changed",
                _parent(change.trigger.traceparent),
                kind=trace.SpanKind.CONSUMER,
                attributes=attributes,
                start_time=start,
            ).end(end)

    def close(self) -> None:
        """Send the remaining spans. They are dropped if the collector does not accept them within seconds."""
        if self._provider is None:
            return
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


def from_environment(role: str, environ: Mapping[str, str] = os.environ) -> Tracing:
    """Return tracing as configured by OpenTelemetry's own variables, disabled if they name no collector.

    Parameters
    ----------
    role
        The role of this process; the service's name is ``streamer-ROLE`` unless OTEL_SERVICE_NAME sets another.
    """
    if not any(environ.get(name) for name in _WANTED):
        return Tracing()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("tracing is off: install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http")
        return Tracing()
    name = environ.get("OTEL_SERVICE_NAME") or f"{_NAME}-{role}"
    # Our `close` shuts it down; by itself, it would do so without a time limit when the process ends.
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    try:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:
        log.warning("tracing is off: an OpenTelemetry variable has an invalid value", error=str(error))
        return Tracing()
    return Tracing(provider)


def _parent(traceparent: bytes | None) -> Any:
    """Return the context of a ``traceparent``, or an empty one."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if traceparent is None:
        return Context()
    return TraceContextTextMapPropagator().extract({TRACE_HEADER: traceparent.decode("latin-1")}, Context())
