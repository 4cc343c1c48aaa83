"""One log line for each request: what was asked of which route, without values.

The route and not the path is logged, because some paths hold a token; never a query,
header or body.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CLIENT_GONE: Final = 499
"""Logged where the client went away before it was answered; nginx's number."""

_log = structlog.get_logger("tocsin.http")


def route_of(request: web.Request) -> str | None:
    """Return the pattern of the route that answers a request, if one does."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else None


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log a request when it has been answered."""
    begun, status = time.perf_counter(), CLIENT_GONE
    try:
        response = await handler(request)
        status = response.status
    finally:
        _log.info(
            "request",
            method=request.method,
            route=route_of(request),
            status=status,
            ms=round((time.perf_counter() - begun) * 1000, 1),
        )
    return response
