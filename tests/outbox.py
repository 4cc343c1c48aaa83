"""Claiming and finishing by hand, in tests."""

from typing import Any

from delivery.claim import Ask, Claimed, claim
from delivery.equipment import Equipper
from delivery.finish import Group, finish
from delivery.jobs import Ended, Held, Tried
from delivery.load import load
from domain.deliveries import Outcome, OutcomeKind
from domain.ids import ZERO, Id
from models.crypto import KeyRing
from models.store import Row
from tests.world import World

SENT = Outcome(kind=OutcomeKind.SENT, status_code=200, excerpt="ok")
RETRY = Outcome(kind=OutcomeKind.RETRY, status_code=500, error="500")
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, error="reset")
KEYS = KeyRing.generate()


async def take(
    world: World,
    session: int,
    most: int = 50,
    after: Id = ZERO,
    **limits: Any,  # noqa: ANN401 - of Ask
) -> list[Claimed]:
    ask = Ask(worker=session, now=world.now, most=most, after=after, **limits)
    return await world.store.turn(claim, ask)


async def held(world: World, claimed: list[Claimed]) -> list[Held]:
    loaded = await load(world.store, Equipper(world.channels, KEYS), claimed)
    return [it.held for it in loaded]


def ended(held: Held, outcome: Outcome, now: int) -> Tried:
    sent = outcome.kind is OutcomeKind.SENT
    return Tried(
        held=held,
        outcome=outcome,
        began_at=now,
        ended_at=now,
        step=0,
        next_step=int(sent),
    )


async def write(world: World, results: list[Ended], session: int) -> int:
    group = Group(session=session, ended=results, now=world.now, chance=lambda: 1.0)
    return (await world.store.turn(finish, group)).counted


async def end(
    world: World, session: int, claimed: list[Claimed], outcome: Outcome
) -> int:
    """Finish claimed deliveries, all with the same outcome."""
    all_held = await held(world, claimed)
    return await write(
        world, [ended(it, outcome, world.now) for it in all_held], session
    )


async def lane(world: World, integration: Id) -> Row:
    row = await world.store.fetchrow(
        "SELECT * FROM lane WHERE integration_id = $1", integration
    )
    assert row is not None
    return row


async def attempts(world: World, delivery: Id) -> list[Row]:
    statement = "SELECT * FROM attempt WHERE delivery_id = $1 ORDER BY number"
    return await world.store.fetch(statement, delivery)
