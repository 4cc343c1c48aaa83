"""The real thing under the machines: schema, store, log, workers. Only the far ends and
the clock are told what to do.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from delivery.guard import Guard
from delivery.worker import Worker
from domain.channels import Channel, Context
from domain.deliveries import DeliveryStatus
from domain.ids import encode
from domain.incidents import EventKind
from domain.steps import Answer as Said
from domain.steps import HttpRequest, Ref, Reply, Step
from models.crypto import KeyRing
from models.store import Row, Tx
from notifiers.webhook import CHANNEL
from schema.context import Services
from tests import event_log
from tests.event_log import Site
from tests.integration.state_machines.judge import Arrival, Seen, Stored
from tests.integration.state_machines.model import Happened, Key, Kind, Text
from tests.integration.state_machines.operations import Answer, Operation
from tests.invariants import violations
from tests.schema_client import NOW, Client, add_project

QUIET_S: Final = 20.0
"""Far more than it takes until nothing moves any more."""

KEYS: Final = KeyRing.generate()
REPLIES: Final = {"200": 200, "500": 500, "410": 410, "429": 429}
TABLES: Final = (
    *("attempt", "far_end", "delivery", "lane", "incident_event", "incident"),
    *("attachment", "integration", "server", "idempotency", "event_log", "project"),
)

READY: Final = """
SELECT (SELECT count(*) FROM delivery WHERE status = 1) AS sending,
 (SELECT count(*) FROM delivery d JOIN lane l ON l.id = d.lane_id
  WHERE d.status IN (0, 2) AND d.due_at <= $1 AND l.closed_until <= $1
  AND l.slots > (SELECT count(*) FROM delivery s WHERE s.lane_id = l.id
                 AND s.status = 1)) AS ready"""


def tell(context: Context) -> tuple[Step, ...]:
    """Say which event of which incident it is, with the incident as it left it."""
    it = context.snapshot
    body = {
        "incident": encode("Incident", it.incident_id),
        "number": it.number,
        "kind": it.kind,
        "text": (it.incident_type, it.message, it.severity),
        "status": it.status,
    }
    text = orjson.dumps(body).decode()
    return (HttpRequest(url=(Ref("webhook_url"),), body=(text,)),)


def channel_of(kind: Kind) -> Channel:
    """Return the webhook, with what it wants and can changed for the tests."""
    return replace(
        CHANNEL,
        render=tell,
        finish=None,
        wants=frozenset(EventKind(it) for it in kind.wants),
        updates_in_place=kind.in_place,
        skip_stale=kind.skip_stale,
    )


class Clock:
    """A clock that goes on by a millisecond each time it is looked at."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass
class FarEnds:
    """What is at the addresses: each answers in its present mood, and all is noted."""

    moods: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    hanging: list[tuple[Arrival, asyncio.Event]] = field(default_factory=list)
    told: list[tuple[str, Arrival]] = field(default_factory=list)
    place: int = 0

    def next(self) -> int:
        self.place += 1
        return self.place

    def mood(self, url: str) -> str:
        """Return the mood of an address: all of an integration have the same."""
        return self.moods.get(url.rpartition("/")[0], "200")

    async def send(self, request: Any) -> Reply:  # noqa: ANN401
        """Take a request and answer it."""
        arrival = self._arrival(request.url, orjson.loads(request.body))
        self.told.append((request.url, arrival))
        self.arrivals.append(arrival)
        reply = self.mood(request.url)
        if reply == "hang":
            gate = asyncio.Event()
            self.hanging.append((arrival, gate))
            await gate.wait()
        else:
            arrival.reply = reply
            await asyncio.sleep(0)
        arrival.replied_at = self.next()
        return Said(status=REPLIES[arrival.reply or "200"])

    def let_go(self, integration: str | None, reply: str) -> int:
        """Have what hangs answered; return how much that was."""
        mine = [
            it for it in self.hanging if integration in {None, it[0].key.integration}
        ]
        self.hanging = [it for it in self.hanging if it not in mine]
        for arrival, gate in mine:
            arrival.reply = reply
            gate.set()
        return len(mine)

    def resolve(self, changes: Mapping[str, int]) -> None:
        """Name the integrations of what came, with how often they had been changed."""
        for url, arrival in self.told:
            owner = self.owners[url]
            arrival.key = arrival.key._replace(integration=owner)
            arrival.changes = changes.get(owner, 0)
        self.told.clear()

    def _arrival(self, url: str, body: Mapping[str, Any]) -> Arrival:
        event = Happened(body["kind"], Text(*body["text"]), body["status"])
        key = Key(body["incident"], url, body["number"])
        return Arrival(key, event, self.next())


