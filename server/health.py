"""Whether the process runs, and whether it can work. Nobody has to sign in for that."""

import asyncio
from typing import Final

from aiohttp import web

from domain.faults import StorageUnavailableError
from models.store import Store

READY_WITHIN_S: Final = 2.0
"""Seconds in which a ready database answers."""


class Health:
    """Answers the questions of orchestrators and load balancers."""

    def __init__(self, store: Store) -> None:
        """Take the store whose state tells whether work can be done."""
        self._store = store

    async def alive(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as requests are served at all."""
        return web.json_response({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 if the database answers, else 503."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._store.fetchval("SELECT 1")
        except (StorageUnavailableError, TimeoutError):
            return web.json_response({"status": "database unavailable"}, status=503)
        return web.json_response({"status": "ok"})
