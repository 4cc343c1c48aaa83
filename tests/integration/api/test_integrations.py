"""Integrations through the API: made, found, listed, switched and deleted."""

from dataclasses import replace
from typing import Any, cast

import pytest

from delivery.guard import Guard
from domain.ids import decode, encode, new_id
from domain.scopes import Scope
from models.store import Tx
from schema.build import SCHEMA
from tests.acceptance_documents import document
from tests.schema_client import Client, add_server, add_webhook, faults, report

FIELDS = (
    "integration { __typename id type name active downAlertsOnly allResources editable "
    "deletable error createdAt updatedAt ... on WebhookIntegration { settings { "
    "webhookUrl signingSecret { isSet } headers { name } } } }"
)
HOOK = "http://127.0.0.1:9900/hook"
UNKNOWN = encode("Integration", new_id())
DELIVERIES = "{ deliveries { nodes { status cancelReason integration { name } } } }"


async def create(client: Client, url: str = HOOK, **more: object) -> dict[str, Any]:
    """Create a webhook and return it."""
    given = {"settings": {"webhook": {"webhookUrl": url}}, **more}
    payload = await client.mutate("createIntegration", given, FIELDS)
    assert payload["errors"] == []
    return cast("dict[str, Any]", payload["integration"])


async def update(client: Client, named: str, **given: object) -> Any:  # noqa: ANN401
    """Update an integration and return the payload."""
    whole = {"integrationId": named, **given}
    return await client.mutate("updateIntegration", whole, FIELDS)


async def read(client: Client, named: str) -> Any:  # noqa: ANN401
    """Look an integration up."""
    field = FIELDS.replace("integration", "integration(id: $id)", 1)
    return (await client.ask(f"query($id: ID!) {{ {field} }}", id=named))["integration"]


async def execute(client: Client, statement: str, named: str) -> None:
    """Change what no mutation can, straight in the database; `$1` is the id."""
    _, integration_id = decode(named)

    async def work(tx: Tx) -> None:
        await tx.execute(statement, integration_id)

    await client.services.store.turn(work)


async def set_columns(client: Client, named: str, change: str) -> None:
    """Change columns of an integration."""
    await execute(client, f"UPDATE integration SET {change} WHERE id = $1", named)  # noqa: S608


async def listed(client: Client, **arguments: object) -> list[str]:
    """Return the names that the list document shows."""
    text = document(SCHEMA._schema, "06-list", "Integrations")  # noqa: SLF001
    answer = await client.ask(text, **arguments)
    return [edge["node"]["name"] for edge in answer["integrations"]["edges"]]


async def test_the_acceptance_document_makes_a_webhook_once(client: Client) -> None:
    text = document(SCHEMA._schema, "01-create", "CreateIntegration")  # noqa: SLF001
    given = {
        "name": "ops webhook",
        "settings": {"webhook": {"webhookUrl": HOOK}},
        "idempotencyKey": "create-1",
    }
    payload = (await client.ask(text, input=given))["createIntegration"]
    assert payload["errors"] == []
    made = payload["integration"]
    assert (made["__typename"], made["type"]) == ("WebhookIntegration", "WEBHOOK")
    assert (made["name"], made["active"], made["error"]) == ("ops webhook", True, None)
    assert (made["editable"], made["deletable"]) == (True, True)
    assert made["settings"] == {"webhookUrl": HOOK, "signingSecret": {"isSet": False}}
    again = (await client.ask(text, input=given))["createIntegration"]
    assert again == payload
    assert await listed(client) == ["ops webhook"]


