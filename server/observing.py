"""How a process is seen from outside: metrics, traces, and the middleware for both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from server.graphql.watch import Watch
from server.metrics import Metrics
from server.metrics_http import PATH
from server.request_log import CLIENT_GONE, route_of
from server.tracing import SILENT, Tracing

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_UNTRACED: Final = {"/healthz", "/readyz", PATH}
"""Asked every few seconds by machines: nobody wants a trace of it."""


@dataclass(frozen=True, slots=True)
class Observing:
    """What counts and what traces in one process."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = SILENT

    @property
    def watch(self) -> Watch:
        """What watches GraphQL operations."""
        return Watch(self.metrics, self.tracing)


def observe_requests(observing: Observing) -> Middleware:
    """Return the middleware that counts requests and traces them."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        route, status = route_of(request) or "none", CLIENT_GONE
        try:
            if route in _UNTRACED or hdrs.UPGRADE in request.headers:
                response = await handler(request)
            else:
                headers = request.headers
                with observing.tracing.http(request.method, route, headers) as span:
                    response = await handler(request)
                    span.replied(response.status)
            status = response.status
        finally:
            observing.metrics.answered(route, status)
        return response

    return observe
