"""The metrics of one process: counted here, read by whoever asks for the registry.

The registry is this object's own, so that two servers in one process share nothing.
"""

import platform
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from delivery.engine import Engine
from delivery.measures import Result
from domain.clock import Clock
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.product import VERSION
from domain.timing import SECOND
from models.store import Counts, Store
from server import metrics_declared as declared
from server.metrics_declared import Declared
from server.metrics_store import StoreState

FINAL: Final = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.FAILED,
    DeliveryStatus.CANCELLED,
)


class Metrics:
    """Implements `delivery.measures.Measures`, and counts what the API answers."""

    def __init__(self, channels: Iterable[str] = ()) -> None:
        """Begin at zero; the series of these channels (their keys) exist at once."""
        registry = self.registry = CollectorRegistry()
        self._state: StoreState | None = None
        self._attempts = _counter(declared.ATTEMPTS, registry)
        self._attempt_duration = _histogram(declared.ATTEMPT_DURATION, registry)
        self._first_byte = _histogram(declared.FIRST_BYTE, registry)
        self._final = _histogram(declared.FINAL, registry)
        self._times: dict[str, tuple[Histogram, Histogram, Histogram]] = {}
        self._ended = _counter(declared.ENDED, registry)
        self._in_flight = _gauge(declared.IN_FLIGHT, registry)
        self._in_hand = _gauge(declared.IN_HAND, registry)
        self._group = _histogram(declared.GROUP, registry)
        self._fell_back = _counter(declared.FELL_BACK, registry)
        self._requests = _counter(declared.REQUESTS, registry)
        self._operations = _counter(declared.OPERATIONS, registry)
        self._operation_duration = _histogram(declared.OPERATION_DURATION, registry)
        self.websockets = _gauge(declared.WEBSOCKETS, registry)
        self.subscriptions = _gauge(declared.SUBSCRIPTIONS, registry)
        self._build = _gauge(declared.BUILD, registry)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        # A counter that appears with its first increment shows no increase.
        for channel in channels:
            for kind in OutcomeKind:
                self._attempts.labels(channel, kind.name.lower())
            for status in FINAL:
                self._ended.labels(channel, status.name.lower())

    def watch_store(self, store: Store, clock: Clock) -> None:
        """Show what a store counts and holds, and which kind it is. Once only."""
        self._build.labels(VERSION, platform.python_version(), store.dialect).set(1)
        self.registry.register(_OfStore(store.counts))
        self._state = StoreState(store, clock)
        self.registry.register(self._state)

    def watch_engine(self, engine: Engine) -> None:
        """Show what an engine has in hand."""
        self._in_flight.set_function(lambda: engine.in_flight)
        self._in_hand.set_function(lambda: engine.in_hand)

    async def text(self, accept: str | None = None) -> tuple[bytes, str]:
        """Return all metrics in the format that an Accept header asks for, and its media
        type.
        """
        if self._state is not None:
            await self._state.refresh()
        encode, media_type = choose_encoder(accept or "")
        return encode(self.registry), media_type

    async def close(self) -> None:
        """Ask the store nothing more."""
        if self._state is not None:
            await self._state.close()

    def recorded(self, group: int, results: Sequence[Result]) -> None:
        """Take what became of the deliveries of one commit."""
        self._group.observe(group)
        tried = Tally(
            (it.channel, it.outcome) for it in results if it.outcome is not None
        )
        for (channel, outcome), count in tried.items():
            self._attempts.labels(channel, outcome.name.lower()).inc(count)
        over = Tally((it.channel, it.final) for it in results if it.final is not None)
        for (channel, final), count in over.items():
            self._ended.labels(channel, final.name.lower()).inc(count)
        for it in results:
            times = self._times.get(it.channel) or self._times_of(it.channel)
            for time, histogram in zip(
                (it.took, it.first_byte, it.age), times, strict=True
            ):
                if time is not None:
                    histogram.observe(time / SECOND)

    def _times_of(self, channel: str) -> tuple[Histogram, Histogram, Histogram]:
        """Keep a channel's histograms at hand: to look them up costs more than to use
        them.
        """
        of = (self._attempt_duration, self._first_byte, self._final)
        first, second, third = (it.labels(channel) for it in of)
        self._times[channel] = first, second, third
        return self._times[channel]

    def fell_back(self) -> None:
        """Count a follower that went back to the log."""
        self._fell_back.inc()

    def answered(self, route: str, status: int) -> None:
        """Count an HTTP request; `route` is a pattern of ours, never a path."""
        self._requests.labels(route, status).inc()

    def operated(self, kind: str, outcome: str, seconds: float | None) -> None:
        """Count a GraphQL operation; `seconds` for those that have an end."""
        self._operations.labels(kind, outcome).inc()
        if seconds is not None:
            self._operation_duration.labels(kind).observe(seconds)


class _OfStore(Collector):
    """Shows the counts of a store as they are when they are asked for."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Give one family after the other."""
        it = self._counts
        turns = _family(declared.TURNS)
        turns.add_metric(["committed"], it.turns)
        turns.add_metric(["refused"], it.refused)
        commits, waited = _family(declared.COMMITS), _family(declared.TURN_WAIT)
        commits.add_metric([], it.commits)
        waited.add_metric([], it.waited)
        yield from (turns, commits, waited)


def _family(of: Declared) -> CounterMetricFamily:
    return CounterMetricFamily(of.name, of.help, labels=of.labels)


def _counter(of: Declared, registry: CollectorRegistry) -> Counter:
    return Counter(of.name, of.help, of.labels, registry=registry)


def _gauge(of: Declared, registry: CollectorRegistry) -> Gauge:
    return Gauge(of.name, of.help, of.labels, registry=registry)


def _histogram(of: Declared, registry: CollectorRegistry) -> Histogram:
    return Histogram(of.name, of.help, of.labels, buckets=of.buckets, registry=registry)
