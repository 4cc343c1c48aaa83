"""Runs commands on hosts; what it takes for that is loaded when it is first needed.

asyncssh takes half as long to load as all else together, and most processes run none.
"""

import asyncio
from importlib import import_module
from typing import Final

from delivery.deliver import Begin, Observe, Run
from delivery.guard import Guard
from domain.steps import ReadyCommand, Reply

CLIENT: Final = "delivery.ssh"


class Commands:
    """The commands of one process."""

    def __init__(self, guard: Guard, *, observe: Observe) -> None:
        """Take the guard that judges each host."""
        self._guard = guard
        self._observe = observe
        self._run: Run | None = None

    async def run(self, command: ReadyCommand, begin: Begin) -> Reply:
        """Run a command; see `delivery.ssh.Ssh.run`."""
        if self._run is None:
            client = await asyncio.to_thread(import_module, CLIENT)
            self._run = client.Ssh(self._guard, observe=self._observe).run
        assert self._run is not None  # noqa: S101 - it is there by now
        return await self._run(command, begin)