class System:
    """A database, one process or several on it, and clients of one project."""

    def __init__(self, kind: Kind) -> None:
        """Begin with nothing; see `open`."""
        self.kind = kind
        self.clock = Clock()
        self.far_ends = FarEnds()
        self.clients: list[Client] = []
        self.sites: list[Site] = []
        self.cursor = ""
        self._stack = contextlib.AsyncExitStack()

    async def open(self, url: str, nodes: int) -> None:
        """Empty the database, and start so many processes' parts on it."""
        for _ in range(nodes):
            site = await self._stack.enter_async_context(event_log.running(url))
            self.sites.append(site)
        await self.sites[0].store.turn(_wipe)
        project = await add_project(self.sites[0].store, "machines")
        self.cursor = await self.sites[0].feed.cursor(project)
        channels = {CHANNEL.type_name: channel_of(self.kind)}
        for site in self.sites:
            services = Services(
                store=site.store,
                feed=site.feed,
                channels=channels,
                keys=KEYS,
                guard=Guard(dev=True),
                clock=self.clock,
                development=True,
            )
            self.clients.append(Client(services, project))
            await self._start_worker(site, channels)

    async def _start_worker(self, site: Site, channels: Mapping[str, Channel]) -> None:
        worker = Worker(
            site.store,
            site.bus,
            self.far_ends.send,
            channels=channels,
            keys=KEYS,
            clock=self.clock,
            observe=lambda _stage: None,
            chance=lambda: 1.0,
        )
        await worker.start()
        self._stack.push_async_callback(worker.stop, 100)

    async def close(self) -> None:
        """Let go of everything."""
        self.far_ends.let_go(None, "200")
        await self._stack.aclose()

    def move(self, millis: int) -> None:
        """Let time pass at once."""
        self.clock.now += millis
        for site in self.sites:
            site.bus.kick("lanes")

    async def perform(self, operations: Sequence[Operation]) -> list[Answer]:
        """Have clients send these, all at once."""
        calls = [
            self._perform(self.clients[n % len(self.clients)], it)
            for n, it in enumerate(operations)
        ]
        return await asyncio.gather(*calls)

    async def _perform(self, client: Client, operation: Operation) -> Answer:
        mutation, given, noun = operation.call
        select = f"{noun} {{ id }}" if noun else "deletedId"
        payload = await client.mutate(mutation, given, select)
        codes = tuple(it["code"] for it in payload["errors"])
        made = payload[noun] if noun else payload["deletedId"] and payload
        found = made and (made.get("id") or made["deletedId"])
        return Answer(codes, found)

    async def settle(self) -> None:
        """Wait until the engine has nothing left to do at this moment."""
        store = self.sites[0].store
        async with asyncio.timeout(QUIET_S):
            while True:
                row = await store.fetchrow(READY, self.clock.now)
                assert row is not None
                if row["ready"] == 0 and row["sending"] == len(self.far_ends.hanging):
                    return
                await asyncio.sleep(0.002)

    async def seen(self, since: int, changes: Mapping[str, int]) -> Seen:
        """Return what is."""
        self.far_ends.resolve(changes)
        store = self.sites[0].store
        deliveries = await store.fetch("SELECT * FROM delivery")
        events = await store.fetch(
            "SELECT incident_id, snapshot FROM incident_event ORDER BY number"
        )
        integrations = await store.fetch("SELECT id, active, term FROM integration")
        return Seen(
            switched={
                encode("Integration", row["id"]): (bool(row["active"]), row["term"])
                for row in integrations
            },
            deliveries=dict(_stored(row) for row in deliveries),
            incidents=_incidents(events),
            arrivals=self.far_ends.arrivals,
            since=since,
        )

    async def broken(self) -> dict[str, int]:
        """Return the rules of the engine that are broken."""
        return dict(await violations(self.sites[0].store))


async def _wipe(tx: Tx) -> None:
    for table in TABLES:
        await tx.execute(f"DELETE FROM {table}")  # noqa: S608


def _stored(row: Row) -> tuple[Key, Stored]:
    incident = encode("Incident", row["incident_id"])
    integration = encode("Integration", row["integration_id"])
    status = DeliveryStatus(row["status"]).name
    stored = Stored(
        encode("Delivery", row["id"]),
        row["kind"],
        status,
        row["cancel_reason"],
        bool(row["manual"]),
    )
    return Key(incident, integration, row["number"]), stored


def _incidents(rows: Sequence[Row]) -> dict[str, tuple[Happened, ...]]:
    found: dict[str, list[Happened]] = {}
    for row, body in _snapshots(rows):
        events = found.setdefault(encode("Incident", row["incident_id"]), [])
        assert body["number"] == len(events) + 1
        text = Text(body["incident_type"], body["message"], body["severity"])
        events.append(Happened(body["kind"], text, body["status"]))
    return {name: tuple(events) for name, events in found.items()}


def _snapshots(rows: Sequence[Row]) -> Iterator[tuple[Row, dict[str, Any]]]:
    for row in rows:
        yield row, orjson.loads(row["snapshot"])
