"""Operations over Server-Sent Events: graphql-sse in its mode of distinct connections.

Each request has a stream of its own: `next` events with results, `complete` at the end.
An event of a subscription that can be resumed has its cursor as id; a client that
comes back says it as `Last-Event-ID`, and goes on from there.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import orjson
from aiohttp import hdrs, web
from graphql import OperationType

from schema.context import Principal
from schema.errors import ApiError, ErrorCode
from schema.masking import RequestError, masked_exception, request_error
from schema.runner import Told
from server.graphql.connections import Patience
from server.graphql.endpoint import Endpoint
from server.graphql.negotiation import EVENTS
from server.graphql.request import GraphQLRequest, malformed
from server.graphql.watch import Operation

_HEADERS: Final = {
    "Content-Type": f"{EVENTS}; charset=utf-8",
    "X-Accel-Buffering": "no",  # nginx would gather what is sent
}
_COMPLETE: Final = b"event: complete\ndata: \n\n"
_PING: Final = b":\n\n"
_EXPIRED: Final = ApiError(
    ErrorCode.UNAUTHORIZED, "The API token has expired or was revoked."
)


class TooSlowError(ConnectionError):
    """The client takes nothing any more."""


def told_event(told: Told) -> bytes:
    """Return the frame of a result."""
    identity = f"id: {told.cursor}\n".encode() if told.cursor else b""
    return identity + _next(told.result.formatted)


def failed_event(error: RequestError) -> bytes:
    """Return the frame for an operation that was not run, or has broken."""
    return _next({"errors": [each.formatted for each in error.errors]})


def _next(body: object) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


class EventStream:
    """Runs one operation, and sends what comes of it."""

    def __init__(
        self,
        endpoint: Endpoint,
        request: web.Request,
        principal: Principal | None,
        patience: Patience,
    ) -> None:
        """Take a request whose sender is known."""
        self.principal = principal
        self._endpoint = endpoint
        self._request = request
        self._patience = patience
        self._response = web.StreamResponse(headers=_HEADERS)
        self._sending = asyncio.Lock()
        self._task = asyncio.current_task()
        self._last: bytes | None = None

    async def run(
        self, asked: GraphQLRequest, operation: Operation
    ) -> web.StreamResponse:
        """Send all results, until one side ends it."""
        await self._response.prepare(self._request)
        try:
            await self._tell(asked, operation)
            await self._send(_COMPLETE)
        except TooSlowError:
            self._abort()
        except asyncio.CancelledError:
            if self._last is None or not self._response.prepared:
                raise  # the client has gone, or the server stops at once
            with contextlib.suppress(ConnectionError):
                await self._send(self._last)
        with contextlib.suppress(ConnectionError):
            await self._response.write_eof()
        return self._response

    async def ping(self) -> None:
        """Send a comment, unless something is on its way anyway."""
        if self._response.prepared and not self._sending.locked():
            with contextlib.suppress(ConnectionError):
                await self._send(_PING)

    def expire(self) -> None:
        """End it for good, with the reason."""
        self._end(failed_event(request_error(_EXPIRED)) + _COMPLETE)

    def leave(self) -> None:
        """End it without `complete`: the client comes back, and resumes."""
        self._end(b"")

    def _end(self, last: bytes) -> None:
        if self._last is None and self._task is not None:
            self._last = last
            self._task.cancel()

    async def _tell(self, asked: GraphQLRequest, operation: Operation) -> None:
        try:
            async with aclosing(self._results(asked, operation)) as results:
                async for told in results:
                    await self._send(told_event(told))
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - resolvers raise what they like
            await self._send(failed_event(masked_exception(error)))

    async def _results(
        self, asked: GraphQLRequest, operation: Operation
    ) -> AsyncGenerator[Told, None]:
        prepared = self._endpoint.prepare(asked)
        kind = prepared.operation.operation
        if kind is OperationType.MUTATION and self._request.method == hdrs.METH_GET:
            raise request_error(malformed("A mutation must be sent by POST."))
        operation.begin(kind)
        last = self._request.headers.get("Last-Event-ID") or None
        context = self._endpoint.context(self.principal, last)
        arguments = (prepared.document, prepared.operation, asked.variables, context)
        runner = self._endpoint.runner
        if kind is not OperationType.SUBSCRIPTION:
            result = await runner.run(*arguments)
            operation.ran(result)
            yield Told(result)
            return
        async with aclosing(runner.follow(*arguments)) as results:
            async for told in results:
                yield told

    async def _send(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience.send), self._sending:
                await self._response.write(frame)
        except TimeoutError:
            raise TooSlowError from None

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
