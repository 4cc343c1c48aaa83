"""A worker remembers nothing of what it has sent."""

import asyncio
import gc

from delivery.jobs import Job
from tests.scene import Scene

ONE_BY_ONE = 40


async def test_what_was_sent_is_let_go(scene: Scene) -> None:
    """Also where there never are many at a time: a quiet server runs for months."""
    await scene.world.integration()
    await scene.worker.start()
    for _ in range(ONE_BY_ONE):
        await scene.world.report()
        await scene.until(scene.all_ended)
    await asyncio.sleep(0)
    gc.collect()
    held = sum(isinstance(it, Job) for it in gc.get_objects())
    assert held < ONE_BY_ONE / 4
