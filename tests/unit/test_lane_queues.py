"""Lanes take turns, and wait by how briskly they answer."""

from types import SimpleNamespace
from typing import Any

import pytest

from delivery.lane_queues import REMEMBERED, LaneQueues, Pace
from domain.ids import Id

A, B, C = Id(b"a"), Id(b"b"), Id(b"c")


def job(lane: Id, name: int = 0) -> Any:  # noqa: ANN401 - all that queues look at
    return SimpleNamespace(
        held=SimpleNamespace(claimed=SimpleNamespace(lane_id=lane)), name=name
    )


def taken(queues: LaneQueues, pace: Pace) -> list[tuple[Id, int]]:
    found: list[Any] = []
    while queues.waiting(pace):
        found.append(queues.take(pace))
    return [(it.held.claimed.lane_id, it.name) for it in found]


def answered(queues: LaneQueues, *lanes: Id) -> None:
    for lane in lanes:
        queues.ended(lane, waited_for=False, hung=False)


def test_lanes_take_turns() -> None:
    queues = LaneQueues()
    for it in (job(A, 1), job(A, 2), job(A, 3), job(B, 4), job(C, 5), job(C, 6)):
        queues.put(it)
    assert len(queues) == 6
    assert taken(queues, Pace.OPEN) == [(A, 1), (B, 4), (C, 5), (A, 2), (C, 6), (A, 3)]
    assert len(queues) == 0


def test_a_lane_moves_as_it_becomes_known_with_all_that_waits() -> None:
    queues = LaneQueues()
    for lane in (A, B, C):
        queues.put(job(lane))
        queues.put(job(lane))
    answered(queues, A)
    queues.hangs(B)
    assert [queues.waiting(it) for it in Pace] == [2, 2, 2]
    assert [taken(queues, it)[0][0] for it in Pace] == [A, C, B]


def test_a_lane_that_is_waited_for_is_brisk_again_when_it_has_answered() -> None:
    queues = LaneQueues()
    answered(queues, A)
    queues.put(job(A))
    queues.await_(A)
    queues.await_(A)
    assert queues.waiting(Pace.OPEN) == 1
    assert queues.brisk() == []
    queues.ended(A, waited_for=True, hung=False)
    assert queues.waiting(Pace.OPEN) == 1
    queues.ended(A, waited_for=True, hung=False)
    assert queues.waiting(Pace.BRISK) == 1
    assert queues.brisk() == [A]


def test_a_lane_that_hung_is_brisk_after_an_answer() -> None:
    queues = LaneQueues()
    queues.put(job(A))
    queues.ended(A, waited_for=False, hung=True)
    assert queues.waiting(Pace.SLOW) == 1
    answered(queues, A)
    assert queues.waiting(Pace.BRISK) == 1


def test_only_so_many_lanes_are_remembered() -> None:
    queues = LaneQueues()
    lanes = [Id(nth.to_bytes(2, "big")) for nth in range(REMEMBERED + 1)]
    answered(queues, *lanes)
    answered(queues, lanes[2])
    assert len(queues.brisk()) == REMEMBERED
    assert lanes[0] not in queues.brisk()
    answered(queues, A)
    assert lanes[1] not in queues.brisk()
    assert lanes[2] in queues.brisk()


def test_a_lane_that_is_forgotten_while_it_waits_is_still_served() -> None:
    queues = LaneQueues()
    answered(queues, A)
    queues.put(job(A, 1))
    answered(queues, *(Id(nth.to_bytes(2, "big")) for nth in range(REMEMBERED)))
    queues.put(job(A, 2))
    assert taken(queues, Pace.BRISK) + taken(queues, Pace.OPEN) == [(A, 1), (A, 2)]


def test_emptying_gives_all_back() -> None:
    queues = LaneQueues()
    answered(queues, A)
    for lane in (A, A, B):
        queues.put(job(lane))
    assert len(list(queues.empty())) == 3
    assert len(queues) == 0
    with pytest.raises(KeyError):
        queues.take(Pace.BRISK)
