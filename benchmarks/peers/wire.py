"""What both sides are measured with: a receiver, a load, cores, and processor time.

The load and the receiver live in the process of the benchmark; what is measured is a
process of its own, on a core of its own where the machine has two.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
WITHIN_S: Final = 120
CORES: Final = sorted(os.sched_getaffinity(0))


def pin(number: int) -> None:
    """Keep to one of the cores; what is started from here on keeps to it too."""
    os.sched_setaffinity(0, {CORES[number % len(CORES)]})


@contextmanager
def measured() -> Iterator[None]:
    """Start processes on the first core; all else has the second, if there is one."""
    pin(0)
    try:
        yield
    finally:
        pin(1)


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has used, in all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


async def at_rest(pid: int) -> float:
    """Wait until a process does next to nothing; return its processor time."""
    used = processor_time(pid)
    async with asyncio.timeout(WITHIN_S):
        while True:
            await asyncio.sleep(0.3)
            if (now := processor_time(pid)) - used <= 2 * TICK:
                return now
            used = now


def request(url: str, body: bytes, headers: Iterable[str] = ()) -> bytes:
    """Return the bytes of a POST of JSON."""
    host, _, path = url.removeprefix("http://").partition("/")
    lines = [
        f"POST /{path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _whole(read: bytes) -> int:
    """Return how long the message at the beginning is; 0 if it is not all there."""
    end = read.find(b"\r\n\r\n")
    if end < 0:
        return 0
    _, found, length = read[:end].lower().partition(b"content-length:")
    whole = end + 4 + (int(length.split(b"\r\n", 1)[0]) if found else 0)
    return whole if len(read) >= whole else 0


class Receiver(asyncio.Protocol):
    """One connection of a sink; reads requests that tell their length."""

    def __init__(self, sink: "Sink") -> None:
        """Begin with nothing read."""
        self._sink = sink
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole by now."""
        self._read += data
        while length := _whole(self._read):
            self._read = self._read[length:]
            self._sink.came()
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


class Sink:
    """Counts what comes, and knows when the last of it came."""

    def __init__(self) -> None:
        """Expect nothing."""
        self._left = 0
        self._all = asyncio.Event()
        self.last = 0.0
        self.url = ""

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Receiver(self), "127.0.0.1", 0, backlog=1_024
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        return server

    def expect(self, count: int) -> None:
        """Begin to count anew."""
        self._left = count
        self._all.clear()

    def came(self) -> None:
        """Count a request."""
        self._left -= 1
        if self._left <= 0:
            self.last = time.perf_counter()
            self._all.set()

    async def reached(self) -> float:
        """Wait until all has come; return when the last of it did."""
        async with asyncio.timeout(WITHIN_S):
            await self._all.wait()
        assert self._left == 0, "more came than was expected"
        return self.last


class Caller(asyncio.Protocol):
    """One connection that sends one request after the other."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._read = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way there."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Give back an answer when it is whole."""
        self._read += data
        if _whole(self._read) and self._answer:
            answer, self._read = self._read, b""
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """Let nobody wait for an answer that cannot come."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed"))

    async def call(self, sent: bytes) -> bytes:
        """Send a request; return the answer with its head."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(sent)  # type: ignore[attr-defined]
        answer = await self._answer
        assert answer[9:12] == b"200", answer[:2_000]
        assert b'"errors":[{' not in answer, answer[:2_000]
        return answer


async def call_all(url: str, requests: Sequence[bytes], at_once: int) -> list[bytes]:
    """Send requests over so many connections; return what was answered last on each."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    loop, left = asyncio.get_running_loop(), iter(requests)

    async def work() -> bytes:
        _, caller = await loop.create_connection(Caller, host, int(port))
        answer = b""
        for it in left:
            answer = await caller.call(it)
        caller.transport.close()
        return answer

    async with asyncio.timeout(WITHIN_S):
        return await asyncio.gather(*(work() for _ in range(at_once)))