async def test_a_key_is_not_used_for_other_settings(client: Client) -> None:
    await create(client, idempotencyKey="one")
    given = {
        "settings": {"webhook": {"webhookUrl": f"{HOOK}s"}},
        "idempotencyKey": "one",
    }
    payload = await client.mutate("createIntegration", given, FIELDS)
    assert faults(payload) == [("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]


async def test_an_integration_is_found_again(client: Client) -> None:
    made = await create(client, downAlertsOnly=True, active=False)
    assert made["downAlertsOnly"] is True
    assert made["active"] is False
    assert made["allResources"] is False
    assert await read(client, made["id"]) == made
    node = "query($id: ID!) { node(id: $id) { __typename id } }"
    found = (await client.ask(node, id=made["id"]))["node"]
    assert found == {"__typename": "WebhookIntegration", "id": made["id"]}


async def test_a_stranger_finds_and_changes_nothing(
    client: Client, stranger: Client
) -> None:
    made = await create(client)
    assert await read(stranger, made["id"]) is None
    assert await listed(stranger) == []
    gone = [("INTEGRATION_NOT_FOUND", "input/integrationId")]
    assert faults(await update(stranger, made["id"], active=False)) == gone
    given = {"integrationId": made["id"]}
    assert faults(await stranger.mutate("deleteIntegration", given)) == gone
    assert await read(client, made["id"]) == made


async def test_writing_needs_the_scope(client: Client) -> None:
    reader = client.with_scopes(Scope.READ)
    text = "mutation($input: DeleteIntegrationInput!) { deleteIntegration(input: $input) { deletedId } }"
    answer = await reader.ask(text, input={"integrationId": UNKNOWN})
    assert answer.codes == ["FORBIDDEN"]
    assert await listed(reader) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (
            "https://192.0.2.1/hooks/incidents?key=abc",
            "https://192.0.2.1/hooks/incidents",
        ),
        ("https://192.0.2.1/a/T8a1Xq0ZpLm3", "https://192.0.2.1/a/…"),
        (HOOK, HOOK),
    ],
)
async def test_the_default_name_shows_no_credential(
    client: Client, url: str, name: str
) -> None:
    assert (await create(client, url))["name"] == name


async def test_the_default_name_follows_the_settings_until_one_is_given(
    client: Client,
) -> None:
    made = await create(client)

    async def name_after(**given: object) -> str:
        payload = await update(client, made["id"], **given)
        assert payload["errors"] == []
        return cast("str", payload["integration"]["name"])

    def moved(to: str) -> dict[str, Any]:
        return {"webhook": {"webhookUrl": to}}

    assert await name_after(settings=moved("http://127.0.0.1:9900/a")) == (
        "http://127.0.0.1:9900/a"
    )
    assert await name_after(name="mine") == "mine"
    assert await name_after(settings=moved("http://127.0.0.1:9900/b")) == "mine"
    assert await name_after(name=None) == "http://127.0.0.1:9900/b"
    assert await name_after(settings=moved("http://127.0.0.1:9900/c")) == (
        "http://127.0.0.1:9900/c"
    )


async def test_a_url_that_is_a_credential_is_shown_masked(client: Client) -> None:
    url = "https://192.0.2.1/services/T8a1Xq0ZpLm3?sig=s3cr3t"
    made = await create(client, url)
    shown = made["settings"]["webhookUrl"]
    assert shown == "https://192.0.2.1/services/…?sig=…"
    settings = {"webhook": {"webhookUrl": shown}}
    payload = await update(client, made["id"], settings=settings)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/settings/webhook/webhookUrl")
    ]
    assert "leave the field out" in payload["errors"][0]["message"]


async def test_all_faults_of_a_creation_are_told_at_once(client: Client) -> None:
    headers = [
        {"name": "X-Fine", "value": "fine"},
        {"name": "Host", "value": "a\nb"},
        {"name": "X-Bare"},
    ]
    webhook = {"webhookUrl": "ftp://x", "signingSecret": "whsec_", "headers": headers}
    given = {"name": " ", "settings": {"webhook": webhook}}
    payload = await client.mutate("createIntegration", given, FIELDS)
    assert payload["integration"] is None
    base = "input/settings/webhook"
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", f"{base}/webhookUrl"),
        ("VALIDATION_ERROR", f"{base}/signingSecret"),
        ("VALIDATION_ERROR", f"{base}/headers/1/name"),
        ("VALIDATION_ERROR", f"{base}/headers/1/value"),
        ("VALIDATION_ERROR", f"{base}/headers/2/value"),
    ]
    assert await listed(client) == []


