"""Claiming of certain lanes only, as is done while others fill the hand."""

from delivery.claim import Ask, Claimed, claim
from domain.ids import Id
from tests.outbox import lane
from tests.world import World


async def take_of(world: World, session: int, lanes: list[Id]) -> list[Claimed]:
    ask = Ask(worker=session, now=world.now, most=50, per_project=1, lanes=lanes)
    return await world.store.turn(claim, ask)


async def test_only_lanes_that_are_named_are_claimed(
    world: World, session: int
) -> None:
    """However many others are due before them."""
    others = [await world.integration() for _ in range(5)]
    await world.report()
    world.now += 1
    wanted = await world.integration()
    await world.report()
    chosen = (await lane(world, wanted))["id"]
    claimed = await take_of(world, session, [chosen])
    assert [it.integration_id for it in claimed] == [wanted]
    assert await take_of(world, session, [chosen]) == []
    for it in others:
        assert (await lane(world, it))["next_due_at"] is not None


async def test_of_no_lanes_nothing_is_claimed(world: World, session: int) -> None:
    await world.integration()
    await world.report()
    assert await take_of(world, session, []) == []


async def test_what_was_left_is_claimed_afterwards(world: World, session: int) -> None:
    first, second = await world.integration(), await world.integration()
    await world.report()
    await take_of(world, session, [(await lane(world, first))["id"]])
    ask = Ask(worker=session, now=world.now, most=50)
    claimed = await world.store.turn(claim, ask)
    assert [it.integration_id for it in claimed] == [second]
