"""A process that reports incidents and delivers them, until it kills itself.

It reads what to do from standard input and prints the id of each incident once that
is accepted. At the nth time that a stage is reached it dies by SIGKILL; without a
stage it ends when everything is delivered.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from delivery.engine import Engine
from delivery.guard import Guard
from domain.clock import system_clock
from domain.ids import Id
from models.crypto import KeyRing
from models.store import Store, open_store
from notifiers.webhook import CHANNEL
from tests.world import World

WAITING = "SELECT count(*) FROM delivery WHERE status IN (0, 1, 2)"


@dataclass
class Death:
    """Counts stages, and strikes."""

    stage: str | None
    nth: int

    def observe(self, stage: str) -> None:
        """Die here, if this is the time."""
        if stage == self.stage:
            self.nth -= 1
            if not self.nth:
                os.kill(os.getpid(), signal.SIGKILL)


async def live(order: dict[str, Any]) -> None:
    """Run the engine and report, until it is over one way or another."""
    death = Death(order["stage"], order["nth"])
    store = await open_store(order["database_url"])
    engine = Engine(
        store,
        channels={CHANNEL.type_name: CHANNEL},
        keys=KeyRing.parse(order["keys"]),
        guard=Guard(dev=True),
        observe=death.observe,
    )
    await engine.start()
    await report(store, order, death)
    while await store.fetchval(WAITING):  # noqa: ASYNC110 - a database has no events
        await asyncio.sleep(0.01)
    await engine.stop()
    await store.close()


async def report(store: Store, order: dict[str, Any], death: Death) -> None:
    """Report incidents and resolve them, while deliveries are under way."""
    world = World(
        store,
        project=Id(bytes.fromhex(order["project"])),
        server=Id(bytes.fromhex(order["server"])),
        channels={CHANNEL.type_name: CHANNEL},
    )
    for _ in range(order["reports"]):
        world.now = system_clock()
        incident = await world.report()
        print("accepted", incident.hex(), flush=True)  # noqa: T201
        death.observe("accepted")
        await world.resolve(incident)


if __name__ == "__main__":
    asyncio.run(live(json.load(sys.stdin)))
