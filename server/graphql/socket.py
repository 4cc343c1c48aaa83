"""One WebSocket: it reads messages, runs operations, sends their answers, and ends.

Messages leave one after the other and wait while the client's buffer is full, so a
slow client costs one message for each of its operations, however much there is to
tell. One that takes nothing for a while is closed with TOO_SLOW.
"""

import asyncio
import contextlib
from contextlib import aclosing
from typing import Final

import structlog
from aiohttp import WSMsgType, web
from graphql import OperationType

from domain.traces import summary
from schema.context import Principal
from schema.errors import ErrorCode, as_api_error
from schema.limits import limit_error
from schema.masking import masked_exception, request_error
from server.graphql import protocol
from server.graphql.connections import Patience
from server.graphql.endpoint import Endpoint
from server.graphql.protocol import InvalidMessageError
from server.graphql.request import GraphQLRequest
from server.graphql.watch import Operation

MESSAGE_MOST: Final = 128 * 1024
OPERATIONS_MOST: Final = 100

_log = structlog.get_logger("tocsin.websocket")


class EndedError(Exception):
    """The socket is to be closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep both."""
        self.code = code
        self.reason = reason
        super().__init__(reason)


class GoneError(ConnectionError):
    """Nothing can be sent any more."""


class GraphQLSocket:
    """Speaks graphql-transport-ws with one client."""

    def __init__(
        self, endpoint: Endpoint, request: web.Request, patience: Patience
    ) -> None:
        """Take a handshake whose origin was accepted."""
        self._endpoint = endpoint
        self._request = request
        self._patience = patience
        self._ws = web.WebSocketResponse(
            protocols=(protocol.SUBPROTOCOL,),
            timeout=patience.close,
            heartbeat=patience.heartbeat,
            compress=False,
            max_msg_size=MESSAGE_MOST,
        )
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self._ended: asyncio.Future[None] = asyncio.Future()
        self._why: EndedError | None = None
        self.principal: Principal | None = None

    async def run(self) -> web.WebSocketResponse:
        """Speak until one side ends it."""
        try:
            await self._ws.prepare(self._request)
        except ConnectionResetError:  # its client did not wait for the handshake
            return self._ws
        reading: asyncio.Future[None] = asyncio.create_task(self._read())
        try:
            until = (reading, self._ended)
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [reading, *self._operations.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._why is not None:
            await self._close(self._why)
        code = self._why.code if self._why else self._ws.close_code
        _log.info("socket closed", code=code)
        return self._ws

    def end(self, code: int, reason: str) -> None:
        """Have the socket closed from our side. The first reason holds."""
        if self._why is None:
            self._why = EndedError(code, reason)
            self._ended.set_result(None)

    def expire(self) -> None:
        """Have it closed: its credential has expired or was revoked."""
        self.end(protocol.FORBIDDEN, "The API token has expired or was revoked.")

    def leave(self) -> None:
        """Have it closed: the server is stopping."""
        self.end(protocol.GOING_AWAY, "The server is stopping.")

    async def ping(self) -> None:
        """Send a ping, unless something is on its way anyway."""
        if not self._ws.closed and not self._sending.locked():
            with contextlib.suppress(GoneError):
                await self._send(protocol.ping())

    async def _close(self, ended: EndedError) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.close * 2):
                reason = protocol.reason(ended.reason)
                await self._ws.close(code=ended.code, message=reason, drain=False)
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # its client takes nothing, and may never again

    async def _read(self) -> None:
        try:
            await self._converse()
        except EndedError as ended:
            self.end(ended.code, ended.reason)
        except InvalidMessageError as error:
            self.end(protocol.INVALID_MESSAGE, str(error))
        except GoneError:
            pass
        except Exception as error:  # noqa: BLE001 - a bug must not be a 1006
            _log.error("internal error", **summary(error))
            self.end(protocol.INTERNAL, "Internal server error")

    async def _converse(self) -> None:
        if self._ws.ws_protocol != protocol.SUBPROTOCOL:
            text = f"The subprotocol must be {protocol.SUBPROTOCOL}."
            raise EndedError(protocol.SUBPROTOCOL_REFUSED, text)
        try:
            async with asyncio.timeout(self._patience.init):
                init = await self._receive_init()
        except TimeoutError:
            text = "Connection initialisation timeout"
            raise EndedError(protocol.INIT_TIMEOUT, text) from None
        if init is None:
            return
        self.principal = await self._principal(init)
        await self._send(protocol.acknowledge())
        while (message := await self._receive()) is not None:
            await self._take(message)

    async def _receive(self) -> protocol.Message | None:
        """Return the next message; None when the connection is over."""
        frame = await self._ws.receive()
        if frame.type is WSMsgType.TEXT:
            return protocol.read(frame.data)
        if frame.type is WSMsgType.BINARY:
            raise InvalidMessageError("A message must be text.")
        return None

    async def _receive_init(self) -> protocol.Init | None:
        while (message := await self._receive()) is not None:
            match message:
                case protocol.Init():
                    return message
                case protocol.Subscribe():
                    raise EndedError(protocol.UNAUTHORIZED, "Unauthorized")
                case _:
                    await self._take(message)
        return None

    async def _principal(self, init: protocol.Init) -> Principal | None:
        credential = init.credential or self._request.headers.get("Authorization")
        try:
            return await self._endpoint.principal(credential)
        except Exception as error:
            told = as_api_error(error)
            if told is None:
                raise
            refused = told.code is ErrorCode.UNAUTHORIZED
            code = protocol.FORBIDDEN if refused else protocol.TRY_AGAIN
            raise EndedError(code, told.message) from None

    async def _take(self, message: protocol.Message) -> None:
        match message:
            case protocol.Init():
                text = "Too many initialisation requests"
                raise EndedError(protocol.TOO_MANY_INITS, text)
            case protocol.Subscribe():
                await self._subscribe(message)
            case protocol.Complete():
                if task := self._operations.pop(message.id, None):
                    task.cancel()
            case protocol.Ping():
                await self._send(protocol.pong(message.payload))
            case protocol.Pong():
                pass

    async def _subscribe(self, message: protocol.Subscribe) -> None:
        if message.id in self._operations:
            text = "The id belongs to an operation that is running."
            raise EndedError(protocol.SUBSCRIBER_EXISTS, text)
        if len(self._operations) >= OPERATIONS_MOST:
            error = request_error(limit_error("operations", OPERATIONS_MOST))
            await self._send(protocol.failed(message.id, error.errors))
            return
        operation = self._operate(message.id, message.request)
        self._operations[message.id] = asyncio.create_task(operation)

    async def _operate(self, identity: str, request: GraphQLRequest) -> None:
        with contextlib.suppress(GoneError):
            last = await self._outcome(identity, request)
            # The client may use the id again as soon as it has the last message.
            self._operations.pop(identity, None)
            await self._send(last)

    async def _outcome(self, identity: str, request: GraphQLRequest) -> bytes:
        """Run an operation and return its last message."""
        try:
            await self._answer(identity, request)
        except GoneError:
            raise
        except Exception as error:  # noqa: BLE001 - it must not end its siblings
            return protocol.failed(identity, masked_exception(error).errors)
        return protocol.completed(identity)

    async def _answer(self, identity: str, request: GraphQLRequest) -> None:
        with self._endpoint.watch.operation() as operation:
            await self._run(identity, request, operation)

    async def _run(
        self, identity: str, request: GraphQLRequest, operation: Operation
    ) -> None:
        prepared = self._endpoint.prepare(request)
        operation.begin(prepared.operation.operation)
        arguments = (
            prepared.document,
            prepared.operation,
            request.variables,
            self._endpoint.context(self.principal, None),
        )
        runner = self._endpoint.runner
        if prepared.operation.operation is not OperationType.SUBSCRIPTION:
            result = await runner.run(*arguments)
            operation.ran(result)
            await self._send(protocol.following(identity, result))
            return
        async with aclosing(runner.follow(*arguments)) as results:
            async for told in results:
                await self._send(protocol.following(identity, told.result))

    async def _send(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(self._patience.send), self._sending:
                await self._ws.send_frame(frame, WSMsgType.TEXT)
        except TimeoutError:
            self.end(protocol.TOO_SLOW, "The client takes messages too slowly.")
            raise GoneError from None
        except ConnectionError:
            raise GoneError from None
