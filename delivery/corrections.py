"""Integrations that changed while they were tried, or that a try changes.

What an answer says of an integration counts for it as it was then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from delivery.id_lists import within
from delivery.jobs import Ended, Tried
from domain.ids import Id
from models.store import Tx


async def heeded(tx: Tx, ended: Sequence[Ended]) -> list[Ended]:
    """Return the results, with what a 410 may do taken from those that began before
    their integration was changed: the address may have been corrected since.
    """
    said = [it for it in ended if isinstance(it, Tried) and it.outcome.at_once]
    found = {it.held.claimed.integration_id for it in said}
    condition, listed = within(tx.dialect, sorted(it for it in found if it))
    rows = await tx.fetch(_CHANGED + condition, *listed) if listed else []
    changed = {row["id"]: row["updated_at"] for row in rows}
    return [_heed(it, changed) for it in ended]


_CHANGED: Final = "SELECT id, updated_at FROM integration WHERE id "


def _heed(it: Ended, changed: Mapping[Id | None, int]) -> Ended:
    if not isinstance(it, Tried) or not it.outcome.at_once:
        return it
    of = it.held.claimed
    if of.started_at >= changed.get(of.integration_id, 0):
        return it
    return replace(it, outcome=replace(it.outcome, at_once=False))


async def learn(tx: Tx, ended: Sequence[Ended], now: int) -> None:
    """Keep what far ends told of themselves, unless the settings were changed since."""
    for it in ended:
        if isinstance(it, Tried) and it.learned:
            of, learned = it.held.claimed.integration_id, it.learned
            await tx.execute(_LEARN, of, learned.before, learned.after, now)


# Never twice the same time, or the change would pass `ifUpdatedAt` unseen.
_LEARN: Final = """
UPDATE integration SET settings = $3,
 updated_at = CASE WHEN updated_at < $4 THEN $4 ELSE updated_at + 1 END
WHERE id = $1 AND settings = $2 AND deleted_at IS NULL"""
