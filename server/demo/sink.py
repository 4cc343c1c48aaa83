"""The far ends of the demo: one server on loopback, a path for each temper."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

SLOW_S: Final = 2.5
RETRY_AFTER_S: Final = 20


class Sink:
    """Answers as the path says, and forgets what it was sent."""

    def __init__(self, chance: random.Random) -> None:
        """Take what decides where there is a choice."""
        self._chance = chance

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        await request.read()
        match request.match_info["temper"]:
            case "slow":
                await asyncio.sleep(SLOW_S)
                return web.Response(text="stored")
            case "flaky" if self._chance.random() < 0.4:  # noqa: PLR2004
                return web.Response(status=503, text="The ticket system is busy.")
            case "limited" if self._chance.random() < 0.3:  # noqa: PLR2004
                headers = {"Retry-After": str(RETRY_AFTER_S)}
                return web.Response(status=429, headers=headers, text="Slow down.")
            case "broken":
                return web.Response(status=404, text="No such hook.")
            case _:
                return web.Response(text="thank you")


@asynccontextmanager
async def running(chance: random.Random) -> AsyncIterator[str]:
    """Run the sink on a free port of loopback; gives its address."""
    app = web.Application()
    app.router.add_post("/{temper}", Sink(chance).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
