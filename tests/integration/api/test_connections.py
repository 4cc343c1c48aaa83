"""Pages: forward and backward, while rows come and go, nothing twice, none skipped."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ids import decode, new_id
from models.store import Tx
from schema.context import Services
from tests.schema_client import Client, add_project, add_server

MOST_PAGES = 30
PAGES = """
query($first: Int, $after: String, $last: Int, $before: String, $orderBy: ServerOrder) {
  servers(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy)
  {
    totalCount totalCountExact
    edges { cursor node { id } }
    nodes { id name createdAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def _insert(tx: Tx, client: Client, rows: list[tuple[str, int]]) -> None:
    """Insert servers with given names and times, which the API would not allow."""
    columns = "(id, project_id, name, host, created_at, updated_at)"
    await tx.executemany(
        f"INSERT INTO server {columns} VALUES ($1, $2, $3, 'h', $4, $4)",  # noqa: S608
        [(new_id(), client.project_id, name, at) for name, at in rows],
    )


names = st.sampled_from(["a", "B", "b", "ä", "a b"])
few_rows = st.lists(st.tuples(names, st.integers(1, 3)), max_size=12)
orders = st.fixed_dictionaries(
    {
        "field": st.sampled_from(["NAME", "CREATED_AT"]),
        "direction": st.sampled_from(["ASC", "DESC"]),
    }
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=few_rows,
    during=few_rows,
    order=orders,
    size=st.integers(1, 5),
    backward=st.booleans(),
)
async def test_pages_never_skip_or_repeat(
    services: Services,
    *,
    before: list[tuple[str, int]],
    during: list[tuple[str, int]],
    order: dict[str, str],
    size: int,
    backward: bool,
) -> None:
    """Walk through a list while rows come in between."""
    client = Client(services, await add_project(services.store, new_id().hex()))
    await services.store.turn(_insert, client, before)
    stable = {node["id"] for node in await _walk(client, order, 100, backward, [])}
    walked = await _walk(client, order, size, backward, during)
    ids = [node["id"] for node in walked]
    assert len(set(ids)) == len(ids)
    assert stable <= set(ids)
    assert walked == _sorted(walked, order)


async def _walk(
    client: Client,
    order: dict[str, str],
    size: int,
    backward: bool,
    during: list[tuple[str, int]],
) -> list[dict[str, Any]]:
    """Return the nodes of all pages in the list's order."""
    found: list[dict[str, Any]] = []
    end: str | None = None
    count, bound = ("last", "before") if backward else ("first", "after")
    more, cursor = (
        ("hasPreviousPage", "startCursor") if backward else ("hasNextPage", "endCursor")
    )
    for _ in range(MOST_PAGES):
        arguments = {count: size, bound: end, "orderBy": order}
        page = (await client.ask(PAGES, **arguments))["servers"]
        assert [e["node"]["id"] for e in page["edges"]] == [
            n["id"] for n in page["nodes"]
        ]
        found = page["nodes"] + found if backward else found + page["nodes"]
        if not page["pageInfo"][more]:
            return found
        end = page["pageInfo"][cursor]
        await client.services.store.turn(_insert, client, during[:2])
        during = during[2:]
    pytest.fail("The walk does not come to an end.")


def _sorted(nodes: list[dict[str, Any]], order: dict[str, str]) -> list[dict[str, Any]]:
    key = "name" if order["field"] == "NAME" else "createdAt"
    return sorted(
        nodes,
        key=lambda node: (node[key].encode(), decode(node["id"])[1]),
        reverse=order["direction"] == "DESC",
    )


async def test_page_info_says_what_lies_beyond(client: Client) -> None:
    for n in range(3):
        await add_server(client, f"web-{n}")
    by_name = {"field": "NAME"}

    async def page(**arguments: object) -> tuple[str, bool, bool, dict[str, Any]]:
        found = (await client.ask(PAGES, orderBy=by_name, **arguments))["servers"]
        info = found["pageInfo"]
        shown = "".join(node["name"][-1] for node in found["nodes"])
        return shown, info["hasPreviousPage"], info["hasNextPage"], info

    shown, back, forth, info = await page(first=2)
    assert (shown, back, forth) == ("01", False, True)
    end, start = info["endCursor"], info["startCursor"]
    assert (await page(first=2, after=end))[:3] == ("2", True, False)
    assert (await page(first=1, after=start))[:3] == ("1", True, True)
    assert (await page(last=1, before=end))[:3] == ("0", False, True)
    assert (await page(last=1))[:3] == ("2", True, False)
    assert (await page(last=5))[:3] == ("012", False, False)
    assert (await page(before=end))[:3] == ("0", False, True)
    assert (await page(first=5, after=start, before=end))[:3] == ("", True, True)
    assert (await page(first=0))[:3] == ("", False, True)
    empty = (await page(first=0))[3]
    assert (empty["startCursor"], empty["endCursor"]) == (None, None)


async def test_wrong_arguments_are_refused(client: Client) -> None:
    answer = await client.ask(PAGES, first=101, last=-1)
    assert answer.codes == ["BAD_USER_INPUT"]
    problems = answer.errors[0].extensions["problems"]
    assert [p["path"] for p in problems] == [["first"], ["last"], ["last"]]
    answer = await client.ask(PAGES, after="not a cursor")
    assert answer.codes == ["CURSOR_INVALID"]


async def test_a_cursor_of_another_order_is_refused(client: Client) -> None:
    await add_server(client)
    by_name = {"field": "NAME"}
    page = (await client.ask(PAGES, orderBy=by_name))["servers"]
    cursor = page["pageInfo"]["endCursor"]
    answer = await client.ask(PAGES, after=cursor)
    assert answer.codes == ["CURSOR_INVALID"]
    down = {**by_name, "direction": "DESC"}
    answer = await client.ask(PAGES, after=cursor, orderBy=down)
    assert answer.codes == ["CURSOR_INVALID"]


async def test_the_count_costs_a_statement_only_where_it_is_selected(
    client: Client,
) -> None:
    await add_server(client)
    for select, reads in [
        ("nodes { id name }", 1),
        ("nodes { id } edges { cursor } pageInfo { endCursor }", 1),
        ("totalCount totalCountExact nodes { id }", 2),
    ]:
        client.reads.clear()
        await client.ask(f"{{ servers {{ {select} }} }}")
        assert len(client.reads) == reads, select


async def test_rows_are_counted_up_to_ten_thousand(client: Client) -> None:
    store = client.services.store
    for count, exact in [(10_000, True), (1, False)]:
        await store.turn(_insert, client, [("x", 1)] * count)
        answer = await client.ask("{ servers { totalCount totalCountExact } }")
        assert answer["servers"] == {"totalCount": 10_000, "totalCountExact": exact}
