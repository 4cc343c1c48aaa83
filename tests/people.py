"""Users and what is theirs, made through the API."""

from typing import Any, cast

from tests.schema_client import Client


async def add_user(
    client: Client, email: str = "ann@example.com", **more: object
) -> str:
    """Create a user and return the id."""
    given = {"name": "Ann", "email": email, **more}
    payload = await client.mutate("createUser", given, "user { id }")
    assert payload["errors"] == []
    return cast("str", payload["user"]["id"])


async def add_team(client: Client, *users: str, name: str = "ops") -> str:
    """Create a team with these users and return its id."""
    payload = await client.mutate("createTeam", {"name": name}, "team { id }")
    assert payload["errors"] == []
    team = cast("str", payload["team"]["id"])
    for user in users:
        pair = {"teamId": team, "userId": user}
        assert (await client.mutate("addUserToTeam", pair))["errors"] == []
    return team


async def add_email(
    client: Client, email: str = "ann@example.com", **more: object
) -> dict[str, Any]:
    """Create an integration that mails; return the payload."""
    given = {"settings": {"email": {"email": email}}, **more}
    select = (
        "integration { id owner { id } verification { status verifiedAt } } "
        "warnings { message path }"
    )
    return cast(
        "dict[str, Any]", await client.mutate("createIntegration", given, select)
    )


async def add_rule(client: Client, user: str, integration: str, **more: object) -> str:
    """Create a notification rule and return its id."""
    given = {"userId": user, "integrationId": integration, "urgency": "HIGH", **more}
    payload = await client.mutate(
        "createNotificationRule", given, "notificationRule { id }"
    )
    assert payload["errors"] == []
    return cast("str", payload["notificationRule"]["id"])


async def a_team(client: Client) -> dict[str, str]:
    """Make one of each; return the ids by the root field that leads to them."""
    user = await add_user(client)
    own = await add_email(client, ownerId=user)
    rule = await add_rule(client, user, own["integration"]["id"])
    team = await add_team(client, user)
    return {"user": user, "team": team, "notificationRule": rule}
