"""Finds out what answers where the server should."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs

ANSWER_S: Final = 3.0
PRODUCT: Final = "tocsin"


async def readiness(url: str) -> tuple[int | None, bool]:
    """Return the status of /readyz, None where nothing answers, and whether it is our
    answer; a program that speaks no HTTP counts as another's.
    """
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(f"{url.rstrip('/')}/readyz", allow_redirects=False) as answer,
        ):
            return answer.status, answer.headers.get(hdrs.SERVER) == PRODUCT
    except aiohttp.ClientConnectorError:
        return None, False
    except (aiohttp.ClientError, TimeoutError, OSError):
        return (0, False) if await _listens(url) else (None, False)


async def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
