"""Real servers under load that are killed by SIGKILL at random moments.

On SQLite one server, on PostgreSQL two on one database. A receiver outside of them
keeps a ledger, and makes each of its integrations a far end of another kind. All
chance comes from one seed; how the processes are scheduled does not.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path
from typing import cast

from domain.clock import system_clock
from models.store import Store, Tx, open_store
from sandbox.script import Act, Reset, Respond
from sandbox.webhook_sink import WebhookSink
from tests.invariants import violations
from tests.kill.load import Load, furnish
from tests.kill.reckoning import Figures, Reckoning
from tests.kill.takeovers import Life
from tests.live_server import LiveServer

SECRET = "whsec_" + "QUFB" * 10
SLOWNESS_S = {"/quick": 0.0, "/middling": 0.05, "/slow": 0.5, "/flaky": 0.02}
INTEGRATIONS = len(SLOWNESS_S)
MESSAGES = 2 * INTEGRATIONS
"""Of one incident: its beginning and its end, to each integration."""

WAIT_S = 0.7
START_S = 1.5
PROGRESS_S = 5.0
PATIENCE_S = 120.0
LEASE_LEFT = 1_000

WAITING = "SELECT count(*) FROM delivery WHERE status IN (0, 1, 2)"

HOLDERS = """
SELECT worker FROM delivery WHERE status = 1 GROUP BY worker ORDER BY count(*) DESC"""


class Moment(StrEnum):
    """When to strike: after any time, or right after something is seen from outside."""

    STARTING = auto()
    ANY_TIME = auto()
    CALLED = auto()
    ANSWERED = auto()
    REQUEST = auto()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much, and how it dies. With `short_leases` the leases of the dead run out
    after a second, for those who have no time; `flaky` is how many of the answers of
    one far end are failures.
    """

    seed: int
    kills: int
    incidents: int
    flaky: int = 0
    short_leases: bool = False
    drain_s: float = 60.0


