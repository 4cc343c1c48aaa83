"""What happens in the demo: incidents open, are acknowledged, and end."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from server.demo.client import CallFailedError, Client
from server.demo.scene import Scene
from server.demo.story import INCIDENTS

AT_FIRST: Final = 6
"""Incidents that open at once, so that the first look shows some."""

BETWEEN_S: Final = (3.0, 12.0)
OPEN_MOST: Final = 12

_REPORT = """
mutation ($input: ReportIncidentInput!) {
  reportIncident(input: $input) { incident { id } errors { message } } }"""
_ACKNOWLEDGE = """
mutation ($input: AcknowledgeIncidentInput!) {
  acknowledgeIncident(input: $input) { incident { id } errors { message } } }"""
_RESOLVE = """
mutation ($input: ResolveIncidentInput!) {
  resolveIncident(input: $input) { incident { id } errors { message } } }"""

Happening = Callable[[], Awaitable[None]]

_log = structlog.get_logger("tocsin.demo")


class Trickle:
    """Has something happen now and then."""

    def __init__(self, client: Client, scene: Scene, chance: random.Random) -> None:
        """Begin with no incident open."""
        self._client = client
        self._scene = scene
        self._chance = chance
        self._open: deque[str] = deque()

    async def run(self) -> None:
        """Go on until cancelled; a call that fails is one that does not happen."""
        for _ in range(AT_FIRST):
            await self._happen(self._report)
        while True:
            await asyncio.sleep(self._chance.uniform(*BETWEEN_S))
            await self._happen(self._chosen())

    def _chosen(self) -> Happening:
        if len(self._open) >= OPEN_MOST:
            return self._resolve
        choices: list[Happening] = [self._report]
        if self._open:
            choices += [self._report, self._resolve, self._resolve, self._acknowledge]
        return self._chance.choice(choices)

    async def _happen(self, happening: Happening) -> None:
        try:
            await happening()
        except CallFailedError as error:
            _log.info("did not happen", why=str(error))

    async def _report(self) -> None:
        kind, message, severity = self._chance.choice(INCIDENTS)
        given = {
            "serverId": self._chance.choice(self._scene.servers),
            "incidentType": kind,
            "message": message,
            "severity": severity,
        }
        reported = await self._client.call(_REPORT, input=given)
        self._open.append(reported["incident"]["id"])

    async def _acknowledge(self) -> None:
        given = {"incidentId": self._chance.choice(self._open)}
        await self._client.call(_ACKNOWLEDGE, input=given)

    async def _resolve(self) -> None:
        given = {"incidentId": self._open.popleft()}
        await self._client.call(_RESOLVE, input=given)
