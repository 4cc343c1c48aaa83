"""What far ends that hang cost the others: healthy latency with them and without.

Healthy: from the moment that a report is accepted (its transaction is on disk) to the
arrival of its request at a healthy receiver. Calm and hostile windows take turns in one
run; only their ratio says something. Sinks run in processes of their own.

    .venv/bin/python -m benchmarks.hostile_far_ends
"""

import argparse
import asyncio
import contextlib
import resource
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import orjson

from delivery import lanes
from delivery.engine import Engine
from delivery.guard import Guard
from delivery.incidents import report
from domain.clock import system_clock
from domain.deliveries import CancelReason
from domain.ids import Id, new_id
from domain.timing import TOTAL_DEADLINE
from models.crypto import KeyRing
from models.migrate import upgrade
from models.store import Store, Tx, open_store
from notifiers.webhook import CHANNEL
from sandbox.hostile import OK, Behave, far_end, never_answers
from sandbox.hostile_answers import drips
from tests.world import World

CHANNELS: Final = {CHANNEL.type_name: CHANNEL}
BEHAVIOURS: Final[dict[str, Behave]] = {
    "hanging": never_answers,
    "dripping": drips(OK, every=1.0),
}
PAGE: Final = resource.getpagesize()


@dataclass(frozen=True)
class Variant:
    """So many lanes whose far ends behave like this, with so many deliveries each."""

    name: str
    behaviour: str
    lanes: int
    each: int


VARIANTS: Final = (
    Variant("1 lane x 1,000 hanging", "hanging", 1, 1_000),
    Variant("100 lanes x 10 hanging", "hanging", 100, 10),
    Variant("200 lanes x 5 dripping", "dripping", 200, 5),
)


@dataclass
class Window:
    """What a window showed: latencies in ms, when each began (s), memory in MiB."""

    latencies: list[tuple[float, float]] = field(default_factory=list)
    grown: float = 0.0

    def p(self, percent: float, since: float = 0.0) -> float:
        """Return a percentile of what began after so many seconds."""
        found = sorted(ms for at, ms in self.latencies if at >= since)
        return found[min(len(found) - 1, int(len(found) * percent / 100))]


class Receiver(asyncio.Protocol):
    """Writes down when each message came; `GET` returns all of it and forgets it."""

    times: Final[dict[str, float]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer a request when it is whole."""
        now = time.monotonic()
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        answer = b"ok"
        if head.startswith(b"GET"):
            answer = orjson.dumps(self.times)
            self.times.clear()
        else:
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            if len(body) < length:
                return
            self.times.setdefault(orjson.loads(body)["incident_message"], now)
        self._read = b""
        line = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer)
        self._transport.write(line + answer)  # type: ignore[attr-defined]


async def serve(behaviour: str) -> None:
    """Be a far end, in a process of its own; print the port."""
    if behaviour in BEHAVIOURS:
        async with far_end(BEHAVIOURS[behaviour]) as port:
            print(port, flush=True)
            await asyncio.Event().wait()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.asynccontextmanager
async def another(behaviour: str) -> AsyncIterator[int]:
    """Run a far end in another process; give its port."""
    process: Process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.hostile_far_ends", "--serve", behaviour),
        stdout=PIPE,
    )
    assert process.stdout
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def arrivals(port: int) -> dict[str, float]:
    """Ask the healthy receiver when each message came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2])
    found: dict[str, float] = orjson.loads(await reader.readexactly(length))
    writer.close()
    return found


