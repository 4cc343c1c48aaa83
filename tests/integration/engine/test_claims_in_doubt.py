"""Claims whose commit was not heard of, and sessions that ended in an outage."""

from typing import Any

from delivery.claim import claim
from domain.faults import StorageUnavailableError
from models.store import Store
from tests.scene import Scene


class Unheard:
    """A store before a real one: the answers to some turns are lost after the commit,
    as when the connection breaks in that moment.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lost: dict[Any, int] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._store, name)

    async def turn(self, work: Any, *args: object) -> Any:  # noqa: ANN401
        result = await self._store.turn(work, *args)
        if result and self.lost.get(work):
            self.lost[work] -= 1
            raise StorageUnavailableError("connection lost in COMMIT")
        return result


async def test_what_was_claimed_unheard_is_given_back_and_sent(scene: Scene) -> None:
    """At once, by the same session, and as if it had not been claimed; what is really
    in hand stays there.
    """
    store = Unheard(scene.world.store)
    scene.worker = scene.a_worker(store)
    hanging, healthy = await scene.world.integration(), await scene.world.integration()
    gate = scene.far_ends.hang(hanging)
    await scene.worker.start()
    await scene.world.report()
    await scene.state(healthy, "DELIVERED")
    store.lost = {claim: 2}
    await scene.world.report()
    await scene.state(healthy, "DELIVERED", "DELIVERED")
    assert store.lost == {claim: 0}
    gate.set()
    await scene.until(scene.all_ended)
    assert len(scene.far_ends.seen) == 4
    assert [it["outcome"] for it in await scene.attempts()] == [0, 0, 0, 0]


async def test_a_session_that_ended_meanwhile_claims_nothing_more(
    scene: Scene,
) -> None:
    """It takes another before it goes on: what it claimed would be taken for lost."""
    if scene.world.store.dialect == "sqlite":
        return  # there a session ends with its process only
    store = Unheard(scene.world.store)
    scene.worker = scene.a_worker(store)
    integration = await scene.world.integration()
    await scene.worker.start()
    store.lost = {claim: 1}
    await scene.world.report()

    async def lost() -> bool:
        return not store.lost[claim]

    await scene.until(lost)
    await scene.world.execute("UPDATE worker SET lease_until = 1")
    await scene.state(integration, "DELIVERED")
    assert len(scene.far_ends.seen) == 1
