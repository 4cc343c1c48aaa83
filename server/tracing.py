"""Traces: from the request of a client through the operation and its transaction, and
of each delivery attempt and its request, which refer back to the trace of the call.

Spans hold routes, kinds, hosts, outcomes and ids of deliveries; no path, no query, no
header, no body, no variables, no text of an error. What is sent to far ends carries no
trace of ours.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol, Self

import structlog

from delivery.spans import Silence, Spans

_log = structlog.get_logger("tocsin.tracing")


class HttpSpan(Protocol):
    """A request of a client."""

    def replied(self, status: int) -> None:
        """Tell the status of the answer."""


class OperationSpan(Protocol):
    """A query or a mutation."""

    def came_to(self, outcome: str) -> None:
        """Tell how it ended, by the words of `tocsin_graphql_operations_total`."""


class Tracing(Spans, Protocol):
    """Makes the spans of a process."""

    def http(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[HttpSpan]:
        """Begin a request, as part of the trace that its headers name, if any."""

    def operation(self, kind: str) -> AbstractContextManager[OperationSpan]:
        """Begin an operation."""

    async def close(self) -> None:
        """Send what is left, for a moment."""


class _Silence(Silence):
    """Makes nothing."""

    def http(self, method: str, route: str, headers: Mapping[str, str]) -> Self:  # noqa: ARG002
        return self

    def operation(self, kind: str) -> Self:  # noqa: ARG002
        return self

    def replied(self, status: int) -> None:
        pass

    def came_to(self, outcome: str) -> None:
        pass

    async def close(self) -> None:
        pass


SILENT: Final = _Silence()


def open_tracing(*, asked_for: bool) -> Tracing:
    """Return what makes spans: nothing unless the environment asks for traces and
    OpenTelemetry is installed.
    """
    if not asked_for:
        return SILENT
    try:
        from server.tracing_otel import OtelTracing  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("opentelemetry"):
            raise
        _log.warning(
            "traces_off",
            why="OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not "
            "installed: install requirements-otel.lock.",
        )
        return SILENT
    return OtelTracing.of_environment()
