"""Finds out what waits, what is broken and which keys are needed."""

import re
from collections import Counter
from typing import Final

import orjson

from delivery.lease import is_dead
from domain.timing import DAY
from models.crypto import (
    BadKeyRingError,
    CannotOpenError,
    KeyRing,
    UnknownKeyError,
    key_id_of,
)
from models.secret_storage import open_all
from models.store import Store
from server.backup_keys import ids, place_of, ring_at_hand
from server.config import Config
from server.doctor.keys import Keys
from server.doctor.work import HeldBack, Work

SHOWN_MOST: Final = 100
HOSTS_MOST: Final = 20

_WAITING: Final = """
SELECT count(*) AS waiting, min(created_at) AS oldest FROM delivery
WHERE status IN (0, 2)"""

_DUE: Final = """
SELECT min(next_due_at) FROM lane
WHERE next_due_at IS NOT NULL AND closed_until <= $1"""

_HELD_BACK: Final = """
SELECT i.name, l.failures, l.failing_since, l.closed_until,
 (SELECT d.error FROM delivery d WHERE d.lane_id = l.id AND d.status = 2
  AND d.error IS NOT NULL AND d.due_at IS NOT NULL ORDER BY d.due_at, d.id LIMIT 1)
  AS error
FROM lane l JOIN integration i ON i.id = l.integration_id
WHERE l.closed_until > $1 AND l.failures > 0 ORDER BY l.failing_since LIMIT 1000"""

_BROKEN: Final = """
SELECT name FROM integration WHERE NOT active AND error IS NOT NULL
AND deleted_at IS NULL ORDER BY updated_at DESC LIMIT 1000"""

_FAILED: Final = "SELECT count(*) FROM delivery WHERE status = 5 AND updated_at > $1"
_ORPHANS: Final = "SELECT count(*) FROM delivery d WHERE d.status = 1 AND "
_UNNUMBERED: Final = "SELECT min(at) FROM event_log WHERE position IS NULL"
_END: Final = """
SELECT at FROM event_log WHERE position IS NOT NULL ORDER BY position {} LIMIT 1"""

_SECRETS: Final = """
SELECT id, project_id, secrets FROM integration
WHERE secrets <> '{}' AND deleted_at IS NULL"""

_SETTINGS: Final = """
SELECT settings FROM integration WHERE active AND deleted_at IS NULL LIMIT 1000"""

_HOST: Final = re.compile(r"https?://(?:[^/@\s\"]*@)?([A-Za-z0-9.-]+)")


async def work(store: Store, config: Config, now: int) -> Work:
    """Find out about the work."""
    row = await store.fetchrow(_WAITING)
    assert row is not None  # noqa: S101 - an aggregate
    broken = await store.fetch(_BROKEN)
    return Work(
        now=now,
        waiting=row["waiting"],
        oldest_waiting=row["oldest"],
        due=await _due(store, now),
        held_back=await _held_back(store, now),
        broken=[it["name"] for it in broken],
        failed=await store.fetchval(_FAILED, now - DAY),
        orphans=await store.fetchval(_ORPHANS + is_dead(store.dialect)),
        unnumbered=await _unnumbered(store),
        oldest=await store.fetchval(_END.format("")),
        events_kept=config.event_retention_days * DAY,
    )


async def newest_event(store: Store) -> int | None:
    """Return the time of the newest event stored."""
    at: int | None = await store.fetchval(_END.format("DESC"))
    return at


async def keys(store: Store | None, config: Config) -> Keys:
    """Find out about the keys, and whether each stored secret opens."""
    ring, fault = None, None
    try:
        ring = ring_at_hand(config)
    except (BadKeyRingError, UnicodeDecodeError) as error:
        fault = str(error) if isinstance(error, BadKeyRingError) else "it is no text."
    except OSError as error:
        fault = f"{error.strerror}."
    used: Counter[str] = Counter()
    unopened: Counter[str] = Counter()
    for row in await store.fetch(_SECRETS) if store else []:
        for path, entry in orjson.loads(row["secrets"]).items():
            key_id = key_id_of(entry["sealed"])
            used[key_id] += 1
            single = {path: entry}
            unopened[key_id] += not _opens(ring, row["project_id"], row["id"], single)
    return Keys(
        place=place_of(config),
        held=ids(ring) if ring else None,
        fault=fault,
        used=used,
        unopened={
            it: count for it, count in unopened.items() if count and it in ids(ring)
        },
        must_be_given=not config.sqlite and not config.development,
    )


async def hosts(store: Store) -> list[str]:
    """Return names of far ends that active integrations dial, some of them."""
    rows = await store.fetch(_SETTINGS)
    found = {host for row in rows for host in _HOST.findall(row["settings"])}
    return sorted(found)[:HOSTS_MOST]


def _opens(ring: KeyRing | None, *place_and_entry: object) -> bool:
    if ring is None:
        return True
    try:
        open_all(ring, *place_and_entry)  # type: ignore[arg-type]
    except UnknownKeyError:
        return True  # is told of otherwise
    except CannotOpenError:
        return False
    return True


async def _due(store: Store, now: int) -> int | None:
    found = [await store.fetchval(_DUE, now)]
    if store.dialect == "postgres":
        found.append(await store.fetchval("SELECT min(due_at) FROM wake"))
    return min((it for it in found if it is not None), default=None)


async def _held_back(store: Store, now: int) -> list[HeldBack]:
    return [
        HeldBack(
            name=row["name"],
            failures=row["failures"],
            since=row["failing_since"] or now,
            until=row["closed_until"],
            error=(row["error"] or "")[:SHOWN_MOST] or None,
        )
        for row in await store.fetch(_HELD_BACK, now)
    ]


async def _unnumbered(store: Store) -> int | None:
    if store.dialect == "sqlite":
        return None
    at: int | None = await store.fetchval(_UNNUMBERED)
    return at
