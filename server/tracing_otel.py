"""Spans by OpenTelemetry, exported by OTLP over HTTP as the OTEL_ variables say.

The exporter's connection is the operator's own, like the database's: no tenant has a
say in it, so the guard of outgoing connections does not judge it.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self
from urllib.parse import urlsplit

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import (
    TraceContextTextMapPropagator,
)

from delivery.jobs import Job
from delivery.spans import TRACEPARENT
from domain.deliveries import Outcome, OutcomeKind
from domain.ids import encode
from domain.product import VERSION
from domain.steps import Answer, NoAnswer, ReadyRequest, Reply
from server.tracing import HttpSpan, OperationSpan

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"}
)
FLUSH_S: Final = 2.0
"""What the collector gets to take the last spans when the process ends."""

_SENT: Final = {OutcomeKind.SENT, OutcomeKind.SENT_UNCONFIRMED}
_W3C: Final = TraceContextTextMapPropagator()
Attributes = Mapping[str, str | int]

_log = structlog.get_logger("tocsin.tracing")


class _Told:
    """A span, told only what may be shown."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def replied(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:  # noqa: PLR2004 - ours; the client's faults are no errors
            self._fail(str(status))

    def came_to(self, outcome: str) -> None:
        self._span.set_attribute("tocsin.outcome", outcome)
        if outcome in {"unavailable", "internal"}:
            self._fail(outcome)

    def ended(self, outcome: Outcome) -> None:
        self._span.set_attribute("tocsin.outcome", outcome.kind.name.lower())
        if outcome.kind not in _SENT:
            self._fail(outcome.kind.name.lower())

    def answered(self, reply: Reply) -> None:
        if isinstance(reply, Answer):
            self._span.set_attribute("http.response.status_code", reply.status)
        elif isinstance(reply, NoAnswer):
            self._fail(reply.fault.value.lower())

    def _fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)


class _Quiet(SpanExporter):
    """Says once that a collector takes nothing, and once that it does again.

    The exporter's own messages come with every batch, and repeat addresses.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        failing = result is not SpanExportResult.SUCCESS
        if failing is not self._failing:
            self._failing = failing
            _log.warning("traces_not_taken" if failing else "traces_taken_again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OtelTracing:
    """Implements `server.tracing.Tracing`. The provider is its own, not the process's."""

    def __init__(
        self, provider: TracerProvider, exporter: SpanExporter | None = None
    ) -> None:
        """Take what keeps spans, and what sends them where that may take long."""
        self._provider = provider
        self._exporter = exporter
        self._tracer = provider.get_tracer("tocsin", VERSION)

    @classmethod
    def of_environment(cls) -> Self:
        """Export in batches to where the OTEL_ variables say."""
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        resource = Resource.create({"service.version": VERSION})
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "tocsin"}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = _Quiet(OTLPSpanExporter())
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider, exporter)

    async def close(self) -> None:
        """Send what is left, for a moment; a collector that hangs holds up nobody."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waited so long
                loop.call_soon_threadsafe(ended.set)

        # Not the loop's own threads: those are waited for at the end.
        threading.Thread(target=end, name="traces", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_S):
                await ended.wait()
        except TimeoutError:
            if self._exporter is not None:
                self._exporter.shutdown()

    @contextmanager
    def http(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> Iterator[HttpSpan]:
        """Begin a request, as part of the trace that its headers name, if any."""
        known = method if method in METHODS else "_OTHER"
        told = {"http.request.method": known, "http.route": route}
        named = {
            it: headers[it] for it in ("traceparent", "tracestate") if it in headers
        }
        context = _W3C.extract(named, context=Context())
        with self._span(f"{known} {route}", SpanKind.SERVER, told, context) as span:
            yield _Told(span)

    @contextmanager
    def operation(self, kind: str) -> Iterator[OperationSpan]:
        """Begin an operation."""
        told = {"graphql.operation.type": kind}
        with self._span(kind, SpanKind.INTERNAL, told) as span:
            yield _Told(span)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Begin the transaction of a mutation."""
        told = {"tocsin.mutation": name}
        with self._span("turn", SpanKind.INTERNAL, told):
            carrier: dict[str, str] = {}
            _W3C.inject(carrier)
            before = TRACEPARENT.set(carrier.get("traceparent"))
            try:
                yield
            finally:
                TRACEPARENT.reset(before)

    @contextmanager
    def attempt(self, job: Job) -> Iterator[_Told]:
        """Begin a try: a trace of its own, linked to that of the call behind it. A try
        may come a day after the call, and then again.
        """
        claimed = job.held.claimed
        told: Attributes = {
            "tocsin.channel": job.channel.key,
            "tocsin.delivery": encode("Delivery", claimed.id),
            "tocsin.attempt": claimed.number,
        }
        with self._span(
            "delivery attempt", SpanKind.INTERNAL, told, Context(), _links(job.cause)
        ) as span:
            yield _Told(span)

    @contextmanager
    def request(self, ready: object) -> Iterator[_Told]:
        """Begin a request: of its address the host alone is told, because what follows
        it is often a credential.
        """
        name = type(ready).__name__.removeprefix("Ready").lower()
        told: Attributes = {}
        if isinstance(ready, ReadyRequest):
            name = ready.method if ready.method in METHODS else "_OTHER"
            told = {"http.request.method": name, **_server(ready.url)}
        with self._span(name, SpanKind.CLIENT, told) as span:
            yield _Told(span)

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        told: Attributes,
        context: Context | None = None,
        links: list[Link] | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=kind,
            attributes=dict(told),
            links=links,
            # Messages of exceptions repeat values.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise


def _links(cause: str | None) -> list[Link]:
    if cause is None:
        return []
    context = _W3C.extract({"traceparent": cause}, context=Context())
    found = get_current_span(context).get_span_context()
    return [Link(found)] if found.is_valid else []


def _server(url: str) -> dict[str, str | int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return {}
    told: dict[str, str | int] = {"url.scheme": parts.scheme}
    if host:
        told["server.address"] = host
    if port:
        told["server.port"] = port
    return told
