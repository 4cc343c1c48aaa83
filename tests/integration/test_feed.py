"""Following the log: from a cursor, then live, and how it is refused and ended."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from delivery.cursor import Cursor, CursorExpiredError, CursorInvalidError, encode
from delivery.cursor import decode as decode_cursor
from delivery.event_filter import EventFilter
from delivery.housekeeping import purge_events
from delivery.log import Entry
from domain.deliveries import DeliveryStatus
from domain.ids import new_id
from models.store import Tx
from tests.event_log import (
    PROJECT,
    SOON_S,
    Site,
    entry,
    nothing_more,
    number_of,
    numbers,
    running,
    take,
)

ONE, TWO = new_id(), new_id()


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with running(database_url) as site:
        yield site


async def test_without_a_cursor_it_begins_now(site: Site) -> None:
    await site.write(entry(1), entry(2))
    await site.numbered(2)
    following = await site.feed.follow(PROJECT, None).open()
    await site.write(entry(3))
    await site.write(entry(4), entry(5))
    assert await numbers(following, 3) == [3, 4, 5]
    assert await nothing_more(following)


async def test_everything_after_opening_is_seen_even_if_taken_later(site: Site) -> None:
    """Nobody followed before, so nobody had read the log up to here."""
    for number in range(10):
        following = await site.feed.follow(PROJECT, None).open()
        await site.write(entry(number))
        assert await numbers(following, 1) == [number]
        await following.aclose()


async def test_from_a_cursor_the_log_comes_first_then_live(site: Site) -> None:
    start = await site.feed.cursor(PROJECT)
    await site.write(*(entry(number) for number in range(1_200)))
    await site.numbered(1_200)
    following = site.feed.follow(PROJECT, start)
    assert await numbers(following, 600) == list(range(600))
    await site.write(entry(1_200))
    assert await numbers(following, 601) == list(range(600, 1_201))
    await site.write(entry(1_201))
    assert await numbers(following, 1) == [1_201]
    assert await nothing_more(following)


async def test_every_event_carries_the_cursor_after_it(site: Site) -> None:
    start = await site.feed.cursor(PROJECT)
    await site.write(*(entry(number) for number in range(5)))
    events = await take(site.feed.follow(PROJECT, start), 5)
    for event in events[:-1]:
        (follower,) = await take(site.feed.follow(PROJECT, event.cursor), 1)
        assert number_of(follower) == number_of(event) + 1
    live = await site.feed.follow(PROJECT, events[-1].cursor).open()
    await site.write(entry(5))
    (last,) = await take(live, 1)
    assert (number_of(last), last.cursor) == (5, live.cursor)


async def test_replay_and_live_are_equal(site: Site) -> None:
    following = await site.feed.follow(PROJECT, None).open()
    start = following.cursor
    await site.write(entry(1, integration_id=ONE, at=1_700_000_000_123), entry(2))
    live = await take(following, 2)
    assert await take(site.feed.follow(PROJECT, start), 2) == live


async def test_projects_do_not_hear_of_each_other(site: Site) -> None:
    other = new_id()
    mine = await site.feed.follow(PROJECT, None).open()
    theirs = await site.feed.follow(other, None).open()
    await site.write(entry(1), entry(2, other), entry(3), entry(4, other))
    assert await numbers(mine, 2) == [1, 3]
    assert await numbers(theirs, 2) == [2, 4]
    replayed = site.feed.follow(other, await start_of(site, other))
    assert await numbers(replayed, 2) == [2, 4]


async def start_of(site: Site, project_id: bytes = PROJECT) -> str:
    """Return the cursor before everything."""
    epoch = decode_cursor(await site.feed.cursor(PROJECT)).epoch
    return encode(Cursor(type(PROJECT)(project_id), epoch, 0))


async def test_a_follower_that_joins_others_misses_nothing(site: Site) -> None:
    """Another project's followers had the tail read without this project's rows."""
    busy = new_id()
    first = await site.feed.follow(busy, None).open()
    for number in range(0, 60, 2):
        start = await site.feed.cursor(PROJECT)
        await site.write(entry(number), entry(number, busy))
        joined = site.feed.follow(PROJECT, start)
        writing = asyncio.ensure_future(site.write(entry(number + 1)))
        assert await numbers(joined, 2) == [number, number + 1]
        await writing
        assert await numbers(first, 1) == [number]
        await joined.aclose()


FILTERS = [
    EventFilter(integration_ids=frozenset({TWO})),
    EventFilter(statuses=frozenset({DeliveryStatus.FAILED})),
    EventFilter(incident_ids=frozenset({ONE})),
]


@pytest.mark.parametrize("wanted", FILTERS)
async def test_a_filter_holds_in_replay_and_live(
    site: Site, wanted: EventFilter
) -> None:
    start = await site.feed.cursor(PROJECT)
    following = await site.feed.follow(PROJECT, start, wanted).open()
    await site.write(*unwanted(1), wanted_entry(2), *unwanted(3), wanted_entry(4))
    assert await numbers(following, 2) == [2, 4]
    assert await numbers(site.feed.follow(PROJECT, start, wanted), 2) == [2, 4]
    await site.write(wanted_entry(5), *unwanted(6))
    assert await numbers(following, 1) == [5]
    assert await nothing_more(following)


def unwanted(number: int) -> list[Entry]:
    return [entry(number, integration_id=ONE, incident_id=TWO, status="PENDING")]


def wanted_entry(number: int) -> Entry:
    return entry(number, integration_id=TWO, incident_id=ONE, status="FAILED")


async def test_the_cursor_moves_on_past_what_is_not_wanted(site: Site) -> None:
    """A filtered subscriber that resumes need not read again what it skipped."""
    wanted = EventFilter(integration_ids=frozenset({TWO}))
    plain = await site.feed.follow(PROJECT, None).open()
    filtered = await site.feed.follow(PROJECT, None, wanted).open()
    step = asyncio.ensure_future(anext(filtered))
    await site.write(*unwanted(1), *unwanted(2))
    last = (await take(plain, 2))[-1]
    assert filtered.cursor == last.cursor
    await site.write(wanted_entry(3))
    event = await asyncio.wait_for(step, SOON_S)
    assert filtered.cursor == event.cursor


async def test_the_cursor_never_runs_ahead_of_what_was_taken(site: Site) -> None:
    start = await site.feed.cursor(PROJECT)
    await site.write(*(entry(number) for number in range(4)))
    await site.numbered(4)
    following = await site.feed.follow(PROJECT, start).open()
    other = await site.feed.follow(PROJECT, None).open()
    await site.write(*(entry(number) for number in range(4, 8)))
    await take(other, 4)  # so the live ones have arrived here too
    assert following.cursor == start
    for number in range(8):
        (event,) = await take(following, 1)
        assert number_of(event) == number
        resumed = site.feed.follow(PROJECT, following.cursor)
        if number < 7:
            assert await numbers(resumed, 1) == [number + 1]


async def test_a_cursor_taken_before_a_list_misses_no_later_change(site: Site) -> None:
    await site.write(entry(1))
    cursor = await site.feed.cursor(PROJECT)
    await site.write(entry(2))
    following = site.feed.follow(PROJECT, cursor)
    seen = await numbers(following, 1)
    while seen[-1] != 2:
        seen += await numbers(following, 1)
    assert seen in ([2], [1, 2])


@pytest.mark.parametrize("text", ["", "x", "A" * 48, "né", "\x00" * 48])
async def test_what_is_no_cursor_is_invalid(site: Site, text: str) -> None:
    with pytest.raises(CursorInvalidError):
        await site.feed.follow(PROJECT, text).open()


async def test_a_cursor_of_another_project_is_invalid(site: Site) -> None:
    cursor = await site.feed.cursor(new_id())
    with pytest.raises(CursorInvalidError):
        await anext(site.feed.follow(PROJECT, cursor))


@pytest.mark.parametrize("position", [0, 1, 2, 10**12])
async def test_a_cursor_of_another_epoch_has_expired(site: Site, position: int) -> None:
    """After a restore the same number would mean another event."""
    await site.write(entry(1), entry(2))
    await site.numbered(2)
    cursor = encode(Cursor(PROJECT, b"restored", position))
    with pytest.raises(CursorExpiredError) as refusal:
        await site.feed.follow(PROJECT, cursor).open()
    assert await numbers(site.feed.follow(PROJECT, refusal.value.oldest), 2) == [1, 2]


async def test_a_cursor_from_beyond_the_log_has_expired(site: Site) -> None:
    """It was given by a database that has been replaced by an older copy."""
    await site.write(entry(1))
    await site.numbered(1)
    now = decode_cursor(await site.feed.cursor(PROJECT))
    ahead = encode(Cursor(PROJECT, now.epoch, now.position + 1))
    with pytest.raises(CursorExpiredError) as refusal:
        await site.feed.follow(PROJECT, ahead).open()
    assert await numbers(site.feed.follow(PROJECT, refusal.value.oldest), 1) == [1]


async def test_a_cursor_of_purged_events_has_expired(site: Site) -> None:
    start = await site.feed.cursor(PROJECT)
    await site.write(*(entry(number, at=number) for number in range(1, 7)))
    events = await take(site.feed.follow(PROJECT, start), 6)
    assert await purge(site, before=4) == 3
    for old in (start, events[0].cursor, events[1].cursor):
        with pytest.raises(CursorExpiredError) as refusal:
            await site.feed.follow(PROJECT, old).open()
        assert refusal.value.oldest == events[2].cursor
    for event in events[2:5]:
        following = site.feed.follow(PROJECT, event.cursor)
        assert await numbers(following, 1) == [number_of(event) + 1]


async def purge(site: Site, before: int, limit: int = 1_000) -> int:
    async def work(tx: Tx) -> int:
        return await purge_events(tx, before, limit)

    return await site.store.turn(work)


async def test_a_log_purged_empty_still_knows_where_it_is(site: Site) -> None:
    await site.write(entry(1, at=1), entry(2, at=2))
    await site.numbered(2)
    cursor = await site.feed.cursor(PROJECT)
    assert await purge(site, before=3) == 2
    assert await site.feed.cursor(PROJECT) == cursor
    following = await site.feed.follow(PROJECT, cursor).open()
    await site.write(entry(3, at=3))
    (event,) = await take(following, 1)
    assert (number_of(event), event.position) == (3, 3), "no position comes twice"


async def test_a_closed_follower_ends(site: Site) -> None:
    following = await site.feed.follow(PROJECT, None).open()
    step = asyncio.ensure_future(anext(following, None))
    await asyncio.sleep(0)
    await following.aclose()
    assert await asyncio.wait_for(step, SOON_S) is None
    assert [event async for event in following] == []


async def test_followers_end_when_the_feed_stops(database_url: str) -> None:
    async with running(database_url) as site:
        following = await site.feed.follow(PROJECT, None).open()
        step = asyncio.ensure_future(anext(following, None))
        await asyncio.sleep(0)
    assert await asyncio.wait_for(step, SOON_S) is None
