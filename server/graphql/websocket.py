"""All open WebSockets: accepted by origin, pinged, ended when their time is over."""

import asyncio
import time
from typing import Final

import structlog
from aiohttp import web

from domain.faults import StorageUnavailableError
from domain.ids import Id
from domain.traces import summary
from schema.errors import ApiError, ErrorCode
from server.graphql import protocol
from server.graphql.answers import HttpRefusedError, refusal
from server.graphql.endpoint import Endpoint
from server.graphql.socket import GraphQLSocket, Patience

LOOK_EVERY_S: Final = 2.0
"""How often credentials are looked at again while sockets are open."""

PING_EVERY_S: Final = 20.0

_log = structlog.get_logger("tocsin.websocket")


class WebSocketView:
    """Answers WebSocket handshakes to the API, and owns what they open."""

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience | None = None,
        look_every_s: float = LOOK_EVERY_S,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        """Take the API."""
        self._endpoint = endpoint
        self._patience = patience or Patience()
        self._look_every_s = look_every_s
        self._ping_every_s = ping_every_s
        self._sockets: set[GraphQLSocket] = set()
        self._some = asyncio.Event()
        self._ending = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Open a socket and stay with it."""
        origin = request.headers.get("Origin")
        if not self._endpoint.origins.may_open_socket(origin, request.host):
            message = "Pages of this origin may not open sockets here."
            error = ApiError(ErrorCode.FORBIDDEN, f"{message} See TOCSIN_CORS_ORIGINS.")
            return refusal(HttpRefusedError(403, error))
        socket = GraphQLSocket(self._endpoint, request, self._patience)
        self._sockets.add(socket)
        self._some.set()
        if self._ending:
            socket.end(protocol.GOING_AWAY, "The server is stopping.")
        try:
            return await socket.run()
        finally:
            self._sockets.discard(socket)

    @property
    def open(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    async def start(self) -> None:
        """Begin to look after the sockets."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Have all sockets closed; each is gone within its patience."""
        self._ending = True
        self._task.cancel()
        await asyncio.wait([self._task])
        for socket in self._sockets:
            socket.end(protocol.GOING_AWAY, "The server is stopping.")

    async def _look_after(self) -> None:
        pinged = time.monotonic()
        while True:
            if not self._sockets:
                self._some.clear()
                await self._some.wait()
            await asyncio.sleep(self._look_every_s)
            try:
                await self._end_expired()
            except StorageUnavailableError:
                pass  # nothing can be revoked meanwhile either
            except Exception as error:  # noqa: BLE001 - the next look may do better
                _log.error("internal error", **summary(error))
            if time.monotonic() - pinged >= self._ping_every_s:
                pinged = time.monotonic()
                await asyncio.gather(*(socket.ping() for socket in self._sockets))

    async def _end_expired(self) -> None:
        """End the sockets of tokens that have expired or were revoked."""
        by_token: dict[Id, list[GraphQLSocket]] = {}
        for socket in self._sockets:
            if socket.principal is not None:
                by_token.setdefault(socket.principal.token_id, []).append(socket)
        for token_id, sockets in by_token.items():
            if not await self._endpoint.authenticator.still_valid(token_id):
                for socket in sockets:
                    message = "The API token has expired or was revoked."
                    socket.end(protocol.FORBIDDEN, message)
