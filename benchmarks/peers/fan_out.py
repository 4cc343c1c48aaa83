"""From alerts to a receiver: Tocsin beside Alertmanager, in turn.

Both get the same number of alerts one to a request, and each alert goes to each webhook.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.peers.alertmanager import Alertmanager, installed
from benchmarks.peers.figures import Figures, Skipped
from benchmarks.peers.tocsin import Tocsin
from benchmarks.peers.wire import Sink, at_rest

AT_ONCE = 16
LATENCIES = 20


@dataclass(frozen=True)
class Shape:
    """So many alerts, each told to so many webhooks."""

    alerts: int
    webhooks: int

    @property
    def notifications(self) -> int:
        """How many come to the receiver."""
        return self.alerts * self.webhooks

    @property
    def name(self) -> str:
        """How it is printed."""
        return f"{self.alerts} x {self.webhooks}"


SHAPES = (Shape(1_000, 1), Shape(20, 100))


class Notifier(Protocol):
    """What is compared."""

    name: str

    @property
    def pid(self) -> int:
        """The process that is measured."""

    def alert(self) -> bytes:
        """Return the request of a new alert."""

    async def start(self, url: str, webhooks: int) -> None:
        """Start it."""

    async def report(self, alerts: Sequence[bytes], at_once: int) -> None:
        """Hand over alerts."""

    async def stop(self) -> None:
        """End it."""


async def compare(figures: Figures, folder: Path, rounds: int) -> None:
    """Measure every shape."""
    program = installed()
    if program is None:
        raise Skipped("Alertmanager: install the package prometheus-alertmanager")
    for shape in SHAPES:
        await _compare(figures, shape, folder / shape.name, program, rounds)


async def _compare(
    figures: Figures, shape: Shape, folder: Path, program: str, rounds: int
) -> None:
    sink = Sink()
    server = await sink.start()
    both: list[Notifier] = [Tocsin(folder / "t"), Alertmanager(program, folder / "a")]
    try:
        for it in both:
            await it.start(sink.url, shape.webhooks)
            await _burst(it, sink, shape)  # warm
        for _ in range(rounds):
            for it in both:
                wall, used = await _burst(it, sink, shape)
                first = await _first(it, sink, shape)
                name = f"{shape.name} {it.name}"
                figures.add(f"{name}: notifications/s", shape.notifications / wall)
                figures.add(f"{name}: CPU µs each", used / shape.notifications * 1e6)
                figures.add(f"{name}: ms from a lone alert to its last", first * 1e3)
    finally:
        for it in both:
            await it.stop()
        server.close()
    pair = [f"{shape.name} {it.name}: " for it in both]
    figures.ratio(f"{shape.name}: rate", *(f"{it}notifications/s" for it in pair))
    figures.ratio(f"{shape.name}: CPU", *(f"{it}CPU µs each" for it in pair))
    figures.ratio(
        f"{shape.name}: lone", *(f"{it}ms from a lone alert to its last" for it in pair)
    )


async def _burst(it: Notifier, sink: Sink, shape: Shape) -> tuple[float, float]:
    """Return the seconds to the last notification, and the processor time for all."""
    alerts = [it.alert() for _ in range(shape.alerts)]
    used = await at_rest(it.pid)
    sink.expect(shape.notifications)
    begun = time.perf_counter()
    await it.report(alerts, AT_ONCE)
    wall = await sink.reached() - begun
    return wall, await at_rest(it.pid) - used


async def _first(it: Notifier, sink: Sink, shape: Shape) -> float:
    """Return the median seconds from a lone alert to its last notification."""
    found = []
    for _ in range(LATENCIES):
        sink.expect(shape.webhooks)
        begun = time.perf_counter()
        await it.report([it.alert()], 1)
        found.append(await sink.reached() - begun)
    return statistics.median(found)
