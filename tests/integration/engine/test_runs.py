"""What must not be repeated runs at most once, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from delivery import runs
from delivery.bus.in_process import InProcessBus
from delivery.commands import Commands
from delivery.corrections import learn
from delivery.equipment import Equipper
from delivery.guard import Guard
from delivery.jobs import Job, Learned
from delivery.lease import close_session
from delivery.load import load
from delivery.recover import recover
from delivery.restored import settle
from delivery.worker import Worker
from domain.deliveries import DeliveryStatus, Outcome, OutcomeKind
from domain.ids import Id
from domain.incidents import EventKind
from domain.steps import Answer, CommandNotRun
from domain.timing import MINUTE
from models.store import Row
from notifiers.ssh_server_restart import COOL_DOWN, MAX_AGE, RESTART, RESTART_ASKED
from sandbox.ssh_server import Behaviour, SshServer
from tests.outbox import KEYS, attempts, ended, take, write
from tests.restarts import CHANNELS, PASSWORD, restarting, settings
from tests.world import World

GONE = Outcome(kind=OutcomeKind.GONE, error="sudo refused", final=True)


@pytest.fixture
def restarts(world: World) -> World:
    """Give the world with the channel of this page."""
    return replace(world, channels=CHANNELS)


@pytest.fixture
def double() -> SshServer:
    """Give a server that is not even started."""
    return SshServer(password=PASSWORD)


async def jobs(world: World, session: int) -> list[Job]:
    """Claim what is due, and load it."""
    claimed = await take(world, session)
    loaded = await load(world.store, Equipper(world.channels, KEYS), claimed)
    return [it for it in loaded if isinstance(it, Job)]


async def one_job(world: World, session: int) -> Job:
    [job] = await jobs(world, session)
    return job


async def begin(world: World, job: Job) -> CommandNotRun | None:
    return await runs.begin(world.store, world.clock, job)


async def marks(world: World) -> int:
    statement = "SELECT count(*) FROM attempt WHERE marked_at IS NOT NULL"
    return int(await world.store.fetchval(statement))


async def finish_all(world: World, session: int, *all_jobs: Job) -> None:
    """Write an end of each down, so that nothing is left open."""
    done = Outcome(kind=OutcomeKind.REJECTED, error="over")
    await write(world, [ended(it.held, done, world.now) for it in all_jobs], session)


async def test_a_run_is_marked_while_it_is_ours_and_time_for_it(
    restarts: World, session: int, double: SshServer
) -> None:
    await restarting(restarts, KEYS, double)
    await restarts.report()
    job = await one_job(restarts, session)
    assert await begin(restarts, job) is None
    [row] = await attempts(restarts, job.held.claimed.id)
    assert row["marked_at"] == restarts.now
    # Marking the same try again is harmless, as long as nothing was sent.
    assert await begin(restarts, job) is None
    await finish_all(restarts, session, job)
    refused = await begin(restarts, job)
    assert refused is not None
    assert refused.cancels is None
    assert await marks(restarts) == 1


async def refusal(world: World, job: Job) -> tuple[str | None, str]:
    """Return why a run may not begin: the reason of cancelling, and the sentence."""
    refused = await begin(world, job)
    assert refused is not None
    assert await marks(world) == 0
    return refused.cancels and refused.cancels.value, refused.message


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("resolved", "INCIDENT_CLOSED"),
        ("old", "STALE"),
        ("disabled", "INTEGRATION_DISABLED"),
        ("deleted", "INTEGRATION_DELETED"),
        ("moved", None),
    ],
)
async def test_what_happened_during_the_login_is_looked_at(
    restarts: World, session: int, double: SshServer, what: str, reason: str | None
) -> None:
    integration = await restarting(restarts, KEYS, double)
    incident = await restarts.report()
    job = await one_job(restarts, session)
    elsewhere = {**settings(double), "ip": "192.0.2.1"}
    changes: dict[str, dict[str, Any]] = {
        "disabled": {"active": False},
        "deleted": {"deleted_at": restarts.now},
        "moved": {"settings": orjson.dumps(elsewhere).decode()},
    }
    if what == "resolved":
        await restarts.resolve(incident)
    elif what == "old":
        restarts.now += MAX_AGE + 1
    else:
        await restarts.set(integration, **changes[what])
    assert (await refusal(restarts, job))[0] == reason
    await finish_all(restarts, session, job)


async def test_there_is_one_run_of_an_integration_in_its_cool_down(
    restarts: World, session: int, double: SshServer
) -> None:
    """Whatever it came to, but for what was refused: then nothing was run."""
    await restarting(restarts, KEYS, double)
    await restarts.report()
    first = await one_job(restarts, session)
    assert await begin(restarts, first) is None
    await finish_all(restarts, session, first)
    restarts.now += COOL_DOWN - MINUTE
    await restarts.report()
    second = await one_job(restarts, session)
    refused = await begin(restarts, second)
    assert refused is not None
    assert refused.cancels is not None
    assert refused.cancels.value == "NOT_APPLICABLE"
    assert "2025-06-15" in refused.message
    assert "at most one in 10 min" in refused.message
    await finish_all(restarts, session, second)
    restarts.now += MINUTE + 1
    await restarts.report()
    third = await one_job(restarts, session)
    assert await begin(restarts, third) is None
    await write(restarts, [ended(third.held, GONE, restarts.now)], session)
    await restarts.report()
    fourth = await one_job(restarts, session)
    assert await begin(restarts, fourth) is None
    await finish_all(restarts, session, fourth)


async def test_of_two_runs_at_once_one_is_marked(
    restarts: World, session: int, double: SshServer
) -> None:
    await restarting(restarts, KEYS, double)
    await restarts.execute("UPDATE lane SET slots = 2")
    await restarts.report()
    await restarts.report()
    both = await jobs(restarts, session)
    assert len(both) == 2
    begun = await asyncio.gather(*(begin(restarts, it) for it in both))
    assert [it is None for it in begun].count(True) == 1
    assert await marks(restarts) == 1
    await finish_all(restarts, session, *both)


@pytest.mark.parametrize("marked", [False, True])
async def test_what_a_dead_worker_left_is_run_again_only_without_a_mark(
    restarts: World, session: int, double: SshServer, marked: bool
) -> None:
    integration = await restarting(restarts, KEYS, double)
    await restarts.report()
    job = await one_job(restarts, session)
    if marked:
        assert await begin(restarts, job) is None
    await restarts.store.turn(close_session, session)
    assert await recover(restarts.store, CHANNELS, restarts.now) == 1
    state = "FAILED" if marked else "RETRYING"
    assert await restarts.states(integration) == [("OPENED", state)]
    [attempt] = await attempts(restarts, job.held.claimed.id)
    outcome = OutcomeKind.UNKNOWN if marked else OutcomeKind.RETRY
    assert attempt["outcome"] == outcome
    if not marked:
        late = await begin(restarts, job)
        assert late is not None, "the dead may run nothing when it wakes up"


@pytest.mark.parametrize("marked", [False, True])
async def test_what_was_in_flight_in_a_backup_is_not_run_again(
    restarts: World, session: int, double: SshServer, marked: bool
) -> None:
    """It may have come to its mark after the backup was taken."""
    integration = await restarting(restarts, KEYS, double)
    await restarts.report()
    job = await one_job(restarts, session)
    if marked:
        assert await begin(restarts, job) is None
    await settle(restarts.store, CHANNELS, restarts.now, cancel_waiting=False)
    assert await restarts.states(integration) == [("OPENED", "FAILED")]


async def test_an_unseen_key_is_kept_unless_the_settings_were_changed(
    restarts: World, session: int, double: SshServer
) -> None:
    integration = await restarting(restarts, KEYS, double, confirm=False)
    await restarts.report()
    job = await one_job(restarts, session)
    before, after = job.equipment.stored, '{"host_key": "seen"}'
    tried = ended(job.held, GONE, restarts.now)
    stale = replace(tried, learned=Learned("{}", after))
    await restarts.store.turn(learn, [stale], restarts.now)
    read = "SELECT settings, updated_at FROM integration WHERE id = $1"
    row = await restarts.store.fetchrow(read, integration)
    assert row is not None
    assert row["settings"] == before
    fresh = replace(tried, learned=Learned(before, after))
    await restarts.store.turn(learn, [fresh], restarts.now)
    changed = await restarts.store.fetchrow(read, integration)
    assert changed is not None
    assert changed["settings"] == after
    assert changed["updated_at"] > row["updated_at"]
    await finish_all(restarts, session, job)


class Night:
    """A world, a worker that runs commands, and the servers that they are run on."""

    def __init__(self, world: World) -> None:
        bus = InProcessBus()
        world.store.on_commit(lambda topics: bus.kick(*topics))
        self.world = world
        self.stages: list[str] = []
        self.worker = Worker(
            world.store,
            bus,
            self._no_requests,
            channels=CHANNELS,
            keys=KEYS,
            clock=world.clock,
            observe=lambda _stage: None,
            chance=lambda: 1.0,
            run=Commands(Guard(dev=True), observe=self.stages.append).run,
        )

    async def _no_requests(self, _request: object) -> Answer:
        raise AssertionError

    async def ended(self) -> None:
        async with asyncio.timeout(20):
            waiting = "SELECT count(*) FROM delivery WHERE status < 3"
            while await self.world.store.fetchval(waiting):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def only(self, integration: Id) -> Row:
        [row] = await self.world.deliveries(integration)
        return row


@pytest.fixture
async def night(restarts: World) -> AsyncIterator[Night]:
    made = Night(restarts)
    yield made
    await made.worker.stop(grace_ms=1)


ENDS = {
    Behaviour.ENDS: (DeliveryStatus.DELIVERED, [RESTART]),
    Behaviour.DROPS: (DeliveryStatus.DELIVERED, [RESTART]),
    Behaviour.CLOSES: (DeliveryStatus.DELIVERED, [RESTART]),
    Behaviour.SUDO_ASKS: (DeliveryStatus.DELIVERED, [RESTART, RESTART_ASKED]),
    Behaviour.SUDO_REFUSES: (DeliveryStatus.FAILED, [RESTART]),
    Behaviour.FAILS: (DeliveryStatus.FAILED, [RESTART]),
    Behaviour.KILLED: (DeliveryStatus.FAILED, [RESTART]),
    Behaviour.ECHOES: (DeliveryStatus.FAILED, [RESTART]),
}


async def test_every_end_of_a_command_is_the_end_of_its_delivery(night: Night) -> None:
    """One command on each server, and never a second run."""
    servers: dict[Behaviour, tuple[SshServer, Id]] = {}
    for behaviour in ENDS:
        server = SshServer(password=PASSWORD, behaviour=behaviour)
        await server.__aenter__()
        servers[behaviour] = server, await restarting(night.world, KEYS, server)
    await night.world.report()
    await night.worker.start()
    await night.ended()
    for behaviour, (server, integration) in servers.items():
        status, commands = ENDS[behaviour]
        row = await night.only(integration)
        assert (behaviour, row["status"]) == (behaviour, status)
        assert [it.text for it in server.commands] == commands
        assert row["attempts"] == 1
        await server.__aexit__()
    [echoed] = await attempts(
        night.world, (await night.only(servers[Behaviour.ECHOES][1]))["id"]
    )
    assert echoed["excerpt"] == "[secret]\n"
    assert await marks(night.world) == len(ENDS)


async def test_an_unconfirmed_key_is_shown_and_then_confirmed(night: Night) -> None:
    async with SshServer(password=PASSWORD) as server:
        it = await restarting(night.world, KEYS, server, confirm=False)
        await night.world.report()
        await night.worker.start()
        await night.ended()
        row = await night.only(it)
        assert row["status"] == DeliveryStatus.FAILED
        assert row["error"].startswith("HOST_KEY_UNCONFIRMED")
        stored = await night.world.store.fetchval(
            "SELECT settings FROM integration WHERE id = $1", it
        )
        shown = {"fingerprint": server.fingerprint, "confirmed": False}
        assert orjson.loads(stored)["host_key"] == shown
        assert server.commands == []
        assert server.attempts == []


async def test_a_wrong_password_is_tried_again_and_ends(night: Night) -> None:
    async with SshServer(password="another") as server:
        it = await restarting(night.world, KEYS, server)
        await night.world.report()
        await night.worker.start()
        async with asyncio.timeout(20):
            while (await night.only(it))["status"] != DeliveryStatus.RETRYING:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert server.commands == []
        assert await marks(night.world) == 0


async def test_only_what_opens_restarts() -> None:
    wants = CHANNELS["SSH_SERVER_RESTART"].wants
    assert wants == {EventKind.OPENED, EventKind.TEST}
