"""What the engine tells a tracer: where a turn, an attempt and a request begin and end.

The engine hands over what it works with; what of it may be shown is decided where
spans are made. Without a tracer nothing is built and nothing is kept.
"""

# ruff: noqa: ARG002 - what makes nothing needs nothing

from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Protocol, Self

from delivery.jobs import Job
from domain.deliveries import Outcome
from domain.steps import Reply

TRACEPARENT: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)
"""The trace of the turn that runs, as W3C Trace Context writes it. Turns see what was
set where they were handed over; events keep it, so that what follows can refer to it.
"""


class AttemptSpan(Protocol):
    """One try of a delivery."""

    def ended(self, outcome: Outcome) -> None:
        """Tell the verdict; its texts are not scrubbed yet and must not be shown."""


class RequestSpan(Protocol):
    """One request to a far end."""

    def answered(self, reply: Reply) -> None:
        """Tell what came back; nothing of a body or a text may be shown."""


class Spans(Protocol):
    """Makes spans. What is made is current until its context is left."""

    def turn(self, name: str) -> AbstractContextManager[object]:
        """Begin the transaction of a mutation; sets TRACEPARENT for it."""

    def attempt(self, job: Job) -> AbstractContextManager[AttemptSpan]:
        """Begin a try; it belongs to no request, but refers to `job.cause`."""

    def request(self, ready: object) -> AbstractContextManager[RequestSpan]:
        """Begin a request, from the dial on; `ready` holds secrets."""


class Silence:
    """Makes nothing; it is its own span."""

    def turn(self, name: str) -> Self:
        """Begin nothing."""
        return self

    def attempt(self, job: Job) -> Self:
        """Begin nothing."""
        return self

    def request(self, ready: object) -> Self:
        """Begin nothing."""
        return self

    def ended(self, outcome: Outcome) -> None:
        """Let it pass."""

    def answered(self, reply: Reply) -> None:
        """Let it pass."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


SILENT: Final[Spans] = Silence()
