"""Restores a backup in processes that kill themselves, each at a given stage.

For every line `stage` on standard input a child is forked that restores and dies by
SIGKILL when it gets there; the line printed says how it ended. An empty stage does not
die.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from server.config import Config
from server.restore import Wanted, restore


def live(order: dict[str, Any], stage: str) -> None:
    """Restore, and die on the way."""

    def observe(reached: str) -> None:
        if reached == stage:
            os.kill(os.getpid(), signal.SIGKILL)

    config = Config(
        env="development",
        data_dir=Path(order["data_dir"]),
        database_url=order["database_url"],
    )
    wanted = Wanted(force=True, observe=observe)
    asyncio.run(restore(config, Path(order["archive"]), wanted))


def main() -> None:
    """Fork a child for each line."""
    order = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        child = os.fork()
        if not child:
            live(order, line.strip())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
