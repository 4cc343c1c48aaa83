"""Sends webhooks the way a worker does, without storage, each time a line comes."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

from pydantic import SecretStr

from delivery import bodies
from delivery.classify import classify
from delivery.guard import Guard
from delivery.sender import Sender
from domain.channels import Context
from domain.clock import system_clock
from domain.deliveries import OutcomeKind
from domain.ids import new_id
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot
from domain.steps import ReadyRequest, Skip
from notifiers.webhook import CHANNEL, WebhookSettings, finish

SECRET = "whsec_" + "QUFB" * 10
AT_ONCE = 64
MESSAGE_ID = "msg_" + "x" * 26
NOW = system_clock()
SNAPSHOT = Snapshot(
    kind=EventKind.OPENED,
    number=1,
    at=NOW,
    incident_id=new_id(),
    incident_type="timeout",
    message="no answer",
    severity=Severity.HIGH,
    status=IncidentStatus.TRIGGERED,
    started_at=NOW,
    resolved_at=None,
    resource_name="web-1",
    resource_url="web-1.example.com",
    resource_type="Server",
)


async def main(url: str, count: int) -> None:
    """Render, sign, send and judge."""
    sender = Sender(Guard(dev=True))
    settings = WebhookSettings(webhook_url=url, signing_secret=SecretStr(SECRET))

    async def send() -> None:
        steps = CHANNEL.render(Context(snapshot=SNAPSHOT, settings=settings))
        assert not isinstance(steps, Skip)
        ready = bodies.ready(steps[0], settings)
        assert isinstance(ready, ReadyRequest)
        now = system_clock()
        reply = await sender.send(finish(ready, settings, MESSAGE_ID, now))
        outcome = classify(CHANNEL, steps[0], reply, system_clock())
        assert outcome.kind is OutcomeKind.SENT, outcome

    async def work(left: Iterator[int]) -> None:
        for _ in left:
            await send()

    while await asyncio.to_thread(sys.stdin.readline):
        left = iter(range(count))
        begun, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work(left) for _ in range(AT_ONCE)))
        spent = time.perf_counter() - begun, time.process_time() - used
        print(json.dumps(spent), flush=True)
    await sender.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
