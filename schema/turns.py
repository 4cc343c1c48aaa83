"""Carries out a mutation: one turn of the store, once for each idempotency key."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from domain.ids import Id
from models.store import Tx
from schema.context import Info
from schema.errors import Notice
from schema.idempotency import call_of, once


@dataclass(frozen=True, slots=True)
class Done:
    """What a mutation did: the noun that it made or changed, and its warnings."""

    id: Id
    warnings: list[Notice] = field(default_factory=list)


Work = Callable[[Tx, int], Awaitable[Done]]
"""(transaction, now in ms); awaits nothing but its transaction, may be run again,
and refuses by RefusedError, which rolls everything back."""


async def carry_out(info: Info, given: object, work: Work) -> Done:
    """Run the work of a mutation in one turn and return what it did.

    `given` is the mutation's input; with an `idempotency_key` in it, a repeated call
    returns what the first one did. Afterwards the loaders have forgotten everything.
    """
    context = info.context
    services = context.services
    call = call_of(context.project_id, info.field_name, given)

    async def turn(tx: Tx) -> Done:
        now = services.clock()
        if call is None:
            return await work(tx, now)

        async def result() -> dict[str, Any]:
            return _stored(await work(tx, now))

        return _restored(await once(tx, services.keys, call, now, result))

    with services.spans.turn(info.field_name):
        done = await services.store.turn(turn)
    context.loaders.clear()
    return done


def _stored(done: Done) -> dict[str, Any]:
    return {"id": done.id.hex(), "warnings": [asdict(w) for w in done.warnings]}


def _restored(result: dict[str, Any]) -> Done:
    warnings = [Notice(**warning) for warning in result["warnings"]]
    return Done(Id(bytes.fromhex(result["id"])), warnings)
