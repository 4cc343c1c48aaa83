"""Structured logs on standard error: JSON lines, or readable text in development.

Of an exception the log keeps classes and places and leaves out the message; see
`domain.traces`.
"""

import asyncio
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from domain.traces import summary

_EventDict = MutableMapping[str, Any]


def configure(
    *,
    development: bool,
    level: str = "INFO",
    stream: TextIO | None = None,
) -> None:
    """Route structlog and the standard library's logging to one stream."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        without_message,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _readable() if development else _json(),
            ],
        ),
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # The request log of ours replaces it: this one would write query strings.
    logging.getLogger("aiohttp.access").disabled = True


def without_message(_logger: object, _name: str, event: _EventDict) -> _EventDict:
    """Replace an exception by its summary."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event.update(summary(error))
    event.pop("stack_info", None)
    return event


def loop_exception_handler(
    _loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Log what a task or callback left behind; asyncio's own text shows values."""
    structlog.get_logger("tocsin.loop").error(
        "unhandled", what=context.get("message"), exc_info=context.get("exception")
    )


def _json() -> structlog.typing.Processor:
    def dumps(event: object, **_options: object) -> str:
        return orjson.dumps(event, default=repr).decode()

    return structlog.processors.JSONRenderer(serializer=dumps)


def _readable() -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=24,
        exception_formatter=structlog.dev.plain_traceback,
    )
