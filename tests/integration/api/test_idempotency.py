"""Idempotency keys: one call, one row, whoever repeats it."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest

from domain.faults import Code, RefusedError
from domain.scopes import Scope
from domain.timing import DAY
from models.crypto import KeyRing
from models.store import Tx
from schema.idempotency import Call, call_of, once
from tests.schema_client import NOW, Client, Clock, add_server, faults


@dataclass
class Given:
    """An input that several mutations might take."""

    idempotency_key: str = "key-1"


GIVEN = {"name": "web-1", "host": "web-1.example.com", "idempotencyKey": "key-1"}
SELECT = "server { id name } warnings { message }"


async def count(client: Client) -> int:
    """Count the servers of the project."""
    page = (await client.ask("{ servers { totalCount } }"))["servers"]
    found: int = page["totalCount"]
    return found


async def test_a_repeated_call_gives_the_same_result(client: Client) -> None:
    first = await client.mutate("createServer", GIVEN, SELECT)
    again = await client.mutate("createServer", dict(reversed(GIVEN.items())), SELECT)
    assert first == again
    assert await count(client) == 1


async def test_it_shows_the_noun_as_it_is_now(client: Client) -> None:
    first = (await client.mutate("createServer", GIVEN, SELECT))["server"]
    change = {"serverId": first["id"], "name": "renamed"}
    await client.mutate("updateServer", change)
    again = await client.mutate("createServer", GIVEN, SELECT)
    assert again["server"] == {"id": first["id"], "name": "renamed"}


async def test_concurrent_calls_make_one_row(client: Client) -> None:
    calls = [client.mutate("createServer", GIVEN, SELECT) for _ in range(50)]
    payloads = await asyncio.gather(*calls)
    assert len({payload["server"]["id"] for payload in payloads}) == 1
    assert all(payload["errors"] == [] for payload in payloads)
    assert await count(client) == 1


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("createServer", {**GIVEN, "name": "other"}),
        ("createServer", {**GIVEN, "url": "https://example.com"}),
        (
            "reportIncident",
            {"incidentType": "a", "message": "b", "idempotencyKey": "key-1"},
        ),
    ],
)
async def test_another_call_with_the_key_is_refused(
    client: Client, name: str, given: dict[str, Any]
) -> None:
    await client.mutate("createServer", GIVEN)
    if name == "reportIncident":
        given = {**given, "serverId": await add_server(client)}
    before = await count(client)
    payload = await client.mutate(name, given)
    assert faults(payload) == [("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]
    assert await count(client) == before


async def test_a_key_belongs_to_one_operation(client: Client) -> None:
    """Also where another takes the same input."""
    keys, made = client.services.keys, []
    first = call_of(client.project_id, "createServer", Given())
    other = call_of(client.project_id, "createOther", Given())
    assert first
    assert other

    async def turn(tx: Tx, call: Call) -> object:
        async def work() -> str:
            made.append(call.operation)
            return "done"

        return await once(tx, keys, call, NOW, work)

    for _ in range(2):
        assert await client.services.store.turn(turn, first) == "done"
    with pytest.raises(RefusedError) as refused:
        await client.services.store.turn(turn, other)
    assert refused.value.refusals[0].code is Code.IDEMPOTENCY_KEY_REUSED
    assert made == ["createServer"]


async def test_concurrent_calls_with_other_inputs_are_refused(client: Client) -> None:
    calls = [
        client.mutate("createServer", {**GIVEN, "name": f"web-{n}"}, SELECT)
        for n in range(10)
    ]
    payloads = await asyncio.gather(*calls)
    made = [payload for payload in payloads if payload["server"]]
    assert len(made) == 1
    refused = [faults(payload) for payload in payloads if not payload["server"]]
    assert refused == [[("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]] * 9


async def test_a_refused_call_leaves_the_key_free(client: Client) -> None:
    server = await add_server(client)
    await client.mutate("deleteServer", {"serverId": server})
    report = {"serverId": server, "incidentType": "a", "message": "b"}
    for _ in range(2):
        payload = await client.mutate(
            "reportIncident", {**report, "idempotencyKey": "key-1"}
        )
        assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]
    assert (await client.mutate("createServer", GIVEN))["errors"] == []


async def test_a_call_that_breaks_a_rule_leaves_the_key_free(client: Client) -> None:
    """The corrected call goes through under the same key, and is then kept."""
    settings = {"webhook": {"webhookUrl": "ftp://example.com/hook"}}
    given = {"settings": settings, "idempotencyKey": "key-1"}
    for _ in range(2):
        payload = await client.mutate("createIntegration", given)
        path = "input/settings/webhook/webhookUrl"
        assert faults(payload) == [("VALIDATION_ERROR", path)]
    wrong = await client.ask(
        'mutation { createServer(input: {name: 1, idempotencyKey: "key-1"}) '
        "{ server { id } } }"
    )
    assert wrong.codes == ["BAD_USER_INPUT"]
    settings["webhook"]["webhookUrl"] = "http://127.0.0.1:9/hook"
    first = await client.mutate("createIntegration", given, "integration { id }")
    assert first["errors"] == []
    again = await client.mutate("createIntegration", given, "integration { id }")
    assert again == first


async def test_a_key_is_kept_for_24_hours_and_not_longer(client: Client) -> None:
    """To the millisecond, whether its row has been cleaned away by then or not."""
    clock = cast("Clock", client.services.clock)
    first = await client.mutate("createServer", GIVEN, SELECT)
    made_at = clock.now
    clock.now = made_at + DAY - 1
    assert await client.mutate("createServer", GIVEN, SELECT) == first
    clock.now = made_at + DAY
    calls = [client.mutate("createServer", GIVEN, SELECT) for _ in range(10)]
    later = await asyncio.gather(*calls)
    assert later[0]["server"]["id"] != first["server"]["id"]
    assert later == [later[0]] * 10
    assert await count(client) == 2


async def test_after_24_hours_the_key_serves_another_call(client: Client) -> None:
    clock = cast("Clock", client.services.clock)
    await client.mutate("createServer", GIVEN, SELECT)
    clock.now += DAY
    other = {**GIVEN, "name": "other"}
    assert (await client.mutate("createServer", other, SELECT))["errors"] == []
    payload = await client.mutate("createServer", GIVEN, SELECT)
    assert faults(payload) == [("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]


async def test_projects_do_not_share_keys(client: Client, stranger: Client) -> None:
    mine = await client.mutate("createServer", GIVEN, SELECT)
    theirs = await stranger.mutate("createServer", GIVEN, SELECT)
    assert mine["server"]["id"] != theirs["server"]["id"]


async def test_tokens_of_a_project_share_keys(client: Client) -> None:
    mine = await client.mutate("createServer", GIVEN, SELECT)
    other = client.with_scopes(Scope.WRITE)
    assert await other.mutate("createServer", GIVEN, SELECT) == mine


async def test_the_stored_digest_tells_nothing(client: Client) -> None:
    """A plain hash of an input could be guessed where it holds a short secret."""
    await client.mutate("createServer", GIVEN)
    await client.mutate("createServer", {**GIVEN, "idempotencyKey": "key-2"})
    rows = await client.services.store.fetch(
        "SELECT input_hash FROM idempotency WHERE project_id = $1", client.project_id
    )
    first, second = (bytes(row["input_hash"]) for row in rows)
    assert first != second


async def test_a_key_under_a_lost_secret_key_counts_as_another_call(
    client: Client,
) -> None:
    await client.mutate("createServer", GIVEN)
    later = Client(
        type(client.services)(
            store=client.services.store,
            feed=client.services.feed,
            channels=client.services.channels,
            keys=KeyRing.generate(),
            guard=client.services.guard,
            clock=client.services.clock,
        ),
        client.project_id,
    )
    payload = await later.mutate("createServer", GIVEN)
    assert faults(payload) == [("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]
