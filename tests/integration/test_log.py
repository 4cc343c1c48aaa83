"""What is appended to the event log can be read again, in order and without holes."""

from collections.abc import AsyncIterator

import pytest

from delivery.event_filter import EventFilter
from delivery.log import Entry, append
from domain.deliveries import DeliveryStatus
from domain.ids import Id, new_id
from models.store import Tx
from tests.event_log import PROJECT, Site, entry, number_of, running

ONE, TWO = new_id(), new_id()
FILTERS = [
    (EventFilter(), 81),
    (EventFilter(kinds=None), 82),
    (EventFilter(kinds=frozenset({"delivery", "incident"})), 82),
    (EventFilter(kinds=frozenset({"incident"})), 1),
    (EventFilter(integration_ids=frozenset({ONE})), 27),
    (EventFilter(integration_ids=frozenset({ONE, TWO})), 54),
    (EventFilter(integration_ids=frozenset({new_id()})), 0),
    (EventFilter(integration_ids=frozenset()), 0),
    (EventFilter(incident_ids=frozenset({TWO})), 27),
    (EventFilter(delivery_ids=frozenset({ONE})), 27),
    (EventFilter(statuses=frozenset({DeliveryStatus.FAILED})), 27),
    (
        EventFilter(
            integration_ids=frozenset({TWO}),
            incident_ids=frozenset({ONE}),
            statuses=frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED}),
        ),
        6,
    ),
]


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running(database_url) as site:
        yield site


async def test_entries_come_back_as_they_went(site: Site) -> None:
    given = [
        entry(1, integration_id=ONE, incident_id=TWO, at=1_700_000_000_123),
        entry(2, status="CANCELLED"),
        Entry(project_id=PROJECT, kind="incident", body={"text": "Ünï\u2028"}, at=0),
    ]
    await site.write(*given)
    await site.numbered(3)
    page = await site.page(wanted=EventFilter(kinds=None))
    assert [event.position for event in page.events] == [1, 2, 3]
    for event, it in zip(page.events, given, strict=True):
        assert (event.project_id, event.kind) == (it.project_id, it.kind)
        assert (event.delivery_id, event.integration_id, event.incident_id) == (
            it.delivery_id,
            it.integration_id,
            it.incident_id,
        )
        assert (event.body, event.at) == (it.body, it.at)
    assert [event.status for event in page.events] == [
        DeliveryStatus.DELIVERED,
        DeliveryStatus.CANCELLED,
        None,
    ]


async def test_many_entries_keep_their_order(site: Site) -> None:
    await site.write(*(entry(number) for number in range(2_500)))
    await site.write(*(entry(number) for number in range(2_500, 3_000)))
    await site.numbered(3_000)
    events = (await site.page()).events
    assert [number_of(event) for event in events] == list(range(3_000))
    assert [event.position for event in events] == list(range(1, 3_001))


async def test_nothing_to_log_is_no_work(site: Site) -> None:
    told: list[frozenset[str]] = []
    site.store.on_commit(told.append)
    await site.write()
    assert not frozenset().union(*told) & {"tail", "log"}


async def test_what_is_rolled_back_leaves_no_hole(site: Site) -> None:
    async def fail(tx: Tx) -> None:
        await append(tx, [entry(-1)])
        raise ValueError("the caller changed its mind")

    await site.write(entry(1))
    with pytest.raises(ValueError, match="changed its mind"):
        await site.store.turn(fail)
    await site.write(entry(2))
    await site.numbered(2)
    events = (await site.page()).events
    assert [(it.position, number_of(it)) for it in events] == [(1, 1), (2, 2)]


async def test_pages_say_how_far_they_go(site: Site) -> None:
    foreign = new_id()
    await site.write(*(entry(n, PROJECT if n % 2 else foreign) for n in range(10)))
    log = await site.numbered(10)
    full = await log.page(PROJECT, 0, EventFilter(), 3)
    assert [number_of(event) for event in full.events] == [1, 3, 5]
    assert full.end == full.events[-1].position == 6
    rest = await log.page(PROJECT, full.end, EventFilter(), 3)
    assert ([number_of(event) for event in rest.events], rest.end) == ([7, 9], 10)
    none = await log.page(PROJECT, rest.end, EventFilter(), 3)
    assert (none.events, none.end) == ([], 10)


async def test_spans_hold_the_projects_asked_for(site: Site) -> None:
    a, b, c = new_id(), new_id(), new_id()
    await site.write(*(entry(n, (a, b, c)[n % 3]) for n in range(9)))
    log = await site.numbered(9)
    span = await log.span({a, c}, 2, 4)
    assert [number_of(event) for event in span.events] == [2, 3, 5]
    assert span.end == 6
    assert (await log.span({a, c}, 6, 100)).end == 9


@pytest.mark.parametrize(("wanted", "count"), FILTERS)
async def test_a_filter_means_the_same_in_memory_and_in_sql(
    site: Site, wanted: EventFilter, count: int
) -> None:
    ids: list[Id | None] = [ONE, TWO, None]
    statuses = ["PENDING", "FAILED", "DELIVERED"]
    mixed = [
        entry(0, integration_id=i, incident_id=j, delivery_id=k, status=status)
        for i in ids
        for j in ids
        for k in ids
        for status in statuses
    ]
    other = Entry(
        project_id=PROJECT, kind="incident", integration_id=ONE, body={}, at=0
    )
    await site.write(*mixed, other)
    await site.numbered(len(mixed) + 1)
    everything = (await site.page(wanted=EventFilter(kinds=None))).events
    assert len(everything) == len(mixed) + 1
    found = (await site.page(wanted=wanted)).events
    assert len(found) == count
    assert found == [event for event in everything if wanted.matches(event)]
