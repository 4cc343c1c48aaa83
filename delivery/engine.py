"""The engine of one process, put together: worker, feed, bus, relay, housekeeping."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from delivery.bus import Bus
from delivery.bus.in_process import InProcessBus
from delivery.bus.postgres import PostgresBus
from delivery.commands import Commands
from delivery.deliver import Observe
from delivery.dispatch import Dispatch, SendMail
from delivery.feed import Feed
from delivery.guard import Guard
from delivery.housekeeping import Housekeeping
from delivery.mailer import Mailer, MailServer
from delivery.measures import SILENT as UNMEASURED
from delivery.measures import Measures
from delivery.relay import Relay
from delivery.sender import Sender
from delivery.spans import SILENT as UNTRACED
from delivery.spans import Spans
from delivery.worker import Worker
from domain.channels import Channel
from domain.clock import AgeClock, Clock, system_clock
from domain.timing import DAY, GRACEFUL_STOP
from models.crypto import KeyRing
from models.store import PostgresStore, Store

EVENTS_KEPT: Final = 7 * DAY
HISTORY_KEPT: Final = 90 * DAY


def observe_nothing(_stage: str) -> None:
    """Observe nothing."""


class Engine:
    """Delivers, and feeds those who follow. The store is its owner's to close."""

    def __init__(  # noqa: PLR0913 - all that it needs of the world
        self,
        store: Store,
        *,
        channels: Mapping[str, Channel],
        keys: KeyRing,
        guard: Guard,
        clock: Clock = system_clock,
        steady: Clock | None = None,
        observe: Observe = observe_nothing,
        measures: Measures = UNMEASURED,
        spans: Spans = UNTRACED,
        work: bool = True,
        events_kept: int = EVENTS_KEPT,
        history_kept: int = HISTORY_KEPT,
        ca_file: Path | None = None,
        mail_server: MailServer | None = None,
    ) -> None:
        """Take what it works with. Without `work` it delivers nothing itself; events
        and history are kept for so many ms; `ca_file` is trusted besides the system's
        store.
        """
        self.store = store
        self._channels = channels
        self._keys = keys
        self._guard = guard
        self._clock = clock
        self._observe = observe
        self._measures = measures
        self._spans = spans
        self._work = work
        self._ca_file = ca_file
        self._mail_server = mail_server
        self._bus: Bus = InProcessBus()
        self._relay: Relay | None = None
        if isinstance(store, PostgresStore):
            self._bus = PostgresBus(store.connect)
            self._relay = Relay(store.connect, self._bus)
        self.feed = Feed(store, self._bus, measures)
        self._ages = AgeClock(clock, steady)
        self._housekeeping = Housekeeping(
            store,
            self._ages,
            event_retention=events_kept,
            history_retention=history_kept,
        )
        self._worker: Worker | None = None
        self._started = contextlib.AsyncExitStack()

    @property
    def in_flight(self) -> int:
        """How many deliveries this process is sending."""
        return self._worker.in_flight if self._worker else 0

    @property
    def in_hand(self) -> int:
        """How many deliveries this process has claimed and not begun to send."""
        return self._worker.in_hand if self._worker else 0

    async def start(self) -> None:
        """Begin; what had begun is stopped again if the rest cannot."""
        async with contextlib.AsyncExitStack() as started:
            self.store.on_commit(self._tell)
            await self._bus.start()
            started.push_async_callback(self._bus.stop)
            if self._relay:
                await self._relay.start()
                started.push_async_callback(self._relay.stop)
            await self.feed.start()
            started.push_async_callback(self.feed.stop)
            await self._housekeeping.start()
            started.push_async_callback(self._housekeeping.stop)
            if self._work:
                await self._start_worker(started)
            self._started = started.pop_all()

    async def stop(self, grace_ms: int = GRACEFUL_STOP) -> None:
        """End: what is in flight has so many ms to come to its end."""
        try:
            if self._worker:
                await self._worker.stop(grace_ms)
        finally:
            await self._started.aclose()

    async def _start_worker(self, started: contextlib.AsyncExitStack) -> None:
        sender = Sender(self._guard, observe=self._observe, ca_file=self._ca_file)
        started.push_async_callback(sender.close)
        worker = Worker(
            self.store,
            self._bus,
            Dispatch(sender.send, self._mail()).send,
            channels=self._channels,
            keys=self._keys,
            clock=self._clock,
            observe=self._observe,
            measures=self._measures,
            spans=self._spans,
            ages=self._ages,
            run=Commands(self._guard, observe=self._observe).run,
        )
        await worker.start()
        self._worker = worker

    def _mail(self) -> SendMail | None:
        """The mail server is the operator's word: it may be on a private address."""
        if self._mail_server is None:
            return None
        guard = Guard(dev=True, resolve=self._guard.resolve)
        return Mailer(self._mail_server, guard, ca_file=self._ca_file).send

    def _tell(self, topics: frozenset[str]) -> None:
        self._bus.kick(*topics)
