"""Watches operations: counted by kind and outcome, timed, and traced.

Never by name: clients choose names, and of those there is no end. Errors in a payload
(`errors { code }`) are answers like others: such an operation is "ok".
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from graphql import ExecutionResult, GraphQLError, OperationType

from schema.errors import ErrorCode
from schema.masking import RequestError
from server.graphql.answers import HttpRefusedError
from server.metrics import Metrics
from server.tracing import SILENT, OperationSpan, Tracing

NO_KIND: Final = "none"
"""The kind of what could not be read."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Where operations are counted and traced."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = SILENT

    def operation(self) -> "Operation":
        """Begin to watch an operation whose kind is not known yet."""
        return Operation(self)


class Operation:
    """One operation, for as long as its context is not left."""

    def __init__(self, watch: Watch) -> None:
        """Begin with nothing known."""
        self._watch = watch
        self._kind = NO_KIND
        self._outcome: str | None = None
        self._took: float | None = None
        self._begun = time.perf_counter()
        self._span: OperationSpan = SILENT
        self._stack = ExitStack()

    def begin(self, kind: OperationType) -> None:
        """Tell what it is; it runs from now on."""
        self._kind = kind.value
        if kind is OperationType.SUBSCRIPTION:
            running = self._watch.metrics.subscriptions.track_inprogress()
            self._stack.enter_context(running)
        else:  # a subscription would be a span of hours
            made = self._watch.tracing.operation(self._kind)
            self._span = self._stack.enter_context(made)

    def ran(self, result: ExecutionResult) -> None:
        """Tell what it came to, before that is sent."""
        self._took = time.perf_counter() - self._begun
        self._outcome = _outcome(result.errors or ()) if result.errors else "ok"

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Count it, however it ended."""
        outcome = self._outcome or _ended_by(error)
        self._span.came_to(outcome)
        self._stack.close()
        self._watch.metrics.operated(self._kind, outcome, self._took)


def _ended_by(error: BaseException | None) -> str:
    match error:
        case None:
            return "ok"
        case RequestError():
            found = _outcome(error.errors)
            return "refused" if found == "error" else found
        case HttpRefusedError():
            return "refused"
        case asyncio.CancelledError() | ConnectionError():
            return "cancelled"
        case _:
            return "internal"


def _outcome(errors: Iterable[GraphQLError]) -> str:
    codes = {(error.extensions or {}).get("code") for error in errors}
    if ErrorCode.INTERNAL in codes:
        return "internal"
    return "unavailable" if ErrorCode.STORAGE_UNAVAILABLE in codes else "error"
