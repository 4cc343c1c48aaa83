"""Integrations that restart servers: what may be set, what is shown, and host keys."""

from typing import Any

import orjson
import pytest

from domain.deliveries import DeliveryStatus
from domain.ids import decode
from tests.schema_client import Client, add_server, faults, report

PASSWORD = "pass-canary-word"
KEY = "SHA256:u3n+DB/MuypFmiOIEGfQT86A5pUxjkaZeqQJGb+ujfc"
OTHER = "SHA256:AAAA+DB/MuypFmiOIEGfQT86A5pUxjkaZeqQJGb+ujf"
SETTINGS = {
    "ip": "192.168.1.100",
    "username": "admin",
    "password": PASSWORD,
    "port": 22,
}
SHOWN = (
    "integration { id name updatedAt ... on SshServerRestartIntegration { settings { "
    "ip username port password { isSet } privateKey { isSet } passphrase { isSet } "
    "hostKey { fingerprint confirmed } } } }"
)


async def create(client: Client, **changes: object) -> Any:  # noqa: ANN401 - JSON
    given = {k: v for k, v in {**SETTINGS, **changes}.items() if v is not None}
    return await client.mutate(
        "createIntegration", {"settings": {"sshServerRestart": given}}, SHOWN
    )


async def made(client: Client, **changes: object) -> Any:  # noqa: ANN401 - JSON
    payload = await create(client, **changes)
    assert payload["errors"] == []
    return payload["integration"]


async def update(client: Client, it: Any, **given: object) -> Any:  # noqa: ANN401
    settings = {"sshServerRestart": given}
    return await client.mutate(
        "updateIntegration", {"integrationId": it["id"], "settings": settings}, SHOWN
    )


async def confirm(client: Client, it: Any, fingerprint: str) -> Any:  # noqa: ANN401
    given = {"integrationId": it["id"], "fingerprint": fingerprint}
    return await client.mutate("confirmHostKey", given, SHOWN)


async def show(client: Client, it: Any, fingerprint: str) -> None:  # noqa: ANN401
    """Store that the server has shown a key, as the worker does."""
    _, key = decode(it["id"])
    store = client.services.store
    text = await store.fetchval("SELECT settings FROM integration WHERE id = $1", key)
    host_key = {"fingerprint": fingerprint, "confirmed": False}
    after = orjson.dumps({**orjson.loads(text), "host_key": host_key}).decode()

    async def work(tx: Any) -> None:  # noqa: ANN401
        await tx.execute(
            "UPDATE integration SET settings = $2 WHERE id = $1", key, after
        )

    await store.turn(work)


async def test_the_settings_are_those_of_the_first_seed(client: Client) -> None:
    it = await made(client)
    assert it["name"] == "192.168.1.100 (admin)"
    assert it["settings"] == {
        "ip": "192.168.1.100",
        "username": "admin",
        "port": 22,
        "password": {"isSet": True},
        "privateKey": {"isSet": False},
        "passphrase": {"isSet": False},
        "hostKey": None,
    }
    assert PASSWORD not in str(it)
    assert (await made(client, port=None))["settings"]["port"] == 22


def key(kind: str = "PRIVATE KEY", body: str = "AAAA") -> str:
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"


