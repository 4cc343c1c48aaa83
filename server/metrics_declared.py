"""The metrics of Tocsin, one by one: docs/metrics.md is compared with this.

No label is an id, a name or anything else that a tenant controls; each has a short,
closed list of values.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Kind(StrEnum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric: its name without the suffixes that its type adds, what it says, its
    labels, and the upper bounds of a histogram.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SHARED: Final = "Read from the database, so the same in every process of a cluster."
_LATENCIES: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0),
)
_TRIES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200)

STORE_UP: Final = Declared(
    "tocsin_store_up",
    Kind.GAUGE,
    "1 if the database answered this scrape in time, else 0; then what is read from it "
    "is absent.",
)
OLDEST: Final = Declared(
    "tocsin_oldest_undelivered_age_seconds",
    Kind.GAUGE,
    "Age of the oldest delivery that is neither delivered nor given up, 0 if there is "
    f"none; without those redelivered by hand. {_SHARED}",
)
UNFINISHED: Final = Declared(
    "tocsin_undelivered_deliveries",
    Kind.GAUGE,
    "Deliveries that are neither delivered nor given up, counted up to 10,000; without "
    f"those redelivered by hand. {_SHARED}",
)
OVERDUE: Final = Declared(
    "tocsin_queue_overdue_seconds",
    Kind.GAUGE,
    "How long the most overdue queue has been due without being served, 0 if none is. "
    f"{_SHARED}",
)
HELD_BACK: Final = Declared(
    "tocsin_lanes_held_back",
    Kind.GAUGE,
    "Queues of integrations that have work but are put off to a later time, by back-off "
    f"or a rate limit, counted up to 10,000. {_SHARED}",
)
WORKERS: Final = Declared(
    "tocsin_workers",
    Kind.GAUGE,
    f"Worker sessions that hold a lease. {_SHARED}",
)
UNPOSITIONED: Final = Declared(
    "tocsin_log_unpositioned_events",
    Kind.GAUGE,
    "Events in the log that have no position yet, and that no subscriber sees, counted "
    f"up to 10,000; always 0 on SQLite. {_SHARED}",
)
POSITION_LAG: Final = Declared(
    "tocsin_log_position_lag_seconds",
    Kind.GAUGE,
    f"Age of the oldest event in the log without a position; 0 on SQLite. {_SHARED}",
)
ATTEMPTS: Final = Declared(
    "tocsin_delivery_attempts",
    Kind.COUNTER,
    "Attempts written down, by the verdict on each.",
    ("channel", "outcome"),
)
ATTEMPT_DURATION: Final = Declared(
    "tocsin_delivery_attempt_duration_seconds",
    Kind.HISTOGRAM,
    "From the beginning of an attempt to its verdict.",
    ("channel",),
    _TRIES,
)
FIRST_BYTE: Final = Declared(
    "tocsin_delivery_first_byte_latency_seconds",
    Kind.HISTOGRAM,
    "From acceptance to the first byte sent, of first attempts that sent one.",
    ("channel",),
    _LATENCIES,
)
FINAL: Final = Declared(
    "tocsin_delivery_final_latency_seconds",
    Kind.HISTOGRAM,
    "From acceptance to the final state, of deliveries that a worker ended.",
    ("channel",),
    _LATENCIES,
)
ENDED: Final = Declared(
    "tocsin_deliveries_ended",
    Kind.COUNTER,
    "Deliveries that a worker ended, by final state; what is cancelled while it waits "
    "is not among them.",
    ("channel", "status"),
)
IN_FLIGHT: Final = Declared(
    "tocsin_deliveries_in_flight",
    Kind.GAUGE,
    "Deliveries that this process is sending.",
)
IN_HAND: Final = Declared(
    "tocsin_deliveries_in_hand",
    Kind.GAUGE,
    "Deliveries that this process has claimed and not begun to send.",
)
GROUP: Final = Declared(
    "tocsin_results_per_commit",
    Kind.HISTOGRAM,
    "Results of deliveries that were written down in one commit.",
    (),
    _SIZES,
)
FELL_BACK: Final = Declared(
    "tocsin_followers_fell_back",
    Kind.COUNTER,
    "Times that a subscriber was too slow for live events and went back to the log.",
)
TURNS: Final = Declared(
    "tocsin_store_turns",
    Kind.COUNTER,
    "Transactions of this process: committed, or refused because the database was full, "
    "busy or away (503).",
    ("result",),
)
COMMITS: Final = Declared(
    "tocsin_store_commits",
    Kind.COUNTER,
    "Commits of this process; on SQLite many transactions share one.",
)
TURN_WAIT: Final = Declared(
    "tocsin_store_turn_wait_seconds",
    Kind.COUNTER,
    "Seconds that transactions waited, together, for the writer (SQLite) or for a "
    "connection (PostgreSQL).",
)
REQUESTS: Final = Declared(
    "tocsin_http_requests",
    Kind.COUNTER,
    "HTTP requests answered, by route; 101 is a WebSocket that has ended, 499 a client "
    "that went away.",
    ("route", "status"),
)
OPERATIONS: Final = Declared(
    "tocsin_graphql_operations",
    Kind.COUNTER,
    "GraphQL operations by kind and outcome; never by name, of which there is no end.",
    ("kind", "outcome"),
)
OPERATION_DURATION: Final = Declared(
    "tocsin_graphql_operation_duration_seconds",
    Kind.HISTOGRAM,
    "How long queries and mutations ran.",
    ("kind",),
    _TRIES,
)
WEBSOCKETS: Final = Declared(
    "tocsin_websockets_open",
    Kind.GAUGE,
    "Open WebSockets of this process.",
)
SUBSCRIPTIONS: Final = Declared(
    "tocsin_subscriptions_open",
    Kind.GAUGE,
    "Running subscriptions of this process.",
)
BUILD: Final = Declared(
    "tocsin_build_info",
    Kind.GAUGE,
    "Always 1; the labels say what runs here.",
    ("version", "python", "database"),
)

DECLARED: Final = (
    *(STORE_UP, OLDEST, UNFINISHED, OVERDUE, HELD_BACK, WORKERS, UNPOSITIONED),
    *(POSITION_LAG, ATTEMPTS, ATTEMPT_DURATION, FIRST_BYTE, FINAL, ENDED, IN_FLIGHT),
    *(IN_HAND, GROUP, FELL_BACK, TURNS, COMMITS, TURN_WAIT, REQUESTS, OPERATIONS),
    *(OPERATION_DURATION, WEBSOCKETS, SUBSCRIPTIONS, BUILD),
)
