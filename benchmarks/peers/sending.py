"""The sender path of Tocsin beside Apprise's asynchronous API: JSON to one receiver.

Neither side stores anything here: rendered, signed (Tocsin only), sent and judged.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import orjson

from benchmarks.peers.figures import Figures, Skipped
from benchmarks.peers.wire import Sink, measured

NOTIFICATIONS = 500
LOOPS = Path(__file__).parent


class Loop:
    """A process that sends so many notifications each time it is told to."""

    def __init__(self, name: str, process: Process) -> None:
        """Take a process that is ready."""
        self.name = name
        self.process = process

    async def run(self, sink: Sink) -> tuple[float, float]:
        """Return seconds, and seconds of processor time."""
        sink.expect(NOTIFICATIONS)
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(b"go\n")
        wall, used = orjson.loads(await self.process.stdout.readline())
        await sink.reached()
        return wall, used

    async def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        await self.process.wait()


async def compare(figures: Figures, python: Path | None, rounds: int) -> None:
    """Let both take turns."""
    if python is None:
        raise Skipped(
            "Apprise: python -m venv X && X/bin/pip install apprise, then"
            " --apprise X/bin/python"
        )
    sink = Sink()
    server = await sink.start()
    async with AsyncExitStack() as stack:
        both = [
            await _loop(stack, "Tocsin's sender", sys.executable, "sender", sink.url),
            await _loop(stack, "Apprise", str(python), "apprise", sink.url),
        ]
        for nth in range(rounds + 1):
            for it in both:
                wall, used = await it.run(sink)
                if nth:
                    figures.add(f"{it.name}: notifications/s", NOTIFICATIONS / wall)
                    figures.add(f"{it.name}: CPU µs each", used / NOTIFICATIONS * 1e6)
    server.close()
    ours, theirs = (it.name for it in both)
    for what, unit in (("rate", "notifications/s"), ("CPU", "CPU µs each")):
        figures.ratio(f"sender: {what}", f"{ours}: {unit}", f"{theirs}: {unit}")


async def _loop(
    stack: AsyncExitStack, name: str, python: str, script: str, url: str
) -> Loop:
    path = str(LOOPS / f"{script}_loop.py")
    with measured():
        process = await asyncio.create_subprocess_exec(
            *(python, path, url, str(NOTIFICATIONS)),
            cwd=LOOPS.parent.parent,
            env={"PYTHONPATH": str(LOOPS.parent.parent) if script == "sender" else ""},
            stdin=PIPE,
            stdout=PIPE,
        )
    loop = Loop(name, process)
    stack.push_async_callback(loop.stop)
    return loop
