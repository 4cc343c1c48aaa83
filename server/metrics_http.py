"""Where metrics are read: a listener of their own, apart from the API.

They say much of an installation, so they are never public by accident: the API's own
address shows them in development only.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import hdrs, web

from models.store import Store
from server.health import Health
from server.metrics import Metrics

PATH: Final = "/metrics"

_log = structlog.get_logger("tocsin.metrics")


def shown(metrics: Metrics) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler that answers with all metrics."""

    async def answer(request: web.Request) -> web.Response:
        text, media_type = await metrics.text(request.headers.get(hdrs.ACCEPT))
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: media_type})

    return answer


@asynccontextmanager
async def listening(
    host: str, port: int, metrics: Metrics, store: Store
) -> AsyncIterator[str]:
    """Serve `/metrics` and `/healthz` there, and nothing else; give the address.

    Raise OSError, which names the variable, where it cannot be listened on.
    """
    app = web.Application()
    app.router.add_get(PATH, shown(metrics))
    app.router.add_get("/healthz", Health(store).alive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            reason = (error.strerror or "it cannot be listened on").rpartition(": ")[2]
            message = f"TOCSIN_METRICS_LISTEN, {host}:{port}: {reason}"
            raise OSError(error.errno, message) from None
        at, bound = runner.addresses[0][:2]
        address = f"http://[{at}]:{bound}" if ":" in at else f"http://{at}:{bound}"
        _log.info("metrics_listening", address=f"{address}{PATH}")
        yield address
    finally:
        await runner.cleanup()