async def test_all_faults_of_an_update_are_told_at_once(client: Client) -> None:
    made = await create(client)
    payload = await update(
        client,
        made["id"],
        name="\n",
        active=None,
        settings={"webhook": {"webhookUrl": None, "signingSecret": "x"}},
        ifUpdatedAt="2020-01-01T00:00:00Z",
    )
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", "input/active"),
        ("CONFLICT", "input/ifUpdatedAt"),
        ("VALIDATION_ERROR", "input/settings/webhook/webhookUrl"),
        ("VALIDATION_ERROR", "input/settings/webhook/signingSecret"),
    ]
    assert await read(client, made["id"]) == made
    payload = await update(client, UNKNOWN, name="")
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("INTEGRATION_NOT_FOUND", "input/integrationId"),
    ]


async def test_what_is_absent_keeps_its_value(client: Client) -> None:
    made = await create(client, downAlertsOnly=True, name="n")
    changed = (await update(client, made["id"], active=False))["integration"]
    assert changed == {**made, "active": False, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > made["updatedAt"]


async def test_an_integration_that_is_not_editable_can_be_switched_only(
    client: Client,
) -> None:
    made = await create(client)
    await set_columns(client, made["id"], "editable = FALSE")
    settings = {"webhook": {"webhookUrl": HOOK}}
    payload = await update(client, made["id"], name="x", settings=settings)
    assert faults(payload) == [
        ("UNPROCESSABLE_ENTITY", "input/name"),
        ("UNPROCESSABLE_ENTITY", "input/settings"),
    ]
    message = "This integration cannot be edited."
    assert {e["message"] for e in payload["errors"]} == {message}
    payload = await update(client, made["id"], active=False, downAlertsOnly=True)
    assert payload["errors"] == []
    assert payload["integration"]["active"] is False


async def test_an_integration_that_is_not_deletable_stays(client: Client) -> None:
    made = await create(client)
    await set_columns(client, made["id"], "deletable = FALSE")
    given = {"integrationId": made["id"]}
    payload = await client.mutate("deleteIntegration", given, "deletedId")
    assert payload["deletedId"] is None
    assert faults(payload) == [("UNPROCESSABLE_ENTITY", "input/integrationId")]
    assert payload["errors"][0]["message"] == "This integration cannot be deleted."
    assert await read(client, made["id"]) is not None


async def test_a_deleted_integration_is_gone_and_its_deliveries_stay(
    client: Client,
) -> None:
    server = await add_server(client)
    named = await add_webhook(client, server, name="ops")
    await report(client, server)
    payload = await client.mutate(
        "deleteIntegration", {"integrationId": named}, "deletedId"
    )
    assert payload == {"deletedId": named, "errors": []}
    assert await read(client, named) is None
    assert await listed(client) == []
    assert (await client.ask(DELIVERIES))["deliveries"]["nodes"] == [
        {
            "status": "CANCELLED",
            "cancelReason": "INTEGRATION_DELETED",
            "integration": {"name": "ops"},
        }
    ]
    assert (await report(client, server))["deliveries"]["nodes"] == []
    payload = await client.mutate("deleteIntegration", {"integrationId": named})
    assert faults(payload) == [("INTEGRATION_NOT_FOUND", "input/integrationId")]


async def test_disabling_cancels_what_waits_and_enabling_revives_nothing(
    client: Client,
) -> None:
    server = await add_server(client)
    named = await add_webhook(client, server, name="ops")
    await report(client, server)
    await update(client, named, active=False)
    await set_columns(client, named, "error = 'The far end is gone.'")
    cancelled = {
        "status": "CANCELLED",
        "cancelReason": "INTEGRATION_DISABLED",
        "integration": {"name": "ops"},
    }
    assert (await client.ask(DELIVERIES))["deliveries"]["nodes"] == [cancelled]
    assert (await read(client, named))["error"] == "The far end is gone."
    enabled = (await update(client, named, active=True))["integration"]
    assert (enabled["active"], enabled["error"]) == (True, None)
    assert (await client.ask(DELIVERIES))["deliveries"]["nodes"] == [cancelled]
    (waiting,) = (await report(client, server))["deliveries"]["nodes"]
    assert waiting["status"] == "PENDING"


async def test_enabling_forgets_what_was_held_against_the_lane(client: Client) -> None:
    named = await add_webhook(client)
    await update(client, named, active=False)
    held = "closed_until = 9, failures = 5, gone = 2"
    await execute(client, f"UPDATE lane SET {held} WHERE integration_id = $1", named)  # noqa: S608
    select = "SELECT closed_until, failures, gone FROM lane WHERE integration_id = $1"
    for given, expected in (
        ({"downAlertsOnly": True}, (9, 5, 2)),
        ({"active": True}, (0, 0, 0)),
    ):
        await update(client, named, **given)
        (row,) = await client.services.store.fetch(select, decode(named)[1])
        assert (row[0], row[1], row[2]) == expected


async def test_deleting_detaches(client: Client) -> None:
    server = await add_server(client)
    named = await add_webhook(client, server)
    payload = await client.mutate("deleteIntegration", {"integrationId": named})
    assert payload["errors"] == []
    select = "SELECT count(*) FROM attachment WHERE integration_id = $1"
    assert await client.services.store.fetchval(select, decode(named)[1]) == 0


async def test_each_change_gets_a_time_of_its_own(client: Client) -> None:
    now = client.services.clock()
    services = replace(client.services, clock=lambda: now)
    stopped = Client(services, client.project_id, client.scopes)
    made = await create(stopped)
    given = {"name": "a", "ifUpdatedAt": made["updatedAt"]}
    assert faults(await update(stopped, made["id"], **given)) == []
    conflict = [("CONFLICT", "input/ifUpdatedAt")]
    assert faults(await update(stopped, made["id"], **given)) == conflict


async def test_a_default_name_that_is_too_long_is_shortened(client: Client) -> None:
    made = await create(client, "http://127.0.0.1:9900" + "/hook" * 60)
    assert len(made["name"]) == 255
    assert made["name"].endswith("…")


async def test_the_list_is_filtered_and_ordered(client: Client) -> None:
    for name, active in (("prod a", True), ("Stage", True), ("PROD b", False)):
        await create(client, name=name, active=active)
    assert await listed(client) == ["PROD b", "Stage", "prod a"]
    up = {"field": "CREATED_AT", "direction": "ASC"}
    assert await listed(client, orderBy=up) == ["prod a", "Stage", "PROD b"]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"search": "prod"}, ["PROD b", "prod a"]),
        ({"search": "prod", "active": True}, ["prod a"]),
        ({"active": False}, ["PROD b"]),
        ({"search": "%"}, []),
        ({"types": ["WEBHOOK"], "search": "stage"}, ["Stage"]),
        ({"types": []}, []),
    ]
    for chosen, names in cases:
        assert await listed(client, filter=chosen) == names, chosen


