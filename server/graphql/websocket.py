"""WebSocket handshakes: accepted by origin, then one socket each."""

from aiohttp import web

from schema.errors import ApiError, ErrorCode
from server.graphql.answers import HttpRefusedError, refusal
from server.graphql.connections import Connections
from server.graphql.endpoint import Endpoint
from server.graphql.socket import GraphQLSocket


class WebSocketView:
    """Answers WebSocket handshakes to the API."""

    def __init__(
        self,
        endpoint: Endpoint,
        connections: Connections,
    ) -> None:
        """Take the API, and what looks after the sockets."""
        self._endpoint = endpoint
        self._connections = connections
        self.open = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Open a socket and stay with it."""
        origin = request.headers.get("Origin")
        if not self._endpoint.origins.may_open_socket(origin, request.host):
            message = "Pages of this origin may not open sockets here."
            error = ApiError(ErrorCode.FORBIDDEN, f"{message} See TOCSIN_CORS_ORIGINS.")
            return refusal(HttpRefusedError(403, error))
        socket = GraphQLSocket(self._endpoint, request, self._connections.patience)
        self._connections.add(socket)
        self.open += 1
        try:
            return await socket.run()
        finally:
            self.open -= 1
            self._connections.discard(socket)
