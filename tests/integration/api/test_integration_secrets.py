"""Secrets of integrations: stored sealed, never answered, and kept apart by rows."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from domain.ids import decode
from domain.settings_storage import join
from models.crypto import KeyRing
from models.secret_storage import open_all
from notifiers.webhook import WebhookSettings
from tests.schema_client import Client, faults

URL = "http://127.0.0.1:9900/canaryT8a1Xq0ZpLm3?sig=canary-in-query"
KEY = "whsec_Y2FuYXJ5LWluLXNpZ25pbmctc2VjcmV0LTAwMQ=="
OTHER_KEY = "whsec_Y2FuYXJ5LWluLXNpZ25pbmctc2VjcmV0LTAwMg=="
HEADERS = [
    {"name": "Authorization", "value": "Bearer canary-in-authorization"},
    {"name": "X-Short", "value": "canary-9"},
]
STATE = "isSet hint updatedAt"
FIELDS = (
    "integration { id name updatedAt ... on WebhookIntegration { settings { webhookUrl "
    f"signingSecret {{ {STATE} }} previousSigningSecret {{ {STATE} }} "
    f"headers {{ name value {{ {STATE} }} }} }} }} }}"
)
CANARIES = ("canary", "Y2FuYXJ5")


async def create(client: Client, **settings: object) -> Any:  # noqa: ANN401 - JSON
    """Create a webhook with secrets and return it."""
    webhook = {
        "webhookUrl": URL,
        "signingSecret": KEY,
        "headers": HEADERS,
        **settings,
    }
    given = {"settings": {"webhook": webhook}, "idempotencyKey": "once"}
    payload = await client.mutate("createIntegration", given, FIELDS)
    assert payload["errors"] == []
    return payload["integration"]


async def update(client: Client, made: Any, **settings: object) -> Any:  # noqa: ANN401
    """Change settings and return the payload."""
    given = {"integrationId": made["id"], "settings": {"webhook": settings}}
    return await client.mutate("updateIntegration", given, FIELDS)


async def row_of(client: Client, made: Any) -> Any:  # noqa: ANN401 - a row
    """Return the stored row."""
    _, integration_id = decode(made["id"])
    select = "SELECT * FROM integration WHERE id = $1"
    return await client.services.store.fetchrow(select, integration_id)


async def stored(client: Client, made: Any) -> WebhookSettings:  # noqa: ANN401 - JSON
    """Return the settings as the worker reads them."""
    row = await row_of(client, made)
    sealed = orjson.loads(row["secrets"])
    keys = client.services.keys
    secrets = open_all(keys, client.project_id, row["id"], sealed)
    return join(WebhookSettings, orjson.loads(row["settings"]), secrets)


def shows_a_canary(text: object) -> bool:
    """Tell whether a secret shows in a text."""
    return any(canary in str(text) for canary in CANARIES)


async def test_secrets_are_set_and_never_shown(client: Client) -> None:
    made = await create(client)
    assert not shows_a_canary(made)
    settings = made["settings"]
    assert settings["webhookUrl"] == "http://127.0.0.1:9900/…?sig=…"
    assert settings["signingSecret"]["isSet"] is True
    assert settings["signingSecret"]["hint"] == KEY[-4:]
    assert settings["signingSecret"]["updatedAt"] == made["updatedAt"]
    unset = {"isSet": False, "hint": None, "updatedAt": None}
    assert settings["previousSigningSecret"] == unset
    long, short = settings["headers"]
    assert long["value"]["hint"] == "tion"
    assert short["value"]["hint"] is None


async def test_no_column_of_any_table_holds_a_secret(client: Client) -> None:
    await create(client)
    store = client.services.store
    for table in ("integration", "idempotency", "lane", "event_log", "delivery"):
        for row in await store.fetch(f"SELECT * FROM {table}"):  # noqa: S608 - of ours
            values = [value for name, value in dict(row).items() if name != "settings"]
            assert not shows_a_canary(values)


async def test_what_is_stored_is_what_was_given(client: Client) -> None:
    settings = await stored(client, await create(client))
    assert settings.webhook_url == URL
    assert settings.signing_secret
    assert settings.signing_secret.get_secret_value() == KEY
    given = {h.name: h.value.get_secret_value() for h in settings.headers}
    assert given == {h["name"]: h["value"] for h in HEADERS}


async def test_a_kept_secret_stays_as_it_was_set(client: Client) -> None:
    made = await create(client)
    sealed = orjson.loads((await row_of(client, made))["secrets"])
    headers = [{"name": "authorization"}, {"name": "X-New", "value": "canary-new"}]
    payload = await update(
        client, made, headers=headers, previousSigningSecret=OTHER_KEY
    )
    assert payload["errors"] == []
    assert not shows_a_canary(payload)
    after = orjson.loads((await row_of(client, made))["secrets"])
    assert after["signing_secret"] == sealed["signing_secret"]
    kept = "headers.authorization.value"
    assert after[kept] == sealed[kept]
    assert after["previous_signing_secret"]["at"] > sealed["signing_secret"]["at"]
    assert set(after) == {
        "signing_secret",
        "previous_signing_secret",
        kept,
        "headers.x-new.value",
    }


async def test_a_changed_address_asks_for_the_secrets_again(client: Client) -> None:
    made = await create(client)
    payload = await update(client, made, webhookUrl="http://127.0.0.1:9900/other")
    base = "input/settings/webhook"
    assert faults(payload) == [
        ("SECRET_REQUIRED", f"{base}/signingSecret"),
        ("SECRET_REQUIRED", f"{base}/headers/0/value"),
        ("SECRET_REQUIRED", f"{base}/headers/1/value"),
    ]
    assert (await stored(client, made)).webhook_url == URL
    moved = {"webhookUrl": "http://127.0.0.1:9900/other", "headers": HEADERS[:1]}
    payload = await update(client, made, **moved, signingSecret=OTHER_KEY)
    assert payload["errors"] == []
    settings = await stored(client, made)
    assert settings.webhook_url == moved["webhookUrl"]
    assert len(settings.headers) == 1


async def test_null_removes_secrets(client: Client) -> None:
    made = await create(client)
    payload = await update(client, made, signingSecret=None, headers=None)
    assert payload["integration"]["settings"]["signingSecret"]["isSet"] is False
    assert payload["integration"]["settings"]["headers"] == []
    assert (await row_of(client, made))["secrets"] == "{}"


async def test_deleting_erases_what_could_be_secret(client: Client) -> None:
    made = await create(client)
    await client.mutate("deleteIntegration", {"integrationId": made["id"]})
    row = await row_of(client, made)
    assert (row["secrets"], row["settings"]) == ("{}", "{}")
    assert row["type"] == "WEBHOOK"


async def test_ciphertexts_are_bound_to_their_row(client: Client) -> None:
    made = await create(client)
    other = await client.mutate(
        "createIntegration",
        {"settings": {"webhook": {"webhookUrl": URL, "signingSecret": KEY}}},
        FIELDS,
    )
    sealed = orjson.loads((await row_of(client, made))["secrets"])
    _, other_id = decode(other["integration"]["id"])
    with pytest.raises(Exception, match="not from here"):
        open_all(client.services.keys, client.project_id, other_id, sealed)


@pytest.mark.parametrize(
    "settings",
    [
        {"signingSecret": {"x": "canary"}},
        {"signingSecret": ["canary"]},
        {"headers": "canary"},
        {"headers": [{"name": 1, "value": {"x": "canary"}}]},
        {"headers": [{"name": "a", "unknown": "canary"}]},
        {"webhookUrl": 17, "signingSecret": "canary"},
        {"unknown": "canary"},
    ],
)
async def test_values_of_a_wrong_type_are_not_repeated(
    client: Client, settings: dict[str, Any]
) -> None:
    whole = {"webhook": {"webhookUrl": "http://127.0.0.1/", **settings}}
    create = {"settings": whole}
    update = {"settings": whole, "integrationId": "int_0"}
    for name, given in (("create", create), ("update", update)):
        text = (
            f"mutation($input: {name.title()}IntegrationInput!) {{ "
            f"{name}Integration(input: $input) {{ errors {{ message }} }} }}"
        )
        answer = await client.ask(text, input=given)
        assert answer.codes == ["BAD_USER_INPUT"]
        said = [(error.message, error.extensions) for error in answer.errors]
        assert "canary" not in str(said)


@pytest.mark.parametrize(
    "settings",
    [
        {"signingSecret": "canary"},
        {"previousSigningSecret": "canary"},
        {"webhookUrl": "http://canary:canary@127.0.0.1/"},
        {"webhookUrl": "canary"},
        {"headers": [{"name": "canary canary", "value": "canary\n"}]},
        {"headers": [{"name": "X", "value": "canary" * 1000}]},
        {"headers": [{"name": "X", "value": "canary\ud800"}]},
        {"webhookUrl": "http://127.0.0.1/canary\ud800"},
    ],
)
async def test_values_that_break_a_rule_are_not_repeated(
    client: Client, settings: dict[str, Any]
) -> None:
    webhook = {"webhookUrl": "http://127.0.0.1/", **settings}
    given = {"settings": {"webhook": webhook}}
    payload = await client.mutate("createIntegration", given, FIELDS)
    assert payload["errors"] != []
    assert "canary" not in str(payload)


async def test_settings_whose_key_is_lost_are_refused_with_what_to_do(
    client: Client,
) -> None:
    """Not an error of ours: the operator took the key away, and can bring it back."""
    made = await create(client)
    others = replace(client.services, keys=KeyRing.generate())
    lost = Client(others, client.project_id)
    payload = await update(lost, made, webhookUrl="http://127.0.0.1:9900/other")
    [fault] = payload["errors"]
    assert fault["code"] == "UNPROCESSABLE_ENTITY"
    assert fault["path"] == ["input", "integrationId"]
    assert "TOCSIN_SECRET_KEYS" in fault["message"]
    given = {"integrationId": made["id"], "active": False}
    disabled = await lost.mutate("updateIntegration", given, FIELDS)
    assert disabled["errors"] == [], "what needs no secret goes on"
