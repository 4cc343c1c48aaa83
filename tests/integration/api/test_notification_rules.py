"""Notification rules through the API."""

from typing import Any

import pytest

from domain.ids import encode, new_id
from tests.people import add_email, add_rule, add_user
from tests.schema_client import Client, add_webhook, faults

UNKNOWN = encode("NotificationRule", new_id())
READ = "notificationRule { id urgency afterSeconds user { id } integration { id } }"
LIST = (
    "query($id: ID!, $first: Int, $after: String) { user(id: $id) { "
    "notificationRules(first: $first, after: $after) { totalCount "
    "nodes { urgency afterSeconds } pageInfo { endCursor hasNextPage } } } }"
)


async def own(client: Client) -> tuple[str, str]:
    """Make a user with a personal integration; return both ids."""
    user = await add_user(client)
    payload = await add_email(client, ownerId=user)
    return user, payload["integration"]["id"]


async def listed(client: Client, user: str, **more: object) -> dict[str, Any]:
    """Return a page of a user's rules."""
    found: dict[str, Any] = (await client.ask(LIST, id=user, **more))["user"]
    page: dict[str, Any] = found["notificationRules"]
    return page


async def test_rules_are_listed_the_most_urgent_first_then_by_time(
    client: Client,
) -> None:
    user, integration = await own(client)
    for urgency, after in (("LOW", 0), ("HIGH", 86400), ("CRITICAL", 60), ("HIGH", 0)):
        given = {"urgency": urgency, "afterSeconds": after}
        rule = await add_rule(client, user, integration, **given)
        assert rule.startswith("rul_")
    expected = [("CRITICAL", 60), ("HIGH", 0), ("HIGH", 86400), ("LOW", 0)]
    page = await listed(client, user, first=3)
    rest = await listed(client, user, first=3, after=page["pageInfo"]["endCursor"])
    nodes = page["nodes"] + rest["nodes"]
    assert [(it["urgency"], it["afterSeconds"]) for it in nodes] == expected
    assert page["totalCount"] == 4
    assert page["pageInfo"]["hasNextPage"]
    assert not rest["pageInfo"]["hasNextPage"]


async def test_a_rule_is_changed_and_deleted(client: Client) -> None:
    user, integration = await own(client)
    rule = await add_rule(client, user, integration)
    given = {"notificationRuleId": rule, "urgency": "LOW", "afterSeconds": 5}
    payload = await client.mutate("updateNotificationRule", given, READ)
    assert payload["notificationRule"] == {
        "id": rule,
        "urgency": "LOW",
        "afterSeconds": 5,
        "user": {"id": user},
        "integration": {"id": integration},
    }
    kept = {"notificationRuleId": rule, "afterSeconds": 0}
    payload = await client.mutate("updateNotificationRule", kept, READ)
    assert payload["notificationRule"]["urgency"] == "LOW"
    payload = await client.mutate(
        "deleteNotificationRule", {"notificationRuleId": rule}, "deletedId"
    )
    assert payload == {"deletedId": rule, "errors": []}
    assert (await listed(client, user))["totalCount"] == 0
    for name in ("updateNotificationRule", "deleteNotificationRule"):
        payload = await client.mutate(name, {"notificationRuleId": rule})
        path = "input/notificationRuleId"
        assert faults(payload) == [("NOTIFICATION_RULE_NOT_FOUND", path)]


async def test_all_faults_are_told_at_once(client: Client) -> None:
    wrong: dict[str, Any] = {
        "userId": "usr_x",
        "integrationId": "int_x",
        "urgency": "SILENT",
        "afterSeconds": 86401,
    }
    payload = await client.mutate("createNotificationRule", wrong)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/urgency"),
        ("VALIDATION_ERROR", "input/afterSeconds"),
        ("USER_NOT_FOUND", "input/userId"),
        ("INTEGRATION_NOT_FOUND", "input/integrationId"),
    ]
    changed = {
        "notificationRuleId": UNKNOWN,
        "urgency": None,
        "integrationId": None,
        "afterSeconds": -1,
    }
    payload = await client.mutate("updateNotificationRule", changed)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/urgency"),
        ("VALIDATION_ERROR", "input/integrationId"),
        ("VALIDATION_ERROR", "input/afterSeconds"),
        ("NOTIFICATION_RULE_NOT_FOUND", "input/notificationRuleId"),
    ]


@pytest.mark.parametrize("owned", [True, False])
async def test_a_rule_tells_over_an_integration_of_the_user(
    client: Client, owned: bool
) -> None:
    user, integration = await own(client)
    other = await add_webhook(client)
    if owned:
        bob = await add_user(client, "bob@example.com")
        made = await add_email(client, "bob@example.com", ownerId=bob)
        other = made["integration"]["id"]
    given = {"userId": user, "integrationId": other, "urgency": "LOW"}
    refused = [("VALIDATION_ERROR", "input/integrationId")]
    assert faults(await client.mutate("createNotificationRule", given)) == refused
    rule = await add_rule(client, user, integration)
    given = {"notificationRuleId": rule, "integrationId": other}
    assert faults(await client.mutate("updateNotificationRule", given)) == refused


async def test_no_rule_stands_twice(client: Client) -> None:
    user, integration = await own(client)
    first = await add_rule(client, user, integration)
    second = await add_rule(client, user, integration, afterSeconds=1)
    given = {"userId": user, "integrationId": integration, "urgency": "HIGH"}
    refused = [("VALIDATION_ERROR", "input")]
    assert faults(await client.mutate("createNotificationRule", given)) == refused
    later = {"notificationRuleId": second, "afterSeconds": 0}
    assert faults(await client.mutate("updateNotificationRule", later)) == refused
    same = {"notificationRuleId": first, "afterSeconds": 0}
    assert faults(await client.mutate("updateNotificationRule", same)) == []


async def test_a_user_has_a_limited_number_of_rules(client: Client) -> None:
    user, integration = await own(client)
    for after in range(100):
        await add_rule(client, user, integration, afterSeconds=after)
    given = {"userId": user, "integrationId": integration, "urgency": "LOW"}
    payload = await client.mutate("createNotificationRule", given)
    assert faults(payload) == [("LIMIT_REACHED", "input")]


async def test_rules_go_with_their_integration_and_are_foreign_to_others(
    client: Client, stranger: Client
) -> None:
    user, integration = await own(client)
    rule = await add_rule(client, user, integration)
    given = {"notificationRuleId": rule}
    payload = await stranger.mutate("deleteNotificationRule", given)
    path = "input/notificationRuleId"
    assert faults(payload) == [("NOTIFICATION_RULE_NOT_FOUND", path)]
    query = "query($id: ID!) { node(id: $id) { __typename id } }"
    assert (await stranger.ask(query, id=rule))["node"] is None
    assert (await client.ask(query, id=rule))["node"][
        "__typename"
    ] == "NotificationRule"
    await client.mutate("deleteIntegration", {"integrationId": integration})
    assert (await client.ask(query, id=rule))["node"] is None


async def test_the_same_key_makes_one_rule(client: Client) -> None:
    user, integration = await own(client)
    made = [
        await add_rule(client, user, integration, idempotencyKey="k") for _ in range(2)
    ]
    assert made[0] == made[1]
