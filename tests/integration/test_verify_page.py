"""The page behind the link of a verification mail, where the acceptance test does not
go: tokens of any form, and a database that is away.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from domain.clock import system_clock
from models.crypto import KeyRing
from models.store import open_store
from server.verify import VerifyPage

TOKEN = "A" * 43


@pytest.fixture
async def client(sqlite_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Browse a page; its database is closed when the path of a request asks for that."""
    store = await open_store(sqlite_url)
    app = web.Application()
    VerifyPage(store, KeyRing.generate(), system_clock).add_to(app)

    async def close(_request: web.Request) -> web.Response:
        await store.close()
        return web.Response()

    app.router.add_get("/close", close)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as it:
        yield it
    await runner.cleanup()
    await store.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "token",
    [
        TOKEN,
        "x",
        "A" * 44,
        "A" * 4000,
        "%00",
        "%F0%9F%94%94" * 10,
        "<script>" + "A" * 35,
    ],
)
async def test_what_is_no_token_is_not_found(
    client: httpx.AsyncClient, method: str, token: str
) -> None:
    answer = await client.request(method, f"/verify/{token}")
    assert answer.status_code == 404
    assert "not valid" in answer.text
    assert "<form" not in answer.text
    assert "script" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_database_that_is_away_is_told_of_in_words(
    client: httpx.AsyncClient, method: str
) -> None:
    await client.get("/close")
    answer = await client.request(method, f"/verify/{TOKEN}")
    assert answer.status_code == 503
    assert "Try again" in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(
    client: httpx.AsyncClient, method: str
) -> None:
    assert (await client.request(method, f"/verify/{TOKEN}")).status_code == 405
