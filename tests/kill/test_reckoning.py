"""The reckoning and the comparison find each fault that they are there for."""

from dataclasses import replace
from typing import Any, cast

import orjson
import pytest

from delivery.cursor import Cursor, encode
from domain.deliveries import OutcomeKind
from domain.ids import Id, new_id
from models.store import Row
from sandbox.ledger import Seen
from tests.kill.follower import compare
from tests.kill.reckoning import Figures, Reckoning

INCIDENT, INTEGRATION, OPENED, RESOLVED = (new_id() for _ in range(4))
PROMISES = {INCIDENT: ["OPENED", "RESOLVED"]}


def row(**columns: Any) -> Row:  # noqa: ANN401
    return cast("Row", columns)


def delivery(key: Id, number: int, kind: str, status: int = 4) -> Row:
    columns = {
        "id": key,
        "incident_id": INCIDENT,
        "integration_id": INTEGRATION,
        "number": number,
        "kind": kind,
        "status": status,
        "message_id": kind,
    }
    return row(**columns)


def tried(started_at: int, outcome: OutcomeKind | None) -> Row:
    return row(started_at=started_at, outcome=outcome)


def seen(at: int, message: str, refused: str | None = None) -> Seen:
    return Seen(
        at=at,
        method="POST",
        path="/",
        message_id=message,
        timestamp="1",
        body_sha256="x",
        refused=refused,
    )


def good() -> Reckoning:
    """One beginning, of which the answer got lost once, and one end."""
    first = [tried(10, OutcomeKind.UNKNOWN), tried(30, OutcomeKind.SENT)]
    deliveries = [delivery(OPENED, 1, "OPENED"), delivery(RESOLVED, 2, "RESOLVED")]
    return Reckoning(
        deliveries=deliveries,
        tries={OPENED: first, RESOLVED: [tried(50, OutcomeKind.SENT)]},
        seen={
            "OPENED": [seen(11, "OPENED"), seen(31, "OPENED")],
            "RESOLVED": [seen(51, "RESOLVED")],
        },
    )


def figures(reckoning: Reckoning) -> Figures:
    return reckoning.figures(PROMISES, 1)


def test_what_went_well_is_not_at_fault() -> None:
    account = figures(good())
    assert account.faults == {}
    numbers = (account.accepted, account.delivered, account.requests)
    assert (*numbers, account.duplicates) == (2, 2, 3, 1)


def with_seen(message: str, *requests: Seen) -> Reckoning:
    reckoning = good()
    return replace(reckoning, seen={**reckoning.seen, message: requests})


def with_tries(key: Id, *tries: Row) -> Reckoning:
    reckoning = good()
    return replace(reckoning, tries={**reckoning.tries, key: tries})


def with_deliveries(*rows: Row) -> Reckoning:
    return replace(good(), deliveries=rows)


FAULTS = {
    "nothing arrived": ("lost", with_seen("RESOLVED")),
    "not delivered": (
        "lost",
        with_deliveries(
            delivery(OPENED, 1, "OPENED"), delivery(RESOLVED, 2, "RESOLVED", 5)
        ),
    ),
    "never stored": ("lost", with_deliveries(delivery(OPENED, 1, "OPENED"))),
    "sent again after success": (
        "unexplained",
        with_tries(OPENED, tried(10, OutcomeKind.SENT), tried(30, OutcomeKind.SENT)),
    ),
    "more requests than tries": (
        "unrecorded",
        with_seen("RESOLVED", seen(51, "RESOLVED"), seen(52, "RESOLVED")),
    ),
    "sent before it was on disk": (
        "unrecorded",
        with_tries(RESOLVED, tried(60, OutcomeKind.SENT)),
    ),
    "of no delivery": ("unrecorded", with_seen("OTHER", seen(5, "OTHER"))),
    "too early": ("disordered", with_seen("RESOLVED", seen(20, "RESOLVED"))),
    "another body": (
        "refused",
        with_seen("OPENED", seen(31, "OPENED", "another body")),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_is_found(case: str) -> None:
    rule, reckoning = FAULTS[case]
    assert rule in figures(reckoning).faults


def event(position: int, status: str = "PENDING") -> dict[str, Any]:
    cursor = encode(Cursor(INCIDENT, bytes(8), position))
    shown = {"id": "dlv_1", "status": status, "attemptCount": 0}
    return {"cursor": cursor, "delivery": shown}


def logged(*positions: int) -> list[Row]:
    rows = []
    for it in positions:
        body = {"delivery": {**event(it)["delivery"], "more": 1}}
        rows.append(row(position=it, body=orjson.dumps(body).decode()))
    return rows


def test_what_was_taken_as_logged_does_not_differ() -> None:
    assert compare([event(1), event(4)], logged(1, 4)) == []


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ([event(1)], "missing"),
        ([event(4)], "missing"),
        ([event(1), event(1), event(4)], "twice"),
        ([event(4), event(1)], "out of order"),
        ([event(1), event(3), event(4)], "not as logged"),
        ([event(1), event(4, "FAILED")], "not as logged"),
    ],
)
def test_each_difference_from_the_log_is_found(
    taken: list[dict[str, Any]], words: str
) -> None:
    assert words in " ".join(compare(taken, logged(1, 4)))
