"""Correcting the settings of an integration that fails: it is tried again at once."""

from typing import Any

import pytest

from domain.ids import decode
from models.store import Row, Tx
from tests.schema_client import NOW, Client, add_server, add_webhook, report

LATER = NOW + 3_600_000


async def failing(client: Client) -> str:
    """Make an integration whose lane backs off for an hour, with one delivery."""
    integration = await add_webhook(client, server := await add_server(client))
    await report(client, server)

    async def fail(tx: Tx) -> None:
        _, named = decode(integration)
        await tx.execute(
            "UPDATE lane SET closed_until = $2, failures = 9, failing_since = 1, slots = 1"
            " WHERE integration_id = $1",
            *(named, LATER),
        )
        await tx.execute(
            "UPDATE delivery SET status = 2, due_at = $2, attempts = 1"
            " WHERE integration_id = $1",
            *(named, LATER),
        )

    await client.services.store.turn(fail)
    return integration


async def lane_of(client: Client, integration: str) -> Row:
    row = await client.services.store.fetchrow(
        "SELECT l.closed_until, l.failures, l.slots, d.due_at FROM lane l"
        " JOIN delivery d ON d.lane_id = l.id WHERE l.integration_id = $1",
        decode(integration)[1],
    )
    assert row is not None
    return row


@pytest.mark.parametrize(
    "settings",
    [
        {"webhookUrl": "http://127.0.0.1:9/corrected"},
        {"signingSecret": "whsec_" + "QUFB" * 10},
    ],
)
async def test_a_change_of_settings_reopens_the_lane(
    client: Client, settings: dict[str, Any]
) -> None:
    """An address or a secret: what waits is due now, and one delivery probes."""
    integration = await failing(client)
    given = {"integrationId": integration, "settings": {"webhook": settings}}
    assert (await client.mutate("updateIntegration", given))["errors"] == []
    lane = await lane_of(client, integration)
    assert (lane["failures"], lane["slots"]) == (0, 1)
    assert lane["closed_until"] == lane["due_at"] < LATER


@pytest.mark.parametrize(
    "given",
    [
        {"name": "another"},
        {"downAlertsOnly": True},
        {"settings": {"webhook": {"webhookUrl": "http://127.0.0.1:9/hook"}}},
        {"settings": {"webhook": {}}},
    ],
)
async def test_what_does_not_mend_it_leaves_the_back_off(
    client: Client, given: dict[str, Any]
) -> None:
    """Other fields, and settings as they are already."""
    integration = await failing(client)
    named = {"integrationId": integration, **given}
    assert (await client.mutate("updateIntegration", named))["errors"] == []
    lane = await lane_of(client, integration)
    assert (lane["closed_until"], lane["failures"], lane["due_at"]) == (
        *(LATER, 9, LATER),
    )
