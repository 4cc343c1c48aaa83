"""Tests of integrations go the way of everything else, to exactly one, on both
databases.
"""

from typing import Any

import pytest

from delivery import trials
from delivery.trials import Trial
from domain.channels import Provider
from domain.deliveries import DeliveryStatus
from domain.faults import Code, RefusedError
from domain.ids import Id, new_id
from domain.steps import Answer
from notifiers import email
from tests.scene import Scene
from tests.world import START, World

FAILED = Answer(status=500, body=b"oops")


async def a_test(world: World, integration: Id, **more: Any) -> Id:  # noqa: ANN401
    trial = Trial(
        **{
            "project_id": world.project,
            "integration_id": integration,
            "actor": "me",
            **more,
        }
    )
    return await world.store.turn(trials.send, world.channels, trial, world.now)


async def test_a_test_reaches_one_integration_by_the_usual_way(scene: Scene) -> None:
    """Also one that hears of little, is attached to nothing, and fails at first."""
    world = scene.world
    integration = await world.integration(down_alerts_only=True)
    other = await world.integration(all_resources=True)
    await world.execute("DELETE FROM attachment")
    scene.far_ends.script(integration, FAILED)
    await scene.worker.start()
    delivery = await a_test(world, integration, url="https://alerts.example.com")
    await scene.status(DeliveryStatus.RETRYING)
    scene.move(3_600_000)
    await scene.status(DeliveryStatus.DELIVERED)
    [row] = await world.deliveries()
    assert (row["id"], row["kind"], row["attempts"]) == (delivery, "TEST", 2)
    [first, second] = scene.far_ends.bodies(integration)
    assert first == second
    assert first.startswith("TEST 1 This is a test.")
    assert scene.far_ends.bodies(other) == []
    incident = await world.store.fetchrow("SELECT * FROM incident")
    assert incident is not None
    assert incident["test"]
    assert incident["resource_url"] == "https://alerts.example.com"
    [event] = await world.store.fetch("SELECT kind, actor FROM incident_event")
    assert tuple(event) == ("TEST", "me")


async def test_a_test_probes_a_lane_that_backs_off(scene: Scene) -> None:
    """Whoever tries it has mended it, and does not want to wait for the back-off."""
    world = scene.world
    integration = await world.integration()
    scene.far_ends.script(integration, *[FAILED] * 3)
    await scene.worker.start()
    for _ in range(3):
        await world.report()
    await scene.status(*[DeliveryStatus.RETRYING] * 3)
    tried = await a_test(world, integration)

    async def delivered() -> bool:
        rows = await world.deliveries()
        return any(it["id"] == tried and it["status"] == 4 for it in rows)

    await scene.until(delivered)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"active": False}, Code.UNPROCESSABLE_ENTITY),
        ({"verified": False}, Code.UNPROCESSABLE_ENTITY),
        ({"deleted_at": START}, Code.INTEGRATION_NOT_FOUND),
        ({"project_id": None}, Code.INTEGRATION_NOT_FOUND),
        ({"type": "FORGOTTEN"}, Code.UNPROCESSABLE_ENTITY),
        ({"type": "EMAIL"}, Code.CHANNEL_NOT_CONFIGURED),
    ],
)
async def test_what_cannot_be_tried_leaves_nothing(
    world: World, change: dict[str, Any], code: Code
) -> None:
    integration = await world.integration()
    world.channels = {**world.channels, "EMAIL": email.CHANNEL}
    if change == {"project_id": None}:
        world.project = new_id()
    else:
        await world.set(integration, **change)
    with pytest.raises(RefusedError) as refused:
        await a_test(world, integration)
    [refusal] = refused.value.refusals
    assert (refusal.code, refusal.path) == (code, ("input", "integrationId"))
    assert await world.store.fetch("SELECT id FROM incident") == []


async def test_mails_are_tried_where_a_mail_server_is_set_up(world: World) -> None:
    integration = await world.integration()
    world.channels = {**world.channels, "EMAIL": email.CHANNEL}
    await world.set(integration, type="EMAIL", settings='{"email": "a@example.com"}')
    await a_test(world, integration, providers={Provider.SMTP})
    assert await world.states(integration) == [("TEST", "PENDING")]
