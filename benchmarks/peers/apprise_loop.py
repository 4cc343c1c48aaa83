"""Sends JSON notifications with Apprise each time a line comes; run by its own Python."""

import asyncio
import json
import sys
import time

import apprise  # type: ignore[import-not-found]

TITLE, TEXT = "web-1: timeout", "no answer"


async def main(url: str, count: int) -> None:
    """Make as many targets as notifications, and notify them at once."""
    targets = apprise.Apprise()
    for _ in range(count):
        targets.add(url.replace("http://", "json://"))
    while await asyncio.to_thread(sys.stdin.readline):
        begun, used = time.perf_counter(), time.process_time()
        assert await targets.async_notify(body=TEXT, title=TITLE)
        spent = time.perf_counter() - begun, time.process_time() - used
        print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
