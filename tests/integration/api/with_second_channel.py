"""The second channel through the API; run by `test_derive` in a process of its own, in
which the channel is registered.
"""

from typing import Any

from models.store import Tx
from tests.schema_client import Client, faults

FIELDS = (
    "integration { __typename id type name ... on DoorChimeIntegration { settings { "
    "webhookUrl apiToken { isSet } port priority tone quiet tags firmware room { name "
    "passphrase { isSet } } responders { id floors pin { isSet } } } } }"
)
URL = "https://192.0.2.1/chimes/3"
CHIME: dict[str, Any] = {"webhookUrl": URL, "apiToken": "canary-token"}


async def create(client: Client, **more: object) -> Any:  # noqa: ANN401 - JSON
    """Create a chime and return the payload."""
    given = {"settings": {"doorChime": {**CHIME, **more}}}
    return await client.mutate("createIntegration", given, FIELDS)


async def update(client: Client, named: str, **settings: object) -> Any:  # noqa: ANN401
    """Change the settings of a chime and return the payload."""
    given = {"integrationId": named, "settings": {"doorChime": settings}}
    return await client.mutate("updateIntegration", given, FIELDS)


async def test_doorChime_is_made_with_its_defaults(client: Client) -> None:  # noqa: N802
    payload = await create(client)
    assert payload["errors"] == []
    made = payload["integration"]
    assert (made["__typename"], made["type"]) == ("DoorChimeIntegration", "DOOR_CHIME")
    assert made["settings"] == {
        "webhookUrl": URL,
        "apiToken": {"isSet": True},
        "port": 443,
        "priority": "high",
        "tone": None,
        "quiet": False,
        "tags": ["alarm"],
        "firmware": None,
        "room": None,
        "responders": [],
    }


async def test_enums_ids_objects_and_lists_come_back(client: Client) -> None:
    responders = [
        {"id": "12345678901", "pin": "canary-pin-1", "floors": [1, 2]},
        {"id": 7, "pin": "canary-pin-2"},
    ]
    payload = await create(
        client,
        priority="LOW",
        tone="GONG",
        tags=[],
        room={"name": "hall", "passphrase": "canary-phrase"},
        responders=responders,
        greeting="hello",
    )
    assert payload["errors"] == []
    assert "canary" not in str(payload)
    shown = payload["integration"]["settings"]
    assert (shown["priority"], shown["tone"], shown["tags"]) == ("low", "GONG", [])
    assert shown["room"] == {"name": "hall", "passphrase": {"isSet": True}}
    assert shown["responders"] == [
        {"id": "12345678901", "floors": [1, 2], "pin": {"isSet": True}},
        {"id": "7", "floors": [], "pin": {"isSet": True}},
    ]


async def test_an_update_keeps_resets_and_asks_again(client: Client) -> None:
    responders = [{"id": 1, "pin": "canary-pin-1"}, {"id": 2, "pin": "canary-pin-2"}]
    payload = await create(client, port=99, responders=responders, tone="BELL")
    named = payload["integration"]["id"]
    payload = await update(client, named, tone=None, responders=[{"id": 2}])
    assert payload["errors"] == []
    shown = payload["integration"]["settings"]
    assert (shown["port"], shown["tone"]) == (99, None)
    assert [r["id"] for r in shown["responders"]] == ["2"]
    payload = await update(client, named, port=None)
    base = "input/settings/doorChime"
    assert faults(payload) == [("SECRET_REQUIRED", f"{base}/apiToken")]
    payload = await update(client, named, port=None, apiToken="another-token")
    assert payload["integration"]["settings"]["port"] == 443
    payload = await update(client, named, webhookUrl=f"{URL}4", apiToken="a" * 8)
    assert faults(payload) == [("SECRET_REQUIRED", f"{base}/responders/0/pin")]


async def test_another_channels_settings_are_refused(client: Client) -> None:
    named = (await create(client))["integration"]["id"]
    settings = {"webhook": {"webhookUrl": URL}}
    given = {"integrationId": named, "settings": settings}
    payload = await client.mutate("updateIntegration", given, FIELDS)
    assert faults(payload) == [("CHANNEL_MISMATCH", "input/settings/webhook")]


async def test_a_paid_channel_needs_a_paid_plan(client: Client) -> None:
    async def work(tx: Tx) -> None:
        await tx.execute(
            "UPDATE project SET plan = 'FREE' WHERE id = $1", client.project_id
        )

    await client.services.store.turn(work)
    payload = await create(client)
    assert faults(payload) == [("PAID_PLAN_REQUIRED", "input/settings/doorChime")]


async def test_it_is_found_in_the_metadata(client: Client) -> None:
    fields = "name kind many required secret boundTo key inputOnly outputOnly values"
    text = (
        "{ integrationTypes { type key plan abilities { repeatable events } fields { "
        f"{fields} minimum maximum minLength maxItems default "
        f"fields {{ {fields} }} }} }} }}"
    )
    *_, chime = (await client.ask(text))["integrationTypes"]
    assert (chime["type"], chime["key"], chime["plan"]) == (
        "DOOR_CHIME",
        "doorChime",
        "PAID",
    )
    assert chime["abilities"]["repeatable"] is False
    assert chime["abilities"]["events"] == ["OPENED", "RESOLVED", "TEST"]
    by_name = {field["name"]: field for field in chime["fields"]}
    token, priority = by_name["apiToken"], by_name["priority"]
    assert (token["secret"], token["boundTo"]) == (True, ["webhookUrl", "port"])
    assert token["minLength"] == 8
    assert (priority["values"], priority["default"]) == (["LOW", "HIGH"], "HIGH")
    assert (by_name["port"]["minimum"], by_name["port"]["maximum"]) == (1, 65535)
    assert by_name["greeting"]["inputOnly"] is True
    assert by_name["firmware"]["outputOnly"] is True
    responders = by_name["responders"]
    assert (responders["kind"], responders["many"]) == ("OBJECT", True)
    assert responders["maxItems"] == 3
    inner = {field["name"]: field for field in responders["fields"]}
    assert inner["id"]["key"] is True
    assert inner["pin"]["boundTo"] == ["webhookUrl"]