async def test_a_page_is_one_statement_and_can_be_followed(client: Client) -> None:
    for number in range(3):
        await create(client, name=f"n{number}")
    client.reads.clear()
    assert await listed(client, first=2) == ["n2", "n1"]
    assert len(client.reads) == 2  # rows and count
    text = (
        "query($after: String) { integrations(first: 2, after: $after) { eventCursor "
        "nodes { name } pageInfo { hasNextPage endCursor } } }"
    )
    page = (await client.ask(text))["integrations"]
    assert page["eventCursor"]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = await client.ask(text, after=page["pageInfo"]["endCursor"])
    assert rest["integrations"]["nodes"] == [{"name": "n0"}]


async def test_a_target_that_is_not_public_gives_a_warning(client: Client) -> None:
    strict = Client(
        replace(client.services, guard=Guard()), client.project_id, client.scopes
    )
    given = {"settings": {"webhook": {"webhookUrl": HOOK}}, "idempotencyKey": "k"}
    select = "integration { id } warnings { message path }"
    payload = await strict.mutate("createIntegration", given, select)
    assert payload["errors"] == []
    (warning,) = payload["warnings"]
    assert "TOCSIN_EGRESS_ALLOW" in warning["message"]
    assert await strict.mutate("createIntegration", given, select) == payload
    moved = {
        "integrationId": payload["integration"]["id"],
        "settings": {"webhook": {"webhookUrl": "http://10.0.0.1/"}},
    }
    payload = await strict.mutate("updateIntegration", moved, select)
    (warning,) = payload["warnings"]
    assert "10.0.0.1" in warning["message"]
    payload = await client.mutate("updateIntegration", moved, select)
    assert payload["warnings"] == []
