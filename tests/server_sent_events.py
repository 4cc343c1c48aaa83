"""Reads a stream of Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

Event = tuple[str | None, str, Any]
"""Id, name and data of an event; comments have the name ":"."""


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    identity, name, data = None, "message", ""
    async for raw in answer.content:
        line = raw.decode().removesuffix("\n")
        field, _, value = line.partition(": ")
        if line == ":":
            name = ":"
        elif field == "id":
            identity = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line:
            yield identity, name, orjson.loads(data) if data else None
            identity, name, data = None, "message", ""
