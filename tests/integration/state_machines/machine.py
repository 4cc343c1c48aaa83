"""Incidents, integrations, far ends and the clock, driven in random order by Hypothesis
from several clients, and judged by the model after every step.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, ClassVar, Final, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.integration.state_machines.arrangements import CreateServer
from tests.integration.state_machines.final import check_log_and_lists
from tests.integration.state_machines.judge import Stored, judge
from tests.integration.state_machines.model import Key, Kind, Model, State
from tests.integration.state_machines.operations import Operation
from tests.integration.state_machines.system import System
from tests.integration.state_machines.wishes import (
    NUMBERS,
    REPORTS,
    WISHES,
    Namer,
    Wish,
    pick,
)
from tests.schema_client import NOW

T = TypeVar("T")

PROFILE: Final = settings(
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
"""What all runs have in common; how long they are is theirs."""

PLAIN: Final = frozenset({"OPENED", "REOPENED", "ESCALATED", "RESOLVED", "TEST"})
ALL: Final = PLAIN | {"UPDATED", "ACKNOWLEDGED"}
KINDS: Final = {
    "plain": Kind(wants=PLAIN),
    "card": Kind(wants=ALL, in_place=True),
    "stale": Kind(wants=ALL, in_place=True, skip_stale=True),
}
"""A webhook, a channel that updates its cards, and one that skips what is over."""

ATTACHED: Final = (
    [(0, 0)],
    [(0, 0), (0, 1)],
    [(0, 0), (0, 1), (1, 0), (1, 2)],
)
"""Pairs of server and integration at the start."""

MINUTE: Final = 60_000
TIMES: Final = (1_000, 10_000, 5 * MINUTE, 2 * 60 * MINUTE, 25 * 60 * MINUTE)


class IncidentMachine(RuleBasedStateMachine):
    """One system with its model. See `on_database`."""

    counted: ClassVar[dict[str, int]] = {"examples": 0, "steps": 0, "operations": 0}

    url: ClassVar[str]
    nodes: ClassVar[int]

    def __init__(self) -> None:
        """Begin with an event loop of its own."""
        super().__init__()
        self.counted["examples"] += 1
        self._loop = asyncio.new_event_loop()
        self._system: System | None = None
        self._stored: Mapping[Key, Stored] = {}
        self._sound = False
        self._namer = Namer()

    def teardown(self) -> None:
        """Let everything come to its end and look at it all once more."""
        try:
            if self._sound:
                self._run(self._end())
        finally:
            if self._system:
                self._run(self._system.close())
            self._run(self._loop.shutdown_asyncgens())
            self._loop.close()

    @initialize(
        kind=st.sampled_from(sorted(KINDS)),
        attached=st.sampled_from(ATTACHED),
    )
    def begin(self, kind: str, attached: list[tuple[int, int]]) -> None:
        """Make two servers and three integrations, some of them attached."""
        self.system = self._system = System(KINDS[kind])
        self.model = Model(kind=KINDS[kind], now=NOW)
        self._run(self.system.open(self.url, self.nodes))
        self._step([CreateServer("web-1"), CreateServer("web-2")])
        self._step([self._namer.create() for _ in range(3)])
        self._sound = True
        for server, integration in attached:
            self._wish([("attachIntegrationToServer", server, integration)])

    @rule(wish=WISHES)
    def one(self, wish: Wish) -> None:
        """Send one operation."""
        self._wish([wish])

    @rule(wishes=st.lists(WISHES, min_size=2, max_size=4))
    def at_once(self, wishes: list[Wish]) -> None:
        """Send several operations at once."""
        self._wish(wishes)

    @rule(wish=REPORTS, copies=st.integers(2, 4))
    def same_at_once(self, wish: Wish, copies: int) -> None:
        """Send the same report several times at once."""
        self._wish([wish] * copies)

    @rule(which=NUMBERS)
    def off_and_on(self, which: int) -> None:
        """Disable an integration and enable it again right afterwards."""
        self._wish([("update", which, ("active", False))])
        self._wish([("update", which, ("active", True))])

    @rule(
        which=NUMBERS,
        mood=st.sampled_from(["200", "500", "hang", "hang", "429", "410"]),
    )
    def mood(self, which: int, mood: str) -> None:
        """Have a far end answer like this from now on."""
        integration = pick(self.model.integrations, which)
        self.system.far_ends.moods[self._namer.slots[integration]] = mood

    @rule(which=NUMBERS, reply=st.sampled_from(["200", "500", "410"]), wish=WISHES)
    def let_go(self, which: int, reply: str, wish: Wish) -> None:
        """Have what hangs answered while a client sends something."""
        # What hangs may differ from run to run; what Hypothesis draws must not.
        hanging = sorted({it.key.integration for it, _ in self.system.far_ends.hanging})
        self._wish([wish], (pick(hanging, which), reply) if hanging else None)

    @rule(millis=st.sampled_from(TIMES))
    def time(self, millis: int) -> None:
        """Let time pass."""
        self.system.move(millis)
        self._step([])

    def _wish(
        self, wishes: Iterable[Wish], let_go: tuple[str, str] | None = None
    ) -> None:
        names = (self.model, self._stored)
        found = [self._namer.operation(it, *names) for it in wishes]
        self._step([it for it in found if it], let_go)

    def _step(
        self, operations: list[Operation], let_go: tuple[str, str] | None = None
    ) -> None:
        """Carry operations out at once, wait until nothing moves, and judge."""
        sound, self._sound = self._sound, False
        self.counted["steps"] += 1
        self.counted["operations"] += len(operations)
        self._run(self._carry_out(operations, let_go))
        self._sound = sound

    async def _carry_out(
        self, operations: list[Operation], let_go: tuple[str, str] | None
    ) -> None:
        system, far_ends = self.system, self.system.far_ends
        since = far_ends.next()
        sending = asyncio.ensure_future(system.perform(operations))
        if let_go:
            await asyncio.sleep(0)
            far_ends.let_go(*let_go)
        answers = await sending
        self._namer.note(operations, answers)
        far_ends.owners.update(self._namer.owners)
        await system.settle()
        changes = {name: it.changes for name, it in self.model.integrations.items()}
        seen = await system.seen(since, changes)
        self.model.now = system.clock.now
        self.model = judge(
            self.model, list(zip(operations, answers, strict=True)), seen
        )
        self._stored = seen.deliveries
        broken = await system.broken()
        assert broken == {}

    async def _end(self) -> None:
        """Heal all far ends, and give what waits the time that it may need."""
        far_ends = self.system.far_ends
        far_ends.moods.clear()
        for name in list(self.model.integrations):
            await self._carry_out([], (name, "500"))  # it is tried again, or over
        for _ in range(60):
            if all(it.state not in _OPEN for it in self.model.owed.values()):
                break
            self.system.move(61 * MINUTE)
            await self._carry_out([], None)
        assert [it for it in self.model.owed.items() if it[1].state in _OPEN] == []
        await check_log_and_lists(self.system)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


_OPEN: Final = {State.WAITING, State.SENDING, State.DOOMED, State.LOOSE}


def on_database(url: str, nodes: int) -> type[IncidentMachine]:
    """Return the machine for a database, which it empties; so many processes' parts
    share it.
    """
    return type("IncidentMachine", (IncidentMachine,), {"url": url, "nodes": nodes})
