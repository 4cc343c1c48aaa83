"""GraphiQL in a real browser whose network ends at the server."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from server.graphiql.bundle import is_built
from tests.live_server import LiveServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARTEFACTS = os.environ.get("TOCSIN_TEST_ARTEFACTS")
"""A folder that keeps the screenshots."""

SOON_MS = 30_000

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.skipif(not is_built(), reason="GraphiQL was not built: make test does"),
]


@pytest.fixture
async def server(sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    made = LiveServer(tmp_path / "data", sqlite_url)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def page(server: LiveServer) -> AsyncIterator[Page]:
    """A page in which any error, and any request to elsewhere, fails the test."""
    faults: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        made = await browser.new_page(viewport={"width": 1400, "height": 900})
        origin = server.url.removesuffix("/graphql")
        made.on(
            "request",
            lambda it: (
                None
                if it.url.startswith((origin, "data:", "blob:"))
                else faults.append(it.url)
            ),
        )
        made.on("pageerror", lambda error: faults.append(str(error)))
        made.on(
            "console",
            lambda it: faults.append(it.text) if it.type == "error" else None,
        )
        await made.goto(server.url)
        await expect(made.locator(".graphiql-tab")).to_have_count(7, timeout=SOON_MS)
        yield made
        await browser.close()
    assert faults == []


async def show(page: Page, tab: int) -> None:
    """Open a tab. Not by the mouse: a machine that lags takes that for a drag."""
    chosen = page.locator(".graphiql-tab-button").nth(tab - 1)
    await chosen.dispatch_event("click")
    editor = page.locator(".graphiql-query-editor .view-lines")
    await expect(editor).to_contain_text(f"{tab}.", timeout=SOON_MS)


async def run(page: Page, tab: int, expected: str) -> None:
    """Run a tab, and wait until its result holds a text."""
    await show(page, tab)
    await page.locator(".graphiql-execute-button").click()
    result = page.locator(".result-window .view-lines")
    await expect(result).to_contain_text(expected, timeout=SOON_MS)
    if ARTEFACTS:
        await page.screenshot(path=f"{ARTEFACTS}/graphiql-{tab}.png")


async def test_a_newcomer_runs_the_whole_story(server: LiveServer, page: Page) -> None:
    await page.get_by_label("API token").fill(server.token)
    await run(page, 1, "int_")
    await run(page, 2, "srv_")
    await run(page, 3, "web-1")
    await run(page, 4, "eventCursor")
    await run(page, 5, "TRIGGERED")
    await run(page, 6, "RESOLVED")
    # Nothing listens at the address of the story: what was missed is told, and then
    # each retry as it happens.
    await run(page, 7, "refused the connection")
    kept = await page.evaluate("JSON.stringify({...localStorage})")
    assert "toc_" not in kept
    await page.reload()
    await expect(page.get_by_label("API token")).to_have_value(server.token)


async def test_without_a_token_it_says_where_one_comes_from(page: Page) -> None:
    await expect(page.locator("#token-help")).to_contain_text("tocsin token create")
