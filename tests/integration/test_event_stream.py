"""GraphQL over Server-Sent Events, in the mode of distinct connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from domain.clock import system_clock
from server.graphql.connections import Patience
from tests.databases import copy_sqlite
from tests.example_schema import CANARY
from tests.server_sent_events import Event, events
from tests.transport import APP, Api, running

EVENTS = "text/event-stream"


@pytest.fixture(scope="module")
async def api(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    file = tmp_path_factory.mktemp("sse") / "tocsin.db"
    copy_sqlite(migrated_sqlite, file)
    async with running(f"sqlite://{file}") as made:
        yield made


@asynccontextmanager
async def opened(
    api: Api, query: str, token: str | None = None, **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    sent = {
        "Authorization": f"Bearer {token or api.token}",
        "Accept": EVENTS,
        **headers,
    }
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(
            f"{api.url}/graphql", json={"query": query}, headers=sent
        ) as answer,
    ):
        yield answer


async def told(api: Api, query: str) -> list[Event]:
    async with asyncio.timeout(10), opened(api, query) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == f"{EVENTS}; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        return [event async for event in events(answer)]


END: Event = (None, "complete", None)


async def test_a_subscription_is_told_event_by_event(api: Api) -> None:
    assert await told(api, "subscription { count(to: 2) }") == [
        (None, "next", {"data": {"count": 0}}),
        (None, "next", {"data": {"count": 1}}),
        END,
    ]


async def test_queries_and_mutations_run_there_too(api: Api) -> None:
    expected = [(None, "next", {"data": {"hello": "Hello you"}}), END]
    assert await told(api, "{ hello }") == expected
    settings = 'channel: {pager: {token: "t"}}'
    create = f'mutation {{ create(input: {{name: "n", {settings}}}) {{ name }} }}'
    data = {"data": {"create": {"name": "n"}}}
    assert await told(api, create) == [(None, "next", data), END]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { expired }", "CURSOR_EXPIRED"),
    ],
)
async def test_what_cannot_run_is_told_in_the_stream(
    api: Api, query: str, code: str
) -> None:
    [(_, name, body), end] = await told(api, query)
    assert name == "next"
    assert body["errors"][0]["extensions"]["code"] == code
    assert "data" not in body
    assert end == END


async def test_a_stream_that_breaks_tells_nothing_of_ours(api: Api) -> None:
    *_, (_, _, body), end = await told(api, "subscription { count(failAt: 1) }")
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert CANARY not in str(body)
    assert end == END


async def test_who_has_no_credential_gets_no_stream(api: Api) -> None:
    headers = {"Accept": EVENTS, "Content-Type": "application/json"}
    answer = await api.request(content=b'{"query": "{ hello }"}', headers=headers)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"


async def test_a_get_streams_queries_only(api: Api) -> None:
    answer = await api.get(EVENTS, query="{ hello }")
    assert answer.text.startswith('event: next\ndata: {"data":{"hello":"Hello you"}}')
    text = 'mutation { create(input: {name: "n", channel: {}}) { name } }'
    answer = await api.get(EVENTS, query=text)
    assert "errors" in answer.text
    headers = {"Accept": EVENTS}
    bare = await api.request("GET", params={"query": "{ hello }"}, headers=headers)
    assert bare.status_code == 403


async def test_a_page_of_a_named_origin_may_read_it(api: Api) -> None:
    async with opened(api, "{ hello }", Origin=APP) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == APP


async def test_json_is_preferred_where_both_are_wanted_alike(api: Api) -> None:
    both = f"application/json, {EVENTS}"
    answer = await api.post({"query": "{ hello }"}, accept=both)
    assert answer.headers["Content-Type"].startswith("application/json")


async def closed(api: Api, count: int = 0) -> None:
    async with asyncio.timeout(3):
        while api.watch.open != count:  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)


async def test_a_client_that_leaves_frees_everything_at_once(api: Api) -> None:
    async with opened(api, "subscription { forever }") as answer:
        assert (await anext(events(answer)))[2] == {"data": {"forever": 0}}
        assert api.watch.open == 1
    await closed(api)


async def test_a_revoked_token_ends_its_streams_with_the_reason(api: Api) -> None:
    token = await api.new_token()
    async with (
        asyncio.timeout(10),
        opened(api, "subscription { forever }", token) as answer,
    ):
        stream = events(answer)
        await anext(stream)
        await api.revoke(token)
        _, _, body = await anext(stream)
        assert body["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
        assert [event async for event in stream] == [END]
    await closed(api)


async def test_an_expired_token_ends_them_too(api: Api) -> None:
    token = await api.new_token(system_clock() + 300)
    async with (
        asyncio.timeout(10),
        opened(api, "subscription { forever }", token) as it,
    ):
        assert [name async for _, name, _ in events(it)] == ["next", "next", "complete"]


async def test_quiet_streams_show_signs_of_life(sqlite_url: str) -> None:
    async with (
        running(sqlite_url, ping_every_s=0.1) as api,
        asyncio.timeout(10),
        opened(api, "subscription { forever }") as answer,
    ):
        stream = events(answer)
        assert [(await anext(stream))[1] for _ in range(3)] == ["next", ":", ":"]


async def test_a_server_that_stops_ends_streams_without_saying_complete(
    sqlite_url: str,
) -> None:
    async with running(sqlite_url) as api:
        async with (
            asyncio.timeout(10),
            opened(api, "subscription { forever }") as answer,
        ):
            stream = events(answer)
            await anext(stream)
            assert api.runner is not None
            stopping = asyncio.create_task(api.runner.cleanup())
            assert [event async for event in stream] == []
            await stopping
        assert api.watch.open == 0


async def test_a_client_that_takes_nothing_is_let_go(sqlite_url: str) -> None:
    quick = Patience(init=1, send=0.3, close=0.3)
    async with (
        running(sqlite_url, patience=quick) as api,
        opened(api, "subscription { flood(size: 100000) }"),
    ):
        async with asyncio.timeout(10):
            while not api.watch.sent:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            await closed(api)
