"""The list of 50 integrations and the smallest query: Tocsin beside GraphQL Yoga.

Same schema, same document, same page; Yoga's rows are in memory, ours in the database,
and ours look up a token. That the answers are equal is checked before anything is timed.
"""

import asyncio
import shutil
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.peers.figures import Figures, Skipped
from benchmarks.peers.tocsin import Tocsin
from benchmarks.peers.wire import at_rest, call_all, measured, request
from schema.build import SCHEMA
from tests.acceptance_documents import document

CORE: Final = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
LIST: Final = document(CORE, "06-list", "Integrations")
SMALLEST: Final = "{ __typename }"
ROWS, AT_ONCE = 50, 32
REQUESTS: Final = {"list of 50": (LIST, 400), "__typename": (SMALLEST, 2_000)}
ELSEWHERE: Final = "https://alerts.example.com/hook"
SERVER: Final = str(Path(__file__).parent / "yoga_server.cjs")


class Yoga:
    """A running server of Node."""

    name = "Yoga"

    def __init__(self, process: Process, port: int) -> None:
        """Take a process that listens."""
        self.pid = process.pid
        self.url = f"http://127.0.0.1:{port}/graphql"

    def operation(self, document: str, variables: dict[str, Any]) -> bytes:
        """Return the bytes of a request."""
        body = orjson.dumps({"query": document, "variables": variables})
        return request(self.url, body)


@asynccontextmanager
async def running(folder: Path, page: object) -> AsyncIterator[Yoga]:
    """Run Yoga with a page of rows."""
    with measured():
        process = await asyncio.create_subprocess_exec(
            *("node", SERVER, str(folder)), stdin=PIPE, stdout=PIPE
        )
    assert process.stdin
    assert process.stdout
    process.stdin.write(orjson.dumps({"schema": SCHEMA.as_str(), "page": page}))
    process.stdin.close()
    try:
        yield Yoga(process, int(await process.stdout.readline()))
    finally:
        process.terminate()
        await process.wait()


async def compare(
    figures: Figures, yoga: Path | None, folder: Path, rounds: int
) -> None:
    """Let both take turns."""
    if yoga is None or not (yoga / "node_modules").exists() or not shutil.which("node"):
        raise Skipped(
            "GraphQL Yoga: install node, then npm install graphql-yoga graphql"
            " in an empty folder X, then --yoga X"
        )
    ours = Tocsin(folder)
    try:
        await ours.start(ELSEWHERE, ROWS // 2)
        await ours.add("email", {"email": "alerts@example.com"}, ROWS - ROWS // 2)
        page = (await ours.read(LIST, {"first": ROWS}))["integrations"]
        assert len(page["edges"]) == ROWS
        async with running(yoga, page) as theirs:
            await _same(ours, theirs)
            await _rounds(figures, (ours, theirs), rounds)
    finally:
        await ours.stop()
    for query in REQUESTS:
        pair = [f"{query} {it}: " for it in (ours.name, theirs.name)]
        figures.ratio(f"{query}: rate", *(f"{it}requests/s" for it in pair))
        figures.ratio(f"{query}: CPU", *(f"{it}CPU µs each" for it in pair))


async def _same(*both: Tocsin | Yoga) -> None:
    answers = []
    for it in both:
        [answer] = await call_all(it.url, [it.operation(LIST, {"first": ROWS})], 1)
        answers.append(orjson.loads(answer.partition(b"\r\n\r\n")[2])["data"])
    assert answers[0] == answers[1]


async def _rounds(
    figures: Figures, both: tuple[Tocsin | Yoga, ...], rounds: int
) -> None:
    for nth in range(rounds + 1):
        for query, (text, count) in REQUESTS.items():
            for it in both:
                sent = [it.operation(text, {"first": ROWS})] * count
                wall, used = await _burst(it, sent)
                if nth:  # the first one warms up
                    figures.add(f"{query} {it.name}: requests/s", count / wall)
                    figures.add(f"{query} {it.name}: CPU µs each", used / count * 1e6)


async def _burst(it: Tocsin | Yoga, sent: list[bytes]) -> tuple[float, float]:
    """Return seconds, and seconds of processor time."""
    used = await at_rest(it.pid)
    begun = time.perf_counter()
    await call_all(it.url, sent, AT_ONCE)
    wall = time.perf_counter() - begun
    return wall, await at_rest(it.pid) - used
