"""Sending a delivery again on demand, on both databases."""

import asyncio
from typing import Any

import pytest

from domain.deliveries import DeliveryStatus
from domain.faults import Code, RefusedError
from domain.ids import new_id
from domain.steps import Answer
from domain.timing import DAY, HOUR
from tests.scene import Scene
from tests.world import START

FAILED = Answer(status=500, body=b"oops")


async def test_redelivering_what_ended(scene: Scene) -> None:
    """Same message id, same body, outside the order; it may end otherwise."""
    integration = await scene.world.integration()
    await scene.worker.start()
    opened = await scene.world.report()
    await scene.until(scene.all_ended)
    await scene.world.resolve(opened)
    await scene.until(scene.all_ended)
    [first, _] = await scene.world.deliveries()
    scene.far_ends.script(integration, Answer(status=302))
    await scene.again(first["id"])
    await scene.status(DeliveryStatus.RETRYING, DeliveryStatus.DELIVERED)
    scene.move(HOUR)
    await scene.until(scene.all_ended)
    bodies = scene.far_ends.bodies(integration)
    assert bodies == [bodies[0], "RESOLVED 2 no answer", bodies[0], bodies[0]]
    [row, _] = await scene.world.deliveries()
    assert row["manual"]
    assert row["attempts"] == 3
    assert row["message_id"] == first["message_id"]


async def test_redelivering_gives_new_attempts_and_a_new_age(scene: Scene) -> None:
    """Tries before it do not count, however many there were."""
    integration = await scene.world.integration()
    scene.far_ends.always[f"http://127.0.0.1:9/{integration.hex()}"] = FAILED
    await scene.worker.start()
    await scene.world.report()
    while not await scene.all_ended():
        scene.move(HOUR // 2)
        await asyncio.sleep(0.01)
    [failed] = await scene.world.deliveries()
    assert failed["attempts"] == 5
    scene.move(2 * DAY)
    await scene.again(failed["id"])
    await scene.status(DeliveryStatus.RETRYING)
    [row] = await scene.world.deliveries()
    assert row["expires_at"] == scene.world.now + DAY


async def test_redelivering_probes_a_closed_lane_at_once(scene: Scene) -> None:
    """Whoever asks for it has repaired something and does not want to wait an hour."""
    integration = await scene.world.integration()
    scene.far_ends.script(integration, *[FAILED] * 3)
    await scene.worker.start()
    for _ in range(3):
        await scene.world.report()
    waiting = [DeliveryStatus.RETRYING] * 3
    await scene.status(*waiting)
    [first, *_] = await scene.world.deliveries()
    await scene.again(first["id"])

    async def delivered() -> bool:
        return "DELIVERED" in await scene.states(integration)

    await scene.until(delivered)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, Code.UNPROCESSABLE_ENTITY),
        ({"active": False}, Code.UNPROCESSABLE_ENTITY),
        ({"verified": False}, Code.UNPROCESSABLE_ENTITY),
        ({"deleted_at": START}, Code.UNPROCESSABLE_ENTITY),
    ],
)
async def test_what_cannot_be_redelivered(
    scene: Scene, change: dict[str, Any], code: Code
) -> None:
    """Sent right now, or its integration cannot be sent anything: refused."""
    integration = await scene.world.integration()
    await scene.world.report()
    [row] = await scene.world.deliveries()
    gate = scene.far_ends.hang(integration)
    if change:
        await scene.world.set(integration, **change)
    else:
        await scene.worker.start()
        await scene.state(integration, "SENDING")
    with pytest.raises(RefusedError) as refused:
        await scene.again(row["id"])
    [refusal] = refused.value.refusals
    assert (refusal.code, refusal.path) == (code, ("input", "deliveryId"))
    gate.set()


async def test_a_foreign_delivery_is_not_found(scene: Scene) -> None:
    """Neither one that never was nor one of another project."""
    await scene.world.integration()
    await scene.world.report()
    [row] = await scene.world.deliveries()
    scene.world.project = new_id()
    for delivery in (row["id"], new_id()):
        with pytest.raises(RefusedError) as refused:
            await scene.again(delivery)
        assert refused.value.refusals[0].code is Code.DELIVERY_NOT_FOUND
