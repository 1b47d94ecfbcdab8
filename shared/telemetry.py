"""Traces that travel with a fact, and the counters that operators watch.

A trace begins at an HTTP request, rests in the outbox row, rides in the record's ``traceparent`` and goes on in every
consumer's handler, up to the e-mail. Spans carry ids only.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

PUBLISHED = Counter("consilium_facts_published", "Facts acknowledged by Kafka", ["service"])
HANDLED = Counter("consilium_facts_handled", "Facts whose handler returned", ["service", "type"])
PARKED = Counter("consilium_facts_parked", "Facts that a person must look at", ["service"])
RETRIED = Counter("consilium_facts_retried", "Facts tried again", ["service"])
BATCH_SECONDS = Histogram("consilium_batch_seconds", "Time per polled batch, offsets included", ["service"])
LAG = Gauge("consilium_consumer_lag", "Records not yet read by this process's consumer", ["service"])
UNSENT_AGE = Gauge("consilium_outbox_age_seconds", "Age of the oldest fact not yet acknowledged by Kafka", ["service"])

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("consilium")


def configure(service: str, *, traces_file: Path | None = None, otlp_endpoint: str | None = None) -> None:
    """Record spans when there is somewhere to send them; without a destination tracing costs next to nothing."""
    if traces_file is None and otlp_endpoint is None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if traces_file is not None:
        provider.add_span_processor(SimpleSpanProcessor(_file_exporter(service, traces_file)))
    if otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def _file_exporter(service: str, path: Path) -> Any:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class FileExporter(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            lines = [json.dumps(_span_line(service, span)) + "\n" for span in spans]
            with path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
            return SpanExportResult.SUCCESS

    return FileExporter()


def _span_line(service: str, span: Any) -> dict[str, Any]:
    return {
        "service": span.attributes.get("consilium.service", service),
        "name": span.name,
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "attributes": dict(span.attributes),
    }


def traceparent() -> str | None:
    """Return the current trace's W3C header value, or None outside any trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def _recording() -> bool:
    unset = isinstance(_tracer, trace.ProxyTracer) and isinstance(
        trace.get_tracer_provider(), trace.ProxyTracerProvider
    )
    return not unset


@contextmanager
def continuing(parent: str | None, name: str, **attributes: str) -> Iterator[None]:
    """Run a block as one span of the trace that ``parent`` names (or of a new one)."""
    if parent is None and not _recording():
        yield  # no trace to go on with, and nobody to record a new one
        return
    joined = _propagator.extract({"traceparent": parent}) if parent else context.get_current()
    with _tracer.start_as_current_span(name, context=joined, attributes=attributes):
        yield
