"""How many sends may be in flight."""

import resource

import pytest

from delivery.lane_queues import Pace
from delivery.senders import MOST, most_at_once


@pytest.mark.parametrize(
    ("files", "most"),
    [(512, 256), (1_024, 512), (1 << 20, MOST), (resource.RLIM_INFINITY, MOST)],
)
def test_half_of_the_open_files_are_for_sends(files: int, most: int) -> None:
    assert most_at_once(files)[Pace.BRISK] == most


def test_who_is_not_known_to_answer_leaves_room() -> None:
    most = most_at_once(1 << 20)
    assert most[Pace.BRISK] > most[Pace.OPEN] > most[Pace.SLOW]