WRONG = [
    ({"ip": "http://192.0.2.1"}, "ip"),
    ({"ip": "fe80::1%eth0"}, "ip"),
    ({"ip": "web 1; reboot"}, "ip"),
    ({"username": "ad min"}, "username"),
    ({"port": 0}, "port"),
    ({"port": 65_536}, "port"),
    ({"password": "two\nlines"}, "password"),
    ({"password": None}, "privateKey"),
    ({"privateKey": "ssh-ed25519 AAAA me@home"}, "privateKey"),
    ({"privateKey": key("CERTIFICATE")}, "privateKey"),
    ({"privateKey": key("ENCRYPTED PRIVATE KEY")}, "privateKey"),
    ({"privateKey": key(body="no base64!")}, "privateKey"),
    (
        {"privateKey": key("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA")},
        "passphrase",
    ),
    ({"hostKeyFingerprint": "MD5:00:11"}, "hostKeyFingerprint"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
async def test_what_is_wrong_is_said_where_it_stands(
    client: Client, changes: dict[str, object], field: str
) -> None:
    payload = await create(client, **changes)
    path = f"input/settings/sshServerRestart/{field}"
    assert faults(payload) == [("VALIDATION_ERROR", path)]
    assert "AAAA" not in str(payload)


async def test_an_address_that_changes_asks_for_the_secrets_and_drops_the_key(
    client: Client,
) -> None:
    it = await made(client, hostKeyFingerprint=KEY)
    assert it["settings"]["hostKey"] == {"fingerprint": KEY, "confirmed": True}
    refused = await update(client, it, ip="192.168.1.101")
    path = "input/settings/sshServerRestart/password"
    assert faults(refused) == [("SECRET_REQUIRED", path)]

    moved = await update(client, it, ip="192.168.1.101", password=PASSWORD)
    assert moved["integration"]["settings"]["hostKey"] is None
    pinned = await update(client, it, hostKeyFingerprint=KEY)
    assert pinned["integration"]["settings"]["hostKey"]["confirmed"] is True
    renamed = await update(client, it, username="root", password=PASSWORD)
    assert renamed["integration"]["settings"]["hostKey"]["confirmed"] is True
    cleared = await update(client, it, hostKeyFingerprint=None)
    assert cleared["integration"]["settings"]["hostKey"] is None
    both = await update(
        client, it, port=2222, password=PASSWORD, hostKeyFingerprint=OTHER
    )
    shown = {"fingerprint": OTHER, "confirmed": True}
    assert both["integration"]["settings"]["hostKey"] == shown


async def test_a_key_that_was_shown_is_dropped_with_the_address(client: Client) -> None:
    it = await made(client)
    await show(client, it, KEY)
    same = await update(client, it, ip="192.168.1.100")
    shown = {"fingerprint": KEY, "confirmed": False}
    assert same["integration"]["settings"]["hostKey"] == shown
    moved = await update(client, it, port=2222, password=PASSWORD)
    assert moved["integration"]["settings"]["hostKey"] is None


async def test_the_key_that_is_shown_is_confirmed(client: Client) -> None:
    it = await made(client)
    await show(client, it, KEY)
    refused = await confirm(client, it, OTHER)
    assert faults(refused) == [("HOST_KEY_UNCONFIRMED", "input/fingerprint")]
    assert KEY in refused["errors"][0]["message"]
    confirmed = await confirm(client, it, KEY + "=")
    shown = {"fingerprint": KEY, "confirmed": True}
    assert confirmed["integration"]["settings"]["hostKey"] == shown
    assert confirmed["integration"]["updatedAt"] > it["updatedAt"]
    again = await confirm(client, it, KEY)
    assert again["integration"] == confirmed["integration"]
    assert faults(await confirm(client, it, OTHER)) == [
        ("HOST_KEY_UNCONFIRMED", "input/fingerprint")
    ]


async def test_a_key_may_be_given_before_one_was_seen(client: Client) -> None:
    it = await made(client)
    assert faults(await confirm(client, it, "SHA256:short")) == [
        ("VALIDATION_ERROR", "input/fingerprint")
    ]
    confirmed = await confirm(client, it, KEY)
    shown = {"fingerprint": KEY, "confirmed": True}
    assert confirmed["integration"]["settings"]["hostKey"] == shown


async def test_only_what_has_host_keys_and_is_ones_own_can_be_confirmed(
    client: Client, stranger: Client
) -> None:
    settings = {"webhook": {"webhookUrl": "http://127.0.0.1:9/"}}
    webhook = await client.mutate(
        "createIntegration", {"settings": settings}, "integration { id }"
    )
    refused = await confirm(client, webhook["integration"], KEY)
    assert faults(refused) == [("CHANNEL_MISMATCH", "input/integrationId")]
    it = await made(client)
    refused = await confirm(stranger, it, KEY)
    assert faults(refused) == [("INTEGRATION_NOT_FOUND", "input/integrationId")]


async def test_redelivering_a_restart_has_to_be_confirmed(client: Client) -> None:
    server = await add_server(client)
    it = await made(client)
    pair = {"serverId": server, "integrationId": it["id"]}
    await client.mutate("attachIntegrationToServer", pair)
    incident = await report(client, server)
    [delivery] = incident["deliveries"]["nodes"]

    async def fail(tx: Any) -> None:  # noqa: ANN401
        _, key_ = decode(delivery["id"])
        failed = DeliveryStatus.FAILED.value
        statement = "UPDATE delivery SET status = $2, due_at = NULL WHERE id = $1"
        await tx.execute(statement, key_, failed)

    await client.services.store.turn(fail)
    given = {"deliveryId": delivery["id"]}
    refused = await client.mutate("redeliver", given, "delivery { status }")
    assert faults(refused) == [("CONFIRMATION_REQUIRED", "input/confirm")]
    sure = {**given, "confirm": True}
    payload = await client.mutate("redeliver", sure, "delivery { status manual }")
    assert payload["errors"] == []
    assert payload["delivery"] == {"status": "PENDING", "manual": True}


async def test_the_metadata_tell_what_it_can_do(client: Client) -> None:
    text = """{ integrationTypes { key abilities { repeatable skipStale events }
      fields { name secret boundTo inputOnly outputOnly } } }"""
    types = (await client.ask(text))["integrationTypes"]
    it = next(each for each in types if each["key"] == "sshServerRestart")
    assert it["abilities"] == {
        "repeatable": False,
        "skipStale": True,
        "events": ["OPENED", "TEST"],
    }
    fields = {each["name"]: each for each in it["fields"]}
    assert fields["privateKey"]["boundTo"] == ["ip", "username", "port"]
    assert fields["hostKeyFingerprint"]["inputOnly"] is True
    assert fields["hostKey"]["outputOnly"] is True
