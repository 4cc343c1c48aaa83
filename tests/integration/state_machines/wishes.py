"""What clients wish for, as Hypothesis draws it, and the operations that come of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import hypothesis.strategies as st

from tests.integration.state_machines.arrangements import (
    Attach,
    CreateIntegration,
    CreateServer,
    DeleteIntegration,
    DeleteServer,
    Update,
)
from tests.integration.state_machines.judge import Stored
from tests.integration.state_machines.model import Key, Model, Text
from tests.integration.state_machines.operations import (
    Answer,
    Close,
    Operation,
    Redeliver,
    Report,
)

T = TypeVar("T")
Wish = tuple[Any, ...]

NUMBERS: Final = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4])
"""Mostly the same few, so that operations meet."""

REPORTS: Final = st.tuples(
    st.just("report"),
    st.sampled_from(["a", "a", "b", None]),
    NUMBERS,
    st.sampled_from([("timeout", "slow", "HIGH"), ("timeout", "down", "CRITICAL")]),
    st.sampled_from([None, None, None, "once 1", "once 2"]),
)
CLOSINGS: Final = st.tuples(
    st.just("close"),
    st.sampled_from(["acknowledgeIncident", "resolveIncident", "resolveIncident"]),
    st.sampled_from(["a", "a", "b", None]),
    NUMBERS,
)
SWITCHES: Final = st.tuples(
    st.just("update"),
    NUMBERS,
    st.sampled_from(
        [
            *[("active", False), ("active", True)] * 2,
            *[("down_only", True), ("down_only", False), ("url", None)],
        ]
    ),
)
PAIRS: Final = st.tuples(
    st.sampled_from(["attachIntegrationToServer", "detachIntegrationFromServer"]),
    NUMBERS,
    NUMBERS,
)
REDELIVERIES: Final = st.tuples(st.just("redeliver"), st.integers(0, 50))
RARE: Final = st.tuples(
    st.sampled_from(["deleteServer", "deleteIntegration", "create", "createServer"]),
    st.integers(0, 4),
)
WISHES: Final = st.one_of(
    *[REPORTS] * 6,
    *[CLOSINGS] * 4,
    *[SWITCHES] * 4,
    *[REDELIVERIES] * 4,
    *(PAIRS, PAIRS, RARE),
)
"""What clients want, by numbers: who is meant is known when it is sent."""


def pick(among: Iterable[T], which: int) -> T:
    """Return one of those that there are, by a number that may be too great."""
    listed = list(among)
    return listed[which % len(listed)]


class Namer:
    """Turns wishes into operations, and gives each integration addresses of its own:
    `slots` are what the addresses of one have in common.
    """

    def __init__(self) -> None:
        """Begin with no address."""
        self.slots: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self._given = 0

    def create(self) -> CreateIntegration:
        """Return the making of an integration."""
        self._given += 1
        return CreateIntegration(f"http://127.0.0.1:9/{self._given}/0")

    def note(self, operations: Sequence[Operation], answers: Sequence[Answer]) -> None:
        """Learn whose the addresses of new integrations are."""
        for operation, answer in zip(operations, answers, strict=True):
            if isinstance(operation, CreateIntegration) and answer.id:
                self.owners[operation.url] = answer.id
                self.slots[answer.id] = operation.url.rpartition("/")[0]

    def operation(
        self,
        wish: Wish,
        model: Model,
        stored: Mapping[Key, Stored],
    ) -> Operation | None:
        """Return what a wish means now; None where it can mean nothing yet."""
        match wish:
            case ("report", key, server, text, once):
                return Report(pick(model.servers, server), key, Text(*text), once)
            case ("close", mutation, key, which):
                return _closing(mutation, key, which, model)
            case ("redeliver", which):
                return _redelivery(which, model, stored)
            case _:
                return self._of_resources(wish, model)

    def _of_resources(self, wish: Wish, model: Model) -> Operation:
        match wish:
            case ("create", _):
                return self.create()
            case ("createServer", _):
                return CreateServer("web-n")
            case ("update", which, change):
                return self._update(pick(model.integrations, which), *change)
            case ("deleteServer", which):
                return DeleteServer(pick(model.servers, which))
            case ("deleteIntegration", which):
                return DeleteIntegration(pick(model.integrations, which))
            case _:
                mutation, server, which = wish
                pair = pick(model.servers, server), pick(model.integrations, which)
                return Attach(mutation, *pair)

    def _update(self, integration: str, name: str, value: bool | None) -> Update:
        if name == "active":
            return Update(integration, active=value)
        if name == "down_only":
            return Update(integration, down_only=value)
        self._given += 1
        url = f"{self.slots[integration]}/{self._given}"
        self.owners[url] = integration
        return Update(integration, url=url)


def _closing(mutation: str, key: str | None, which: int, model: Model) -> Close | None:
    if key is not None:
        return Close(mutation, None, key)
    if not model.incidents:
        return None
    return Close(mutation, pick(model.incidents, which), None)


def _redelivery(
    which: int, model: Model, stored: Mapping[Key, Stored]
) -> Redeliver | None:
    if not model.owed:
        return None
    key = pick(model.owed, which)
    return Redeliver(stored[key].id, key)
