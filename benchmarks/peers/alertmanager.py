"""Alertmanager with webhooks as its only receiver, and no grouping.

It keeps alerts in memory and snapshots its log of notifications every 15 minutes: what
waits when it is killed is gone. It has no log of attempts.
"""

import asyncio
import shutil
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import orjson

from benchmarks.peers.wire import call_all, measured, request

HOOK = "  - {{url: '{url}', send_resolved: false}}\n"
CONFIGURATION = """
route:
  receiver: hooks
  group_by: ['...']
  group_wait: 0s
  group_interval: 24h
  repeat_interval: 24h
receivers:
- name: hooks
  webhook_configs:
"""


class Alertmanager:
    """A running Alertmanager."""

    name = "Alertmanager"

    def __init__(self, program: str, folder: Path) -> None:
        """Prepare it on an empty folder."""
        self._program = program
        self._folder = folder
        self._number = count()
        self._process: Process | None = None

    async def start(self, url: str, webhooks: int) -> None:
        """Start it with webhooks that hear of everything."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "alertmanager.yml"
        path.write_text(CONFIGURATION + HOOK.format(url=url) * webhooks)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api/v2/alerts"
        with measured():
            self._process = await asyncio.create_subprocess_exec(
                self._program,
                f"--config.file={path}",
                f"--storage.path={self._folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                stdout=DEVNULL,
                stderr=DEVNULL,
            )
        await self._listening(port)

    async def _listening(self, port: int) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    @property
    def pid(self) -> int:
        """The process that is measured."""
        assert self._process
        return self._process.pid

    def alert(self) -> bytes:
        """Return the request that fires one more alert."""
        labels = {
            "alertname": "timeout",
            "instance": f"web-{next(self._number)}",
            "severity": "high",
        }
        told = {"labels": labels, "annotations": {"summary": "no answer"}}
        return request(self.url, orjson.dumps([told]))

    async def report(self, alerts: Sequence[bytes], at_once: int) -> None:
        """Fire alerts, so many at once."""
        await call_all(self.url, alerts, at_once)

    async def stop(self) -> None:
        """End it."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


def installed() -> str | None:
    """Return the program, if it is here."""
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
