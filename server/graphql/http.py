"""GraphQL over HTTP: POST with JSON, and GET for queries.

Source: https://graphql.github.io/graphql-over-http/draft/, in the form that its
published audit tests (status 400 for what cannot run); see docs/decisions.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from graphql import OperationType

from schema.context import Principal
from schema.errors import ApiError, ErrorCode, as_api_error
from schema.masking import RequestError
from server.graphql import answers
from server.graphql.answers import HttpRefusedError
from server.graphql.connections import Connections
from server.graphql.endpoint import Endpoint, Prepared
from server.graphql.event_stream import EventStream
from server.graphql.negotiation import (
    JSON,
    Wanted,
    is_json,
    wanted,
    wants_events,
    wants_page,
)
from server.graphql.origins import CSRF_HEADERS, METHODS, passes_csrf
from server.graphql.request import (
    GraphQLRequest,
    from_body,
    from_query,
    malformed,
)

BODY_MOST: Final = 1024 * 1024
"""Bytes of a body, unpacked."""

BODY_WITHIN_S: Final = 30.0
"""Seconds in which a body must have come."""


class HttpView:
    """Answers HTTP requests to the API."""

    def __init__(
        self,
        endpoint: Endpoint,
        connections: Connections,
        page: Callable[[], web.Response],
    ) -> None:
        """Take the API, what looks after streams, and what a browser gets that opens
        the address.
        """
        self._endpoint = endpoint
        self._connections = connections
        self._page = page

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request that is not a WebSocket handshake."""
        origins, headers = self._endpoint.origins, request.headers
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers=origins.preflight(headers))
        if request.method == hdrs.METH_GET and wants_page(headers.get("Accept")):
            return self._page()
        chosen = wanted(headers.get("Accept"))
        try:
            if wants_events(headers.get("Accept")):
                return await self._stream(request)
            if chosen is None:
                raise _refuse(406, f"The answer is {JSON}; Accept must allow it.")
            return await self._run(request, chosen)
        except HttpRefusedError as refused:
            media_type = chosen.media_type if chosen else JSON
            return answers.refusal(refused, media_type)

    async def _run(self, request: web.Request, chosen: Wanted) -> web.Response:
        _refuse_method(request)
        principal = await self._principal(request)
        asked = await _read(request)
        try:
            with self._endpoint.watch.operation() as operation:
                prepared = self._endpoint.prepare(asked)
                operation.begin(prepared.operation.operation)
                _refuse_operation(request.method, prepared)
                context = self._endpoint.context(principal, None)
                result = await self._endpoint.runner.run(
                    prepared.document, prepared.operation, asked.variables, context
                )
                operation.ran(result)
        except RequestError as error:
            return answers.not_run(error, chosen)
        return answers.ran(result, chosen)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Answer by Server-Sent Events, any operation."""
        _refuse_method(request)
        principal = await self._principal(request)
        asked = await _read(request)
        patience = self._connections.patience
        stream = EventStream(self._endpoint, request, principal, patience)
        self._connections.add(stream)
        try:
            with self._endpoint.watch.operation() as operation:
                return await stream.run(asked, operation)
        finally:
            self._connections.discard(stream)

    async def _principal(self, request: web.Request) -> Principal | None:
        credential = request.headers.get("Authorization")
        try:
            return await self._endpoint.principal(credential)
        except Exception as error:
            told = as_api_error(error)
            if told is None:
                raise
            if told.code is ErrorCode.UNAUTHORIZED:
                raise answers.unauthorized(told, credential) from None
            raise HttpRefusedError(503, told) from None


def _refuse_method(request: web.Request) -> None:
    if request.method not in {hdrs.METH_GET, hdrs.METH_POST}:
        raise _refuse(405, "Use POST, or GET for a query.", METHODS)
    if request.method == hdrs.METH_POST:
        if not is_json(request.headers.get("Content-Type")):
            raise _refuse(415, f"Content-Type must be {JSON}, in UTF-8.")
    elif not passes_csrf(request.headers):
        names = ", ".join(["Authorization", *CSRF_HEADERS])
        message = f"A GET needs one of the headers {names}: it may come from any page."
        raise HttpRefusedError(403, ApiError(ErrorCode.FORBIDDEN, message))


def _refuse_operation(method: str, prepared: Prepared) -> None:
    kind = prepared.operation.operation
    if kind is OperationType.SUBSCRIPTION:
        raise _refuse(
            400,
            "A subscription runs over WebSocket, at this address, with the "
            "subprotocol graphql-transport-ws, or with Accept: text/event-stream.",
        )
    if kind is OperationType.MUTATION and method == hdrs.METH_GET:
        raise _refuse(405, "A mutation must be sent by POST.", hdrs.METH_POST)


async def _read(request: web.Request) -> GraphQLRequest:
    try:
        if request.method == hdrs.METH_GET:
            query = {name: request.query.getall(name) for name in request.query}
            return from_query(query)
        async with asyncio.timeout(BODY_WITHIN_S):
            return from_body(await request.read())
    except ApiError as error:
        raise HttpRefusedError(400, error) from None
    except web.RequestPayloadError:
        told = malformed("The body cannot be unpacked.")
        # What is left of it on the connection cannot be told from a next request.
        raise HttpRefusedError(400, told, {"Connection": "close"}) from None
    except TimeoutError:
        raise _refuse(408, "The body did not come in time.") from None
    except web.HTTPRequestEntityTooLarge:
        message = f"The body has more than {BODY_MOST} bytes."
        told = ApiError(ErrorCode.LIMIT_EXCEEDED, message, limit=BODY_MOST)
        raise HttpRefusedError(413, told) from None


def _refuse(status: int, message: str, allow: str | None = None) -> HttpRefusedError:
    return HttpRefusedError(
        status, malformed(message), {"Allow": allow} if allow else {}
    )
