"""The one thread that writes to SQLite: many turns, one commit.

Each turn is a member of a group and has a savepoint of its own; all are answered
after the group's commit. A turn runs to its end without an event loop, so nothing
comes between its statements, and being cancelled outside cannot cut it in two.
"""

import asyncio
import contextlib
import contextvars
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from domain.faults import StorageUnavailableError
from models.counts import Counts
from models.sqlite_transaction import SqliteTx
from models.transaction import IN_TURN, TurnOverError, Work

LARGEST_GROUP: Final = 200

Enter = Callable[[sqlite3.Connection], contextlib.AbstractContextManager[None]]


class ForeignAwaitError(RuntimeError):
    """A turn awaited something that is not its transaction."""

    def __init__(self) -> None:
        """Say what a turn may do."""
        super().__init__("A turn may await nothing but its transaction.")


@dataclass(slots=True, eq=False)
class Member:
    """A turn that waits for its group, later with its answer."""

    work: Work
    args: tuple[object, ...]
    context: contextvars.Context
    future: asyncio.Future[Any]
    queued: float = field(default_factory=time.perf_counter)
    result: Any = None
    error: BaseException | None = None
    topics: set[str] = field(default_factory=set)


class Writer:
    """Owns the connection that writes. `enter` sets up models for a member; `tell`
    gets each group's topics on the event loop.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        enter: Enter,
        tell: Callable[[frozenset[str]], None],
    ) -> None:
        """Open the connection and start the thread."""
        self._connect = connect
        self._connection: sqlite3.Connection | None = connect()
        self._enter = enter
        self._tell = tell
        self.counts = Counts()
        self._queue: queue.SimpleQueue[Member | None] = queue.SimpleQueue()
        self._main = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def put(self, work: Work, args: tuple[object, ...]) -> asyncio.Future[Any]:
        """Queue a turn. Its answer may be dropped; the work is whole or never begun."""
        future = self._main.create_future()
        self._queue.put(Member(work, args, contextvars.copy_context(), future))
        return future

    async def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        # Never run by itself: Tortoise's gather() wants to find one.
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        try:
            while (first := self._queue.get()) is not None:
                self._group(first)
        finally:
            self._loop.close()
            if self._connection:
                self._connection.close()

    def _gather(self) -> list[Member]:
        """Take those that wait to join the first of a group."""
        group: list[Member] = []
        while len(group) < LARGEST_GROUP - 1 and not self._queue.empty():
            member = self._queue.get()  # only this thread takes, so it is there
            if member is None:
                self._queue.put(None)
                break
            group.append(member)
        return group

    def _group(self, first: Member) -> None:
        group, begun = [first], 0.0
        try:
            connection = self._begin(group)
            begun = time.perf_counter()
            for member in group:
                if not member.future.cancelled():
                    self._member(connection, member)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - nobody may wait for ever
            self._give_up()
            for member in group:
                member.error = StorageUnavailableError(str(error))
        with contextlib.suppress(RuntimeError):  # the loop ended without close()
            self._main.call_soon_threadsafe(self._answer, group, begun)

    def _begin(self, group: list[Member]) -> sqlite3.Connection:
        """Begin, as soon as no other process writes. Those that have come meanwhile
        join, also where it was in vain: else they would wait as long once more.
        """
        try:
            connection = self._connection = self._connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
        finally:
            group += self._gather()
        return connection

    def _give_up(self) -> None:
        try:
            if self._connection and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._connection = None  # the next group opens another

    def _member(self, connection: sqlite3.Connection, member: Member) -> None:
        tx = SqliteTx(connection)
        connection.execute("SAVEPOINT member")
        try:
            member.result = member.context.run(self._work, connection, tx, member)
            member.topics = tx.topics
        except BaseException as error:
            # A full disk or an I/O error has rolled back everybody's work.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO member")
            member.error = error
        connection.execute("RELEASE member")

    def _work(
        self, connection: sqlite3.Connection, tx: SqliteTx, member: Member
    ) -> object:
        IN_TURN.set(True)
        with self._enter(connection):
            result = drive(member.work(tx, *member.args), self._loop)
        if tx.failed:
            raise TurnOverError
        return result

    def _answer(self, group: list[Member], begun: float) -> None:
        self._count(group, begun)
        for member in group:
            if member.future.cancelled():
                continue
            if member.error is None:
                member.future.set_result(member.result)
            else:
                member.future.set_exception(member.error)
        told = frozenset().union(*(it.topics for it in group if it.error is None))
        if told:
            self._tell(told)

    def _count(self, group: list[Member], begun: float) -> None:
        """Count a group; `begun` is 0 where it could not begin."""
        errors = [it.error for it in group if it.error]
        refused = sum(isinstance(it, StorageUnavailableError) for it in errors)
        self.counts.refused += refused
        self.counts.turns += len(group) - len(errors)
        if begun and not refused:
            self.counts.commits += 1
            self.counts.waited += sum(begun - it.queued for it in group)


def drive(work: Any, loop: asyncio.AbstractEventLoop) -> object:  # noqa: ANN401
    """Run a turn to its end and return its result.

    All that it may wait for is done when it is asked for. Raise ForeignAwaitError
    for anything else; `loop` is the thread's own.
    """
    coroutine: Coroutine[Any, Any, object] = work
    try:
        while True:
            awaited = coroutine.send(None)
            if awaited is None:  # sleep(0), as Tortoise does in long results
                continue
            if not asyncio.isfuture(awaited) or awaited.get_loop() is not loop:
                break
            awaited._asyncio_future_blocking = False  # noqa: SLF001
            loop.run_until_complete(asyncio.wait([awaited]))
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise ForeignAwaitError
