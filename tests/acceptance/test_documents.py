"""The acceptance documents with the variables that stand on top of them, in order,
against the schema without a worker.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from schema.build import SCHEMA
from tests.acceptance_documents import DOCUMENTS, document, variables
from tests.schema_client import Client, add_project, running_services

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
OBJECT = re.compile(r"^# .*?(\{.*\})$", re.MULTILINE)


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[Client]:
    """Ask as a token of the only project of a database."""
    async with running_services(database_url) as services:
        yield Client(services, await add_project(services.store, "acceptance"))


def given(file: str, number: int = 0, **ids: str) -> dict[str, Any]:
    """Return the variables of a document, with ids in the place of the dots."""
    text = OBJECT.findall((DOCUMENTS / f"{file}.graphql").read_text())[number]
    values: dict[str, Any] = orjson.loads(text)
    values.get("input", {}).update(ids)
    return values


async def run(
    client: Client, file: str, operation: str, values: dict[str, Any]
) -> dict[str, Any]:
    """Run an operation of a document and return the only field of its data."""
    text = document(CORE, file, operation)
    answer = await client.ask(text, **variables(CORE, text, values))
    assert answer.errors == []
    assert answer.data
    (result,) = answer.data.values()
    assert result.get("errors", []) == []
    found: dict[str, Any] = result
    return found


async def set_up(client: Client) -> dict[str, str]:
    """Run documents 01 and 02; return the ids of the server and the integration."""
    made = await run(client, "01-create", "CreateIntegration", given("01-create"))
    integration = made["integration"]
    assert integration["__typename"] == "WebhookIntegration"
    assert integration["settings"] == {
        "webhookUrl": "http://127.0.0.1:9900/hook",
        "signingSecret": {"isSet": False},
    }
    again = await run(client, "01-create", "CreateIntegration", given("01-create"))
    assert again == made

    values = given("02-attach")
    server = (await run(client, "02-attach", "CreateServer", values))["server"]
    pair = {"serverId": server["id"], "integrationId": integration["id"]}
    values = given("02-attach", 1, **pair)
    attached = (await run(client, "02-attach", "Attach", values))["server"]
    assert attached["integrations"] == {
        "totalCount": 1,
        "nodes": [{"id": integration["id"], "name": "ops webhook"}],
    }
    return pair


async def test_the_documents_run_in_order(client: Client) -> None:
    pair = await set_up(client)
    values = given("04-report", serverId=pair["serverId"])
    incident = (await run(client, "04-report", "ReportIncident", values))["incident"]
    assert incident["severity"] == "CRITICAL"
    assert incident["deliveries"]["totalCount"] == 1
    assert incident["deliveries"]["nodes"][0]["status"] == "PENDING"

    values = {"input": {"dedupKey": "web-1/timeout"}}
    resolved = await run(client, "05-resolve", "ResolveIncident", values)
    assert resolved["incident"]["status"] == "RESOLVED"
    assert resolved["incident"]["durationSeconds"] == 0

    values = {"first": 20, "filter": {"status": "PENDING"}}
    listed = await run(client, "10-deliveries", "Deliveries", values)
    assert listed["totalCount"] == 2
    delivery = listed["nodes"][1]["id"]
    values = {"input": {"deliveryId": delivery, "idempotencyKey": "again-1"}}
    sent = await run(client, "10-deliveries", "Redeliver", values)
    assert sent["delivery"]["id"] == delivery
    failed = await run(client, "10-deliveries", "Deliveries", given("10-deliveries"))
    assert failed["totalCount"] == 0

    detached = await run(client, "02-attach", "Detach", {"input": pair})
    assert detached["server"] == {"id": pair["serverId"]}


async def test_the_list_of_a_front_end(client: Client) -> None:
    """Its filter names channels that come later: they are left out."""
    for name in ("prod", "test", "PROD 2"):
        values = given("01-create", name=name, idempotencyKey=name)
        await run(client, "01-create", "CreateIntegration", values)
    values = given("06-list")
    assert (await run(client, "06-list", "Integrations", values))["totalCount"] == 0
    del values["filter"]["types"]
    client.reads.clear()
    page = await run(client, "06-list", "Integrations", values)
    assert [edge["node"]["name"] for edge in page["edges"]] == ["PROD 2", "prod"]
    assert page["totalCount"] == 2
    assert len(client.reads) == 2
