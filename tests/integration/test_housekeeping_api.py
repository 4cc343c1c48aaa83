"""What the API says of history that has been removed: nothing, or why, and never a bug."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from delivery.housekeeping_history import History
from delivery.lease import open_session
from domain.ids import Id, encode, new_id
from domain.timing import DAY
from schema.build import SCHEMA
from tests.outbox import SENT, end, take
from tests.schema_client import (
    NOW,
    Client,
    add_project,
    add_server,
    add_webhook,
    report,
    running_services,
)
from tests.world import World

PAGE = """
query($after: String, $before: String, $first: Int, $last: Int) {
  deliveries(first: $first, after: $after, last: $last, before: $before) {
    nodes { id } edges { cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage }
  }
  incidents(first: $first) { nodes { id } totalCount }
}"""
SNAPSHOT = """
subscription($after: String) { deliveryEvents(after: $after) {
  cursor
  delivery {
    id status attemptCount integration { id name } incident { id status }
    MORE
  }
  attempt { number outcome statusCode durationMs error startedAt }
} }"""


@dataclass
class Site:
    """A project whose incidents are told to one webhook, and the means to let them end."""

    client: Client
    world: World
    server: str
    webhook: str

    async def ended(self, **more: object) -> str:
        """Report, resolve and deliver; return the incident's id."""
        incident = await report(self.client, self.server, **more)
        await self.client.mutate("resolveIncident", {"incidentId": incident["id"]})
        session = await self.world.store.turn(open_session)
        while claimed := await take(self.world, session):
            await end(self.world, session, claimed, SENT)
        return str(incident["id"])

    async def forget(self, before: int = NOW + DAY) -> None:
        """Remove all that has ended."""
        assert await History(self.world.store).remove(before, before)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running_services(database_url) as services:
        project = await add_project(services.store, new_id().hex())
        client = Client(services, project)
        server = await add_server(client)
        webhook = await add_webhook(client, server)
        world = World(
            services.store,
            project=project,
            now=NOW + 60_000,
            channels=services.channels,
        )
        yield Site(client, world, server, webhook)


async def test_look_ups_find_nothing(site: Site) -> None:
    incident = await site.ended()
    found = await site.client.ask(
        "query($id: ID!) { incident(id: $id) { events { nodes { id } }"
        " deliveries { nodes { id } } } }",
        id=incident,
    )
    events, deliveries = (
        found["incident"][it]["nodes"] for it in ("events", "deliveries")
    )
    ids = [incident, events[0]["id"], deliveries[0]["id"]]
    await site.forget()
    answer = await site.client.ask(
        "query($ids: [ID!]!, $i: ID!, $d: ID!) { nodes(ids: $ids) { id } node(id: $i)"
        " { id } incident(id: $i) { id } delivery(id: $d) { id } }",
        ids=ids,
        i=incident,
        d=deliveries[0]["id"],
    )
    assert answer["nodes"] == [None, None, None]
    assert [answer[it] for it in ("node", "incident", "delivery")] == [None] * 3


async def test_a_cursor_of_a_list_outlives_its_row(site: Site) -> None:
    """It names a place, not a row: the list goes on from there, both ways."""
    for _ in range(2):
        await site.ended()
    kept = await report(site.client, site.server)
    page = await site.client.ask(PAGE, first=2)
    cursor = page["deliveries"]["edges"][1]["cursor"]
    assert page["deliveries"]["totalCount"] == 5
    await site.forget()
    [delivery] = kept["deliveries"]["nodes"]
    after = await site.client.ask(PAGE, first=2, after=cursor)
    assert after["deliveries"]["nodes"] == []
    assert after["deliveries"]["totalCount"] == 1
    assert [it["id"] for it in after["incidents"]["nodes"]] == [kept["id"]]
    before = await site.client.ask(PAGE, last=2, before=cursor)
    assert [it["id"] for it in before["deliveries"]["nodes"]] == [delivery["id"]]


async def test_changes_of_what_was_removed_are_refused(site: Site) -> None:
    incident = await site.ended()
    [delivery, _] = await site.world.deliveries()
    await site.forget()
    for name, given, code in (
        ("resolveIncident", {"incidentId": incident}, "INCIDENT_NOT_FOUND"),
        ("acknowledgeIncident", {"incidentId": incident}, "INCIDENT_NOT_FOUND"),
        (
            "redeliver",
            {"deliveryId": encode("Delivery", Id(delivery["id"]))},
            "DELIVERY_NOT_FOUND",
        ),
    ):
        payload = await site.client.mutate(name, given)
        assert [error["code"] for error in payload["errors"]] == [code]


async def test_a_repeated_call_is_answered_although_what_it_made_was_removed(
    site: Site,
) -> None:
    """It is not carried out again, and it is no bug: the noun is null."""
    given = {
        "serverId": site.server,
        "incidentType": "timeout",
        "message": "no answer",
        "idempotencyKey": "once",
    }
    select = "incident { id } warnings { message }"
    first = await site.client.mutate("reportIncident", given, select)
    incident = first["incident"]["id"]
    await site.client.mutate("resolveIncident", {"incidentId": incident})
    session = await site.world.store.turn(open_session)
    await end(site.world, session, await take(site.world, session), SENT)
    await end(site.world, session, await take(site.world, session), SENT)
    await site.forget()
    again = await site.client.mutate("reportIncident", given, select)
    assert (again["incident"], again["errors"]) == (None, [])
    assert await site.world.store.fetchval("SELECT count(*) FROM incident") == 0


async def replay(site: Site, more: str, after: str) -> list[Any]:
    text = SNAPSHOT.replace("MORE", more)
    results: Any = await SCHEMA.subscribe(text, {"after": after}, site.client.context())
    answers = [await anext(results) for _ in range(3)]
    await results.aclose()
    return answers


async def test_what_was_logged_is_replayed_without_its_rows(site: Site) -> None:
    """The snapshots are the same as before."""
    start = await site.client.services.feed.cursor(site.client.project_id)
    await site.ended()
    await site.client.mutate("deleteIntegration", {"integrationId": site.webhook})
    before = await replay(site, "", start)
    await site.forget()
    assert await site.world.store.fetchval("SELECT count(*) FROM integration") == 0
    after = await replay(site, "", start)
    assert [it.errors for it in before + after] == [None] * 6
    assert [it.data for it in after] == [it.data for it in before]


async def test_what_was_not_logged_says_why_it_is_missing(site: Site) -> None:
    """A typed error; null where that may be, else in the place of the event. The stream
    goes on with the next.
    """
    start = await site.client.services.feed.cursor(site.client.project_id)
    await site.ended()
    await site.forget()
    never_null = ("createdAt", "attempts { number }")
    for more in (*never_null, "error", "incident { message }"):
        for answer in await replay(site, more, start):
            codes = [error.extensions["code"] for error in answer.errors]
            assert codes == ["HISTORY_REMOVED"], more
            assert (answer.data is None) is (more in never_null)