def resident() -> float:
    """Return the memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / (1 << 20)


async def furnish(world: World, server: Id, url: str, count: int) -> list[Id]:
    """Store a server with so many webhooks that post to an address."""
    await world.execute(
        "INSERT INTO server (id, project_id, name, host, created_at, updated_at)"
        " VALUES ($1, $2, $3, 'web.example.com', $4, $4)",
        *(server, world.project, server.hex(), system_clock()),
    )
    settings = orjson.dumps({"webhook_url": url, "headers": []}).decode()
    of = replace(world, server=server, now=system_clock())
    return [
        await of.integration(CHANNEL.type_name, settings=settings) for _ in range(count)
    ]


async def watch(world: World, port: int, seconds: float, per_second: float) -> Window:
    """Report at an even pace; return what came of it."""
    window, accepted = Window(), {}
    before, begun = resident(), time.monotonic()
    for nth in range(int(seconds * per_second)):
        await asyncio.sleep(begun + nth / per_second - time.monotonic())
        message = f"{begun}-{nth}"
        it = world.a_report(message=message)
        await world.store.turn(report, CHANNELS, it, system_clock())
        accepted[message] = time.monotonic()
        window.grown = max(window.grown, resident() - before)
    came: dict[str, float] = {}
    while len(came) < len(accepted):
        await asyncio.sleep(0.2)
        came |= await arrivals(port)
    for message, at in accepted.items():
        window.latencies.append((at - begun, max(0.0, came[message] - at) * 1_000))
    return window


async def crowd(world: World, server: Id, each: int) -> None:
    """Report so often about a server, in one transaction."""

    async def work(tx: Tx) -> None:
        of = replace(world, server=server)
        for _ in range(each):
            await report(tx, CHANNELS, of.a_report(), system_clock())

    await world.store.turn(work)


async def clear(world: World, integrations: list[Id]) -> list[int]:
    """Disable the hostile ones, wait until nothing of them is in hand; return how long
    their tries took, in ms.
    """

    async def work(tx: Tx) -> None:
        reason, now = CancelReason.INTEGRATION_DISABLED, system_clock()
        for it in integrations:
            await tx.execute("UPDATE integration SET active = FALSE WHERE id = $1", it)
            await lanes.cancel_waiting(tx, it, reason, now)

    await world.store.turn(work)
    while await world.store.fetchval(_UNFINISHED, world.project):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    marks = ", ".join(f"${nth}" for nth in range(1, len(integrations) + 1))
    rows = await world.store.fetch(_DURATIONS.format(marks), *integrations)
    return [row[0] for row in rows if row[0] is not None]


_UNFINISHED: Final = """
SELECT count(*) FROM delivery WHERE project_id = $1 AND status IN (0, 1, 2)"""

_DURATIONS: Final = """
SELECT a.duration_ms FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE d.integration_id IN ({})"""


async def compare(variant: Variant, given: argparse.Namespace, store: Store) -> None:
    """Let calm and hostile windows take turns, and print what they showed."""
    world = await World(store, channels=CHANNELS, now=system_clock()).make()
    calm, hostile, durations = [], [], []
    async with another("healthy") as port, another(variant.behaviour) as far:
        healthy, server = f"http://127.0.0.1:{port}/", new_id()
        await furnish(world, server, healthy, 1)
        world = replace(world, server=server)
        pace = given.seconds, given.rate
        await watch(world, port, 2, given.rate)  # warm
        for _ in range(given.rounds):
            calm.append(await watch(world, port, *pace))
            bad, url = new_id(), f"http://127.0.0.1:{far}/"
            found = await furnish(world, bad, url, variant.lanes)
            await crowd(world, bad, variant.each)
            hostile.append(await watch(world, port, *pace))
            durations += await clear(world, found)
    show(variant, calm, hostile, durations)


def show(
    variant: Variant, calm: list[Window], hostile: list[Window], durations: list[int]
) -> None:
    """Print the latencies, their ratio, memory, and when slots were free again."""
    print(f"\n{variant.name}")
    for name, windows in (("calm", calm), ("hostile", hostile)):
        p50, p99 = [[it.p(percent) for it in windows] for percent in (50, 99)]
        worst = max(it.p(100) for it in windows)
        print(
            f"  {name:8} p50 {statistics.median(p50):6.1f} ms, p99"
            f" {statistics.median(p99):6.1f} ({min(p99):.1f}-{max(p99):.1f}),"
            f" worst {worst:.1f}"
        )
    for since, words in ((0.0, "whole window"), (3.0, "after the first 3 s")):
        ratios = [
            b.p(99, since) / a.p(99, since) for a, b in zip(calm, hostile, strict=True)
        ]
        print(
            f"  p99 ratio, {words}: {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    grown = max(it.grown for it in hostile) - max(it.grown for it in calm)
    late = [it - TOTAL_DEADLINE for it in durations]
    print(f"  memory grown by {grown:.0f} MiB more than in calm")
    print(
        f"  {len(durations)} hostile tries, slots free {statistics.median(late):.0f} ms"
        f" after the deadline (worst {max(late)})"
    )


async def run(given: argparse.Namespace) -> None:
    """Measure every variant on one engine."""
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite://{folder}/benchmark.db"
        await upgrade(database)
        store, keys = await open_store(database), KeyRing.generate()
        engine = Engine(store, channels=CHANNELS, keys=keys, guard=Guard(dev=True))
        await engine.start()
        for variant in VARIANTS:
            if given.only in variant.name:
                await compare(variant, given, store)
        await engine.stop()
        await store.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=18, help="of a window")
    parser.add_argument("--rate", type=float, default=50, help="reports a second")
    parser.add_argument("--only", default="", help="part of a variant's name")
    parser.add_argument("--database", help="instead of a fresh SQLite file")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asyncio.run(serve(given.serve) if given.serve else run(given))


if __name__ == "__main__":
    main()
