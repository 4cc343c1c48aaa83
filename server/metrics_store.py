"""What the database says at a scrape: bounded in time, and asked only now and then.

A scrape neither fails nor hangs because the database does: then `tocsin_store_up` is 0
and what would have been read is absent.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from delivery import backlog
from delivery.backlog import Backlog
from domain.clock import Clock
from domain.faults import StorageUnavailableError
from domain.timing import SECOND
from models.store import Store
from server import metrics_declared as declared
from server.metrics_declared import Declared

WITHIN_S: Final = 2.0
"""What the database gets to answer all of it."""

KEPT_S: Final = 2.0
"""An answer is given again for so long: scrapes are no load, however many come."""

_log = structlog.get_logger("tocsin.metrics")


class StoreState(Collector):
    """Shows the last reading of a store; `refresh` before it is collected."""

    def __init__(self, store: Store, clock: Clock, within_s: float = WITHIN_S) -> None:
        """Take the store and the time; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._within_s = within_s
        self._reading: asyncio.Task[Backlog | None] | None = None
        self._until = 0.0
        self._kept_until = 0.0
        self._last: Backlog | None = None

    async def refresh(self) -> None:
        """Read the store anew, if the last reading is too old."""
        now = time.monotonic()
        if now < self._kept_until:
            return
        if self._reading is None:
            self._until = now + self._within_s
            self._reading = asyncio.create_task(self._read())
        # One that hangs is left alone: another would hang too, and hold one more
        # connection.
        reading = self._reading
        await asyncio.wait([reading], timeout=max(0.0, self._until - now))
        self._last = reading.result() if reading.done() else None
        if reading.done():
            self._reading = None
            self._kept_until = time.monotonic() + KEPT_S

    async def close(self) -> None:
        """Wait for nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        yield _gauge(declared.STORE_UP, self._last is not None)
        if (it := self._last) is not None:
            yield _gauge(declared.OLDEST, it.oldest / SECOND)
            yield _gauge(declared.UNFINISHED, it.unfinished)
            yield _gauge(declared.OVERDUE, it.overdue / SECOND)
            yield _gauge(declared.HELD_BACK, it.held_back)
            yield _gauge(declared.WORKERS, it.workers)
            yield _gauge(declared.UNPOSITIONED, it.unpositioned)
            yield _gauge(declared.POSITION_LAG, it.position_lag / SECOND)

    async def _read(self) -> Backlog | None:
        try:
            return await backlog.read(self._store, self._clock())
        except StorageUnavailableError:
            return None
        except Exception:  # noqa: BLE001 - the other metrics are still there
            _log.error("backlog_unreadable", exc_info=True)
            return None


def _gauge(of: Declared, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(of.name, of.help, value=value)
