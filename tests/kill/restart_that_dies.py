"""Processes that restart servers over SSH, one after the other, until each kills itself.

Reads an order a line from standard input, and prints the exit code of the process that
carried it out: it dies by SIGKILL when a stage is reached; without a stage it ends when
nothing waits any more. All are forked from this one, which has everything loaded.
"""

import asyncio
import json
import os
import sys
from typing import Any

import delivery.ssh  # noqa: F401 - for all of them
from delivery.engine import Engine
from delivery.guard import Guard
from models.crypto import KeyRing
from models.store import open_store
from tests.kill.engine_that_dies import WAITING, Death
from tests.restarts import CHANNELS


async def live(order: dict[str, Any]) -> None:
    """Run the engine until it is over one way or another."""
    store = await open_store(order["database_url"])
    engine = Engine(
        store,
        channels=CHANNELS,
        keys=KeyRing.parse(order["keys"]),
        guard=Guard(dev=True),
        observe=Death(order["stage"], 1).observe,
    )
    await engine.start()
    while await store.fetchval(WAITING):  # noqa: ASYNC110 - a database has no events
        await asyncio.sleep(0.01)
    await engine.stop()
    await store.close()


def carry_out(order: dict[str, Any]) -> int:
    """Run an engine in a process of its own; return how that ended."""
    child = os.fork()
    if not child:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # logs are no answers
        try:
            asyncio.run(live(order))
        except BaseException:  # noqa: BLE001 - it must not go on as its parent
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(carry_out(json.loads(line)), flush=True)  # noqa: T201
