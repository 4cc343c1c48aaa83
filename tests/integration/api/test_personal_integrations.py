"""Personal integrations, and those that mail to a user's address, through the API."""

import asyncio
from typing import Any

import pytest

from tests.people import add_email, add_user
from tests.schema_client import Client, add_server, add_webhook, faults

STATUS = (
    "query($id: ID!) { integration(id: $id) { verification { status verifiedAt } } }"
)


async def status(client: Client, integration: str) -> str:
    """Return how the verification of an integration's address stands."""
    found = (await client.ask(STATUS, id=integration))["integration"]["verification"]
    assert (found["verifiedAt"] is not None) == (found["status"] == "VERIFIED")
    return str(found["status"])


def warned(payload: dict[str, Any]) -> bool:
    """Tell whether a payload says that a user has to verify the address first."""
    return any("not verified it" in it["message"] for it in payload["warnings"])


async def verify(client: Client, user: str) -> None:
    """Verify a user's address; these tests run in development, where any code does."""
    payload = await client.mutate(
        "verifyEmail", {"userId": user, "code": "x"}, "warnings { message }"
    )
    assert payload["errors"] == []
    assert "development" in payload["warnings"][0]["message"]


async def test_a_personal_integration_is_listed_where_it_is_asked_for(
    client: Client,
) -> None:
    user, other = await add_user(client), await add_user(client, "bob@example.com")
    shared = await add_webhook(client)
    own = (await add_email(client, ownerId=user))["integration"]
    assert own["owner"] == {"id": user}
    text = (
        "query($filter: IntegrationFilter) { integrations(filter: $filter) "
        "{ totalCount nodes { id } } }"
    )

    async def listed(**chosen: object) -> list[str]:
        page = (await client.ask(text, filter=chosen))["integrations"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    assert await listed() == [shared]
    assert await listed(personal=False) == [shared]
    assert await listed(personal=True) == [own["id"]]
    assert await listed(ownerId=user) == [own["id"]]
    assert await listed(ownerId=[user, other], types=["EMAIL"]) == [own["id"]]
    assert await listed(ownerId=other) == []
    assert await listed(ownerId=user, personal=False) == []
    query = (
        "query($id: ID!) { user(id: $id) { integrations { eventCursor totalCount "
        "nodes { id } } } }"
    )
    page = (await client.ask(query, id=user))["user"]["integrations"]
    assert page["nodes"] == [{"id": own["id"]}]
    assert page["eventCursor"]


async def test_a_personal_integration_is_not_attached(client: Client) -> None:
    server = await add_server(client)
    own = await add_email(client, ownerId=await add_user(client))
    pair = {"serverId": server, "integrationId": own["integration"]["id"]}
    payload = await client.mutate("attachIntegrationToServer", pair)
    assert faults(payload) == [("VALIDATION_ERROR", "input/integrationId")]


async def test_an_owner_is_a_user_of_the_project(
    client: Client, stranger: Client
) -> None:
    for owner in ("usr_x", await add_user(stranger)):
        payload = await add_email(client, ownerId=owner)
        assert faults(payload) == [("USER_NOT_FOUND", "input/ownerId")]


async def test_the_flag_follows_the_user(client: Client) -> None:
    """From the address of nobody to that of a user who verifies it, and away."""
    made = await add_email(client, "Ann@example.com")
    free = made["integration"]
    assert free["verification"] == {"status": "NOT_REQUIRED", "verifiedAt": None}
    assert not warned(made)
    given = {"name": "Ann", "email": "ann@EXAMPLE.com"}
    payload = await client.mutate("createUser", given, "user { id } warnings { path }")
    assert payload["warnings"] == [{"path": ["input", "email"]}]
    user, integration = payload["user"]["id"], free["id"]
    assert await status(client, integration) == "UNVERIFIED"
    made = await add_email(client, "ANN@example.com", ownerId=user)
    assert warned(made)
    await verify(client, user)
    assert await status(client, integration) == "VERIFIED"
    assert await status(client, made["integration"]["id"]) == "VERIFIED"

    moved = {"userId": user, "email": "new@example.com"}
    assert faults(await client.mutate("updateUser", moved)) == []
    assert await status(client, integration) == "NOT_REQUIRED"
    back = {"userId": user, "email": "ann@example.com"}
    payload = await client.mutate("updateUser", back, "user { emailVerifiedAt }")
    assert payload["user"]["emailVerifiedAt"] is None
    assert await status(client, integration) == "UNVERIFIED"
    await client.mutate("deleteUser", {"userId": user})
    assert await status(client, integration) == "NOT_REQUIRED"


@pytest.mark.parametrize("verified", [True, False])
async def test_the_flag_follows_the_settings(client: Client, verified: bool) -> None:
    user = await add_user(client)
    if verified:
        await verify(client, user)
    integration = (await add_email(client, "nobody@example.com"))["integration"]["id"]
    given = {
        "integrationId": integration,
        "settings": {"email": {"email": "ANN@example.com"}},
    }
    payload = await client.mutate("updateIntegration", given, "warnings { path }")
    assert len(payload["warnings"]) == (not verified)
    expected = "VERIFIED" if verified else "UNVERIFIED"
    assert await status(client, integration) == expected
    renamed = {"integrationId": integration, "name": "x", "active": False}
    await client.mutate("updateIntegration", renamed)
    assert await status(client, integration) == expected
    given["settings"] = {"email": {"email": "nobody@example.com"}}
    payload = await client.mutate("updateIntegration", given, "warnings { path }")
    assert payload["warnings"] == []
    assert await status(client, integration) == "NOT_REQUIRED"


async def test_another_projects_users_do_not_matter(
    client: Client, stranger: Client
) -> None:
    await add_user(stranger)
    made = await add_email(client)
    assert made["integration"]["verification"]["status"] == "NOT_REQUIRED"
    await add_user(client)
    theirs = (await add_email(stranger))["integration"]["id"]
    await verify(client, await _only_user(client))
    assert await status(stranger, theirs) == "UNVERIFIED"


async def _only_user(client: Client) -> str:
    found = await client.ask("{ users { nodes { id } } }")
    return str(found["users"]["nodes"][0]["id"])


async def test_a_token_that_is_bound_to_a_user_says_so(client: Client) -> None:
    """An ordinary one does not."""
    assert (await client.ask("{ viewer { user { id } } }"))["viewer"] == {"user": None}


async def test_users_and_integrations_that_meet_agree(client: Client) -> None:
    """Whichever comes first: an integration to an unverified address is held back."""
    addresses = [f"u{n}@example.com" for n in range(8)]
    made = await asyncio.gather(
        *(add_email(client, address) for address in addresses),
        *(add_user(client, address, name="x") for address in addresses),
        *(add_email(client, address) for address in addresses),
    )
    integrations = [it["integration"]["id"] for it in made if isinstance(it, dict)]
    assert len(integrations) == 16
    found = {await status(client, it) for it in integrations}
    assert found == {"UNVERIFIED"}


async def test_a_user_who_goes_takes_what_is_made_meanwhile(client: Client) -> None:
    """No integration of nobody stays behind."""
    settings = {"webhook": {"webhookUrl": "http://127.0.0.1:9/hook"}}
    for n in range(8):
        user = await add_user(client, f"u{n}@example.com")
        given = {"settings": settings, "ownerId": user}
        gone = {"userId": user}
        await asyncio.gather(
            *(client.mutate("createIntegration", given) for _ in range(2)),
            client.mutate("deleteUser", gone),
            *(client.mutate("createIntegration", given) for _ in range(2)),
        )
    text = "{ integrations(filter: {personal: true}) { totalCount } }"
    assert (await client.ask(text))["integrations"]["totalCount"] == 0