@dataclass
class Sweep:
    """Everything that takes part."""

    plan: Plan
    store: Store
    sink: WebhookSink
    servers: list[LiveServer]
    chance: random.Random
    load: Load = field(init=False)
    lives: list[Life] = field(default_factory=list)
    down: list[LiveServer] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    async def set_up(self) -> None:
        """Start all servers and make what is reported about."""
        first = self.servers[0]
        self.down = list(self.servers[1:])
        await self._start(first)
        first.token = await _written(first.data_dir / "first-token")
        for other in self.servers[1:]:
            # Development makes keys in the data directory: all need the same.
            other.data_dir.mkdir()
            keys = (first.data_dir / "secret-keys").read_text()
            (other.data_dir / "secret-keys").write_text(keys)
            other.token = first.token
        for path, after in SLOWNESS_S.items():
            self.sink.script(path, always=Respond(status=204, after=after))
        acts: list[Act] = [Respond(status=500), Reset(body_read=True)]
        good: Act = Respond(status=204)
        for _ in range(self.plan.flaky):
            self.sink.script("/flaky", self.chance.choice(acts), good, good, good)
        urls = [self.sink.url(path) for path in SLOWNESS_S]
        resource = await furnish(first, urls, SECRET)
        self.load = Load(self.servers, resource, self.chance)

    async def run(self) -> None:
        """Kill as often as planned while incidents are reported, then let them end."""
        plan = self.plan
        async with asyncio.TaskGroup() as work:
            work.create_task(self.load.run(plan.incidents))
            for nth in range(plan.kills):
                done, next_ = (plan.incidents * n // plan.kills for n in (nth, nth + 1))
                await self._strike(self.chance.choice(list(Moment)), next_ - done)
                await self._look(f"kill {nth + 1}")
            await self._start_all()
        await self._drained()
        await self._look("end")

    async def _strike(self, moment: Moment, incidents: int) -> None:
        """Let so many incidents begin, and kill."""
        if moment is Moment.STARTING and self.down:
            self.load.allow(incidents)
            server = self.down.pop(0)
            await self._start(server, dies_after_s=self.chance.uniform(0.05, START_S))
            return
        await self._start_all()
        self.load.allow(incidents)
        await self._progress(self.chance.randint(0, 2 * incidents))
        await self._wait_for(moment)
        for victim in await self._victims():
            await self._kill(victim)
        if self.plan.short_leases:
            await self._shorten_leases()

    async def _victims(self) -> list[Life]:
        """Choose from those that live: the busiest, any one, or all."""
        living = [self._life(server) for server in self.servers]
        if (fate := self.chance.random()) < 0.2:
            return living
        if fate < 0.4:
            return [self.chance.choice(living)]
        rows = await self.store.fetch(HOLDERS)
        busiest = rows[0]["worker"] if rows else None
        return [next((it for it in living if busiest in it.sessions), living[0])]

    async def _progress(self, answers: int) -> None:
        """Let so many calls be answered, if there are as many: kills come at random
        moments of the work, however slow the machine is.
        """
        goal = self.load.answers + answers
        with suppress(TimeoutError):
            async with asyncio.timeout(PROGRESS_S):
                while self.load.answers < goal:
                    self.load.answered.clear()
                    await self.load.answered.wait()

    async def _wait_for(self, moment: Moment) -> None:
        seen = {Moment.CALLED: self.load.calling, Moment.ANSWERED: self.load.answered}
        requests = len(self.sink.ledger.entries)
        try:
            if event := seen.get(moment):
                event.clear()
                await asyncio.wait_for(event.wait(), WAIT_S)
                await asyncio.sleep(self.chance.choice([0, 0.002, 0.01]))
            elif moment is Moment.REQUEST:
                more = self.chance.randint(1, 8)
                await self.sink.ledger.until(
                    lambda it: len(it) >= requests + more, seconds=WAIT_S
                )
            else:
                await asyncio.sleep(self.chance.uniform(0, WAIT_S))
        except TimeoutError:
            return  # nothing was left to be seen: then it is any time

    def _life(self, server: LiveServer) -> Life:
        return next(it for it in reversed(self.lives) if it.server is server)

    async def _start_all(self) -> None:
        while self.down:
            await self._start(self.down.pop(0))

    async def _start(
        self, server: LiveServer, *, dies_after_s: float | None = None
    ) -> None:
        """Start a server; let it die so long after, if it is to."""
        before = await self._sessions()
        life = Life(server)
        self.lives.append(life)
        starting = asyncio.create_task(server.start(fresh_token=False))
        if dies_after_s is None:
            await starting
            life.ready_at = system_clock()
        else:
            while server.process is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.wait([starting], timeout=dies_after_s)
            await self._kill(life, starting)
        life.sessions = await self._sessions() - before

    async def _kill(
        self, life: Life, starting: asyncio.Task[None] | None = None
    ) -> None:
        assert life.server.process is not None
        life.killed_at = system_clock()
        if starting is not None:
            os.kill(life.server.process.pid, signal.SIGKILL)
            await asyncio.wait([starting])
            if starting.exception() is None:
                life.ready_at = life.killed_at
        code = await life.server.stop(signal.SIGKILL)
        assert code == -signal.SIGKILL, "\n".join(life.server.output[-40:])
        self.down.append(life.server)

    async def _sessions(self) -> set[int]:
        return {row["id"] for row in await self.store.fetch("SELECT id FROM worker")}

    async def _shorten_leases(self) -> None:
        """Let the leases of the dead run out soon, instead of in up to 10 s."""
        if self.store.dialect == "sqlite":
            return
        dead = [n for it in self.lives if it.killed_at for n in it.sessions]
        await self.store.turn(_shorten, dead, system_clock() + LEASE_LEFT)

    async def _look(self, when: str) -> None:
        """Note what invariants are broken now, be it under load."""
        found = await self.store.turn(_violations)
        self.broken += [f"{when}: {rule} {n}" for rule, n in found.items()]

    async def _drained(self) -> None:
        async with asyncio.timeout(self.plan.drain_s):
            while await self.store.fetchval(WAITING):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def figures(self) -> Figures:
        """Compare what was promised, sent and seen."""
        reckoning = await Reckoning.of(self.store, self.sink.ledger.entries)
        return reckoning.figures(self.load.promises, INTEGRATIONS)


async def _written(file: Path) -> str:
    """Wait for a file that appears as a whole; return what it says."""
    async with asyncio.timeout(PATIENCE_S):
        while not file.exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)
    return file.read_text().strip()  # noqa: ASYNC240


async def _shorten(tx: Tx, sessions: list[int], until: int) -> None:
    await tx.execute(
        "UPDATE worker SET lease_until = LEAST(lease_until, $2) WHERE id = ANY($1)",
        *(sessions, until),
    )


async def _violations(tx: Tx) -> dict[str, int]:
    """Count what does not hold, all of it as of one moment."""
    if tx.dialect == "postgres":
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return dict(await violations(cast("Store", tx)))


@asynccontextmanager
async def sweeping(plan: Plan, url: str, folder: Path) -> AsyncIterator[Sweep]:
    """Give a sweep over a migrated database, set up and not yet run."""
    store = await open_store(url)
    names = ["one", "two"] if store.dialect == "postgres" else ["one"]
    settings = {
        "TOCSIN_GRAPHIQL": "off"
    }  # else each start builds it where it is missing
    servers = [LiveServer(folder / name, url, settings) for name in names]
    for server in servers:
        server.start_seconds = PATIENCE_S
    chance = random.Random(plan.seed)  # noqa: S311 - a test
    async with WebhookSink(secrets=[SECRET]) as sink:
        sweep = Sweep(plan, store, sink, servers, chance)
        try:
            await sweep.set_up()
            yield sweep
        finally:
            for server in servers:
                if server.process is not None:
                    await server.stop()
            await store.close()
