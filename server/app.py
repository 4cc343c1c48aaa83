"""The web application: routes, and what the answers of all of them have in common."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import hdrs, web

from models.store import Store
from schema.build import SCHEMA
from schema.context import RequestContext, Services
from schema.masking import masked_exception
from server.auth import Authenticator
from server.config import Config
from server.graphiql.pages import PREFIX, GraphiQL
from server.graphql import answers
from server.graphql.connections import Connections
from server.graphql.endpoint import Endpoint
from server.graphql.http import BODY_MOST, HttpView
from server.graphql.origins import Origins
from server.graphql.page import page
from server.graphql.websocket import WebSocketView
from server.health import Health
from server.metrics_http import PATH, shown
from server.observing import Observing, observe_requests
from server.request_log import log_requests
from server.verify import VerifyPage

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SAFE: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def make_app(
    config: Config, services: Services, observing: Observing | None = None
) -> web.Application:
    """Return the application over services that run."""
    observing = observing or Observing()
    endpoint = Endpoint(
        runner=SCHEMA.runner,
        authenticator=Authenticator(services.store, services.clock),
        context=partial(RequestContext.fresh, services),
        origins=Origins(config.cors_origins, config.public_url),
        open_to_all=services.development,
        watch=observing.watch,
    )
    connections = Connections(endpoint.authenticator)
    graphiql = GraphiQL() if config.graphiql_on else None
    app = assemble(endpoint, connections, services.store, observing, graphiql=graphiql)
    VerifyPage(services.store, services.keys, services.clock).add_to(app)
    if services.development:
        app.router.add_get(PATH, shown(observing.metrics))
    return app


def assemble(
    endpoint: Endpoint,
    connections: Connections,
    store: Store,
    observing: Observing | None = None,
    *,
    graphiql: GraphiQL | None = None,
) -> web.Application:
    """Return the application of an API, and of what stays open to it."""
    observing = observing or Observing()
    sockets = WebSocketView(endpoint, connections)
    observing.metrics.websockets.set_function(lambda: sockets.open)
    app = web.Application(
        client_max_size=BODY_MOST,
        middlewares=[observe_requests(observing), log_requests, answer_errors],
    )
    http = HttpView(endpoint, connections, graphiql.page if graphiql else page)
    health = Health(store)

    async def graphql(request: web.Request) -> web.StreamResponse:
        wants_socket = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
        return await (sockets if wants_socket else http).answer(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.SERVER] = "tocsin"  # aiohttp's own tells versions
        for name, value in _SAFE.items():
            response.headers.setdefault(name, value)
        if request.path == "/graphql":
            origin = request.headers.get(hdrs.ORIGIN)
            for name, value in endpoint.origins.headers(origin).items():
                response.headers.add(name, value)

    app.router.add_route("*", "/graphql", graphql)
    if graphiql:
        _add_graphiql(app, graphiql)
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.on_response_prepare.append(add_headers)
    _look_after(app, connections)
    return app


def _look_after(app: web.Application, connections: Connections) -> None:
    async def look_after(_app: web.Application) -> AsyncIterator[None]:
        await connections.start()
        yield

    async def close(_app: web.Application) -> None:
        await connections.stop()

    app.cleanup_ctx.append(look_after)
    # Before the open requests are waited for, of which each of these is one.
    app.on_shutdown.append(close)


def _add_graphiql(app: web.Application, graphiql: GraphiQL) -> None:
    """Serve GraphiQL, and have it built, if need be, once the server answers."""

    async def prepare(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(graphiql.prepare())
        yield
        task.cancel()
        await asyncio.wait([task])

    app.router.add_get(PREFIX + "{name}", graphiql.file)
    app.cleanup_ctx.append(prepare)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what went wrong outside of any operation, in the form of GraphQL."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return answers.plain(error)
    except Exception as error:  # noqa: BLE001 - clients see an id, the log the rest
        return answers.broken(masked_exception(error))
