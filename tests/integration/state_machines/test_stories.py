"""Stories that chance would find late, told to the machine and judged by its model."""

from typing import Any

import pytest

from tests.integration.state_machines.machine import on_database

SLOW, DOWN = ("timeout", "slow", "HIGH"), ("timeout", "down", "CRITICAL")
WORSE = ("timeout", "worse", "CRITICAL")
OFF, ON = (("update", 0, ("active", value)) for value in (False, True))
QUIET = ("update", 0, ("down_only", True))
MOVED = ("update", 0, ("url", None))
NOTHING = ("createServer", 0)
HOUR = 3_600_000


def report(text: tuple[str, str, str] = SLOW, key: str | None = "a") -> Any:  # noqa: ANN401
    return ("report", key, 0, text, None)


def close(how: str = "resolve", key: str = "a") -> Any:  # noqa: ANN401
    return ("close", f"{how}Incident", key, 0)


STORIES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "who was told nothing of the opening is told nothing of the end": (
        "plain",
        [("one", OFF), ("one", report()), ("one", ON), ("one", close())],
    ),
    "who was disabled meanwhile gets its cancelled end": (
        "plain",
        [("one", report()), ("one", OFF), ("one", close()), ("one", ON)],
    ),
    "a newer update takes the place of one that waits": (
        "card",
        [
            *[("mood", 0, "hang"), ("one", report())],
            *[("one", report(DOWN)), ("one", report(WORSE)), ("mood", 0, "200")],
            *[("let_go", 0, "200", NOTHING), ("one", close("acknowledge"))],
        ],
    ),
    "what is sent again by hand stands outside the order": (
        "plain",
        [
            *[("one", report()), ("one", close()), ("mood", 0, "500")],
            *[("one", ("redeliver", 0)), ("one", report()), ("mood", 0, "200")],
            *[("one", ("redeliver", 1)), ("time", HOUR)],
        ],
    ),
    "down alerts only wins over the end": (
        "plain",
        [("one", report()), ("one", QUIET), ("one", close())],
    ),
    "what was over before it was tried is told to nobody who skips that": (
        "stale",
        [
            ("mood", 0, "500"),
            *[("one", report(key=None))] * 3,
            *[("one", report(key="b")), ("one", report(DOWN, key="b"))],
            *[("one", close(key="b")), ("mood", 0, "200"), ("time", 2 * HOUR)],
        ],
    ),
    "what is too old is given up": (
        "plain",
        [
            ("mood", 0, "500"),
            *[("one", report(key=None))] * 4,
            *[("time", 25 * HOUR), ("mood", 0, "200"), ("one", report())],
        ],
    ),
    "what was sent again and met a rate limit is given up too": (
        "plain",
        [
            *[("one", report()), ("mood", 0, "429"), ("one", report(key="b"))],
            *[("one", ("redeliver", 0)), ("one", ("redeliver", 0))],
            *[("time", 25 * HOUR), ("mood", 0, "200"), ("time", 1_000)],
        ],
    ),
    "switched off and on while in flight": (
        "card",
        [
            *[("mood", 0, "hang"), ("one", report()), ("off_and_on", 0)],
            *[("one", close("acknowledge")), ("mood", 0, "200")],
            *[("let_go", 0, "500", NOTHING), ("time", HOUR)],
        ],
    ),
    "corrected while its old address says that it is gone": (
        "plain",
        [
            *[("mood", 0, "hang"), ("one", report()), ("one", MOVED)],
            *[("mood", 0, "410"), ("let_go", 0, "410", NOTHING), ("time", HOUR)],
        ],
    ),
    "everything at once": (
        "card",
        [
            ("at_once", [report(), report(DOWN), close(), report(WORSE)]),
            ("at_once", [OFF, close(), report(), ON]),
            ("at_once", [("redeliver", 0), ("redeliver", 0), OFF, MOVED]),
            ("same_at_once", ("report", "c", 0, SLOW, "once"), 4),
            ("at_once", [("deleteIntegration", 0), report(), close(key="c")]),
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_stories(database_url: str, story: str) -> None:
    kind, steps = STORIES[story]
    machine = on_database(database_url, 1)()
    try:
        machine.begin(kind=kind, attached=[(0, 0), (0, 1)])
        for name, *arguments in steps:
            getattr(machine, name)(*arguments)
    finally:
        machine.teardown()
